%% Stands where Erlang asks its port mapper (epmd). A broker of one node has nobody to find, and epmd would outlive
%% the lab and listen on 127.0.0.1 beside the lab's own address. The callbacks are those of OTP's erl_epmd, which
%% knows the node's own port from `-erl_epmd_port`: https://www.erlang.org/docs/25/man/erl_epmd
-module(lab_epmd).
-export([start_link/0, register_node/2, register_node/3, listen_port_please/2]).
-export([port_please/2, port_please/3, address_please/3, names/0, names/1]).

start_link() -> ignore.
register_node(_Name, _Port) -> {ok, 1}.
register_node(_Name, _Port, _Family) -> {ok, 1}.
listen_port_please(Name, Host) -> erl_epmd:listen_port_please(Name, Host).
port_please(Name, Host) -> erl_epmd:port_please(Name, Host).
port_please(Name, Host, Timeout) -> erl_epmd:port_please(Name, Host, Timeout).
address_please(Name, Host, Family) -> erl_epmd:address_please(Name, Host, Family).
names() -> {ok, []}.
names(_Host) -> {ok, []}.
