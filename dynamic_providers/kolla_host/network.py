"""The network of a host that runs, brought to what is declared by a change that the host itself takes back.

The new file takes the former one's place only once it is confirmed over a fresh SSH connection. Until then a unit of the
host's own systemd waits to make the former network again, whatever becomes of connection, run or host.
"""

import json
import re
import shlex
import time
from typing import Any

from clients import ssh
from clients.errors import CloudError
from clients.progress import log_line
from dynamic_providers.kolla_host.probe import Found

FOLDER = "/etc/private-cloud"
FILE = f"{FOLDER}/network.json"
"""What host_image/host_network.py makes the network from; the kickstart writes it first."""

CONFIRM_S = 60  # how long the host waits to be reached before it takes the change back
_APPLY_S = 120  # as TimeoutStartSec of host-network.service
_LIMIT_S = 2 * _APPLY_S + CONFIRM_S + 30  # the change, the wait, the way back, and links that settle
_POLL_S = 2
_UNIT = "private-cloud-network"  # there is one at a time, so two runs cannot change the same host
_OUTPUT_FILE = f"/run/{_UNIT}.said"
_OF_THE_INSTALLATION = ("management", "datapath_type")

# systemd would put its own values for dollar signs, so there are none. The pause lets the answer to the start get
# out. Of two that move or remove the same file one succeeds: either this unit or the confirmation.
_CHANGE = f"""\
cd {FOLDER}
sleep 1
if timeout {_APPLY_S} /usr/libexec/private-cloud/host-network {FILE}.new 2> {_OUTPUT_FILE}; then
    mv {FILE}.new {FILE}.applied
    timeout {CONFIRM_S} sh -c 'while [ -e {FILE}.applied ]; do sleep 1; done'
    rm {FILE}.applied || exit 0
fi
systemctl restart host-network 2>> {_OUTPUT_FILE}
"""
_START = f"""\
if systemctl is-active --quiet {_UNIT}; then echo network changing; exit 0; fi
set -e
rm -f {FILE}.applied
cat > {FILE}.new
chmod 0644 {FILE}.new
sync {FILE}.new
systemd-run --quiet --collect --unit={_UNIT} sh -c {shlex.quote(_CHANGE)}
echo network started
"""
_CONFIRM = f"""\
if mv {FILE}.applied {FILE} 2> /dev/null; then echo network confirmed
elif systemctl is-active --quiet {_UNIT}; then echo network changing
else echo network restored; cat {_OUTPUT_FILE} || true; fi
"""
_STATE = re.compile(r"^network (started|confirmed|changing|restored)$", re.MULTILINE)


def differences(declared: str | None, found: Found) -> list[str]:
    """What of the host's file is not as the text DECLARED, by its keys; none without one, or without such a file there."""
    if declared is None or (found.network is None and found.network_error is None):
        return []
    wanted, there = json.loads(declared), found.network or {}
    return [key for key in sorted({*wanted, *there}) if wanted.get(key) != there.get(key)]


def require_changeable(name: str, declared: str, found: Found) -> None:
    """Refuse what would cut the host off, or cannot be changed while it runs."""
    if found.network is None:
        raise CloudError(
            f"host {name}: {FILE} there cannot be read ({found.network_error}); put {declared} there, then"
            " `systemctl restart host-network`, or install it anew from its kickstart"
        )
    wanted = json.loads(declared)
    for key in _OF_THE_INSTALLATION:
        if wanted[key] != found.network.get(key):
            raise CloudError(
                f"host {name}: {_OF[key]} in {FILE} there is {_shown(found.network.get(key))}, in the stack file"
                f" {_shown(wanted[key])}; that is not changed while it runs: correct the stack file, or install it"
                " anew from its kickstart"
            )
    missing = [link for link in wanted["links"] if link not in found.interfaces]
    if missing:
        raise CloudError(
            f"host {name} has no link {' and no link '.join(missing)}, and its network stays as it was; correct its"
            " links in the stack file, as `ip link` shows them there"
        )


_OF = {
    "management": "the management port",
    "datapath_type": "Open vSwitch's datapath (kolla.globals.ovs_datapath)",
}


def describe(declared: str, found: Found) -> str:
    """What changes, as ``vlans [120] → [120, 130]``."""
    wanted, there = json.loads(declared), found.network or {}
    return ", ".join(
        f"{key} {_shown(there.get(key))} → {_shown(wanted.get(key))}" for key in differences(declared, found)
    )


def change(host: ssh.SshHost, declared: str) -> None:
    """Have the host make its network from DECLARED, and confirm that it is reached by it.

    A former change that nobody confirmed is waited for first.

    Raises:
        CloudError: it has its former network again, or does not answer any more; the sentence says which, and why.
    """
    until = time.monotonic() + _LIMIT_S
    stuck = f"{host.where}: its unit {_UNIT} does not end; look at `systemctl status {_UNIT}` there"
    while _ask(host, _START, given=declared)[0] == "changing":
        _give_up_after(until, stuck)
        log_line(
            f"host {host.name} still waits for a former change of its network to be confirmed or taken back"
        )
        time.sleep(_POLL_S)
    while True:
        time.sleep(_POLL_S)
        try:
            state, output = _ask(host, _CONFIRM)
        except ssh.HostUnreachable as error:
            _give_up_after(
                until,
                f"{error}; it was given another network and should have taken it back {CONFIRM_S} s later: look at"
                " its console",
            )
            log_line(f"host {host.name} does not answer with its new network yet")
            continue
        if state == "confirmed":
            return
        if state == "restored":
            why = f"it could not make it ({output})" if output else f"nobody reached it within {CONFIRM_S} s"
            raise CloudError(
                f"host {host.name} did not come up with the network that is declared, and has its former one again:"
                f" {why}; correct its links, bond_mode and vlans and host_image.mtu, or the cables and switch ports"
            )
        _give_up_after(until, stuck)


def _ask(host: ssh.SshHost, command: str, given: str = "") -> tuple[str, str]:
    """The state that the host tells, and what comes after it; what a login prints comes before."""
    printed = ssh.run(host, command, given=given)
    found = _STATE.search(printed)
    if found is None:
        raise CloudError(
            f"{host.where}: what it printed is no answer; look what its shell runs at login there"
        )
    return found[1], " ".join(printed[found.end() :].split())


def _give_up_after(until: float, sentence: str) -> None:
    if time.monotonic() > until:
        raise CloudError(sentence)


def _shown(value: Any) -> str:
    if isinstance(value, dict):  # the management port
        return f"{value.get('address')} on VLAN {value.get('vlan')}, gateway {value.get('gateway') or 'none'}"
    return "nothing" if value is None else str(value)
