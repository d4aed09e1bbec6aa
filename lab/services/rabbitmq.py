"""RabbitMQ: one node on the lab's address, a virtual host and an account for each service, and no guest.

Its accounts come from a definitions file that it reads whenever it starts, so that nobody runs `rabbitmqctl`, and
it runs without Erlang's port mapper (`lab_epmd.erl` says why).
See https://www.rabbitmq.com/docs/3.13/definitions and https://www.rabbitmq.com/docs/3.13/passwords.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from lab import commands, packages
from lab.configuration import File
from lab.daemon import Daemon, UnhealthyError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.settings import Lab

ACCOUNTS = ("neutron", "nova", "cinder")
SOURCE = Path(__file__).with_name("lab_epmd.erl")
HELLO = b"AMQP\x00\x00\x09\x01"
START = b"\x00\x0a\x00\x0a"  # class connection, method start: what a server says first
MEMORY = 512 * 1024**2


def folder(lab: Lab) -> Path:
    """Where the node keeps its queues, its cookie and the compiled module."""
    return lab.data / "rabbitmq"


def erlang(address: str) -> str:
    """Write an address as Erlang does."""
    return f"{{{address.replace('.', ',')}}}"


def password_hash(name: str, password: str) -> str:
    """Hash a password as RabbitMQ does: four bytes of salt, then SHA-256 of salt and password.

    The salt comes from the name, so that the file is the same at each `up`; the passwords are long and random.
    """
    salt = hashlib.sha256(name.encode()).digest()[:4]
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def files(lab: Lab, secrets: Mapping[str, str]) -> tuple[File, ...]:
    """Render the node's configuration, its accounts and its cookie."""
    etc = lab.etc / "rabbitmq"
    options = {
        "listeners.tcp.1": f"{lab.address}:{lab.ports.rabbitmq}",
        "load_definitions": etc / "definitions.json",
        "log.console": "true",
        "log.console.level": "warning",
        "log.channel.level": "critical",  # `consumers` asks for queues that are not there yet
        "log.file": "false",
        "vm_memory_high_watermark.absolute": MEMORY,
        "disk_free_limit.absolute": "50MB",
    }
    definitions = {
        "vhosts": [{"name": name} for name in ACCOUNTS],
        "users": [
            {
                "name": name,
                "password_hash": password_hash(name, secrets[f"rabbitmq/{name}"]),
                "hashing_algorithm": "rabbit_password_hashing_sha256",
                "tags": "",
            }
            for name in ACCOUNTS
        ],
        "permissions": [
            {"user": name, "vhost": name, "configure": ".*", "write": ".*", "read": ".*"} for name in ACCOUNTS
        ],
    }
    return (
        File(etc / "rabbitmq.conf", "".join(f"{key} = {value}\n" for key, value in options.items())),
        File(etc / "definitions.json", json.dumps(definitions, indent=1) + "\n"),
        File(etc / "enabled_plugins", "[].\n"),
        File(etc / "rabbitmq-env.conf", ""),  # or the machine's own would be read
        # The node asks for the name of the address it listens on: no name server shall make it wait for minutes.
        File(etc / "inetrc", f'{{host, {erlang(lab.address)}, ["lab"]}}.\n{{lookup, [file]}}.\n'),
        File(folder(lab) / "home" / ".erlang.cookie", secrets["rabbitmq/erlang-cookie"]),
    )


def prepare(lab: Lab) -> None:
    """Compile the module that replaces the port mapper, if it is missing or older than its source."""
    compiled = folder(lab) / "lab_epmd.beam"
    if compiled.exists() and compiled.stat().st_mtime > SOURCE.stat().st_mtime:
        return
    compiled.parent.mkdir(parents=True, exist_ok=True)
    commands.logged(["erlc", "-o", str(compiled.parent), str(SOURCE)], lab.log / "make-rabbitmq.log")


def url(lab: Lab, secrets: Mapping[str, str], name: str) -> str:
    """Return a service's transport_url for oslo.messaging."""
    return f"rabbit://{name}:{secrets[f'rabbitmq/{name}']}@{lab.address}:{lab.ports.rabbitmq}/{name}"


def consumers(lab: Lab, secrets: Mapping[str, str], name: str, queue: str) -> int:
    """Count the consumers of a service's queue; 0 if there is no such queue."""
    import amqp  # noqa: PLC0415 - only the lab's venv has it, and `install` runs without

    try:
        with (
            amqp.Connection(
                host=f"{lab.address}:{lab.ports.rabbitmq}",
                userid=name,
                password=secrets[f"rabbitmq/{name}"],
                virtual_host=name,
                connect_timeout=5,
                read_timeout=5,
                write_timeout=5,
            ) as connection,
            connection.channel() as channel,
        ):
            return int(channel.queue_declare(queue, passive=True).consumer_count)
    except amqp.exceptions.NotFound:
        return 0
    except (OSError, amqp.exceptions.AMQPError) as problem:
        raise UnhealthyError(f"the broker does not answer ({problem})") from None


def health(lab: Lab) -> str:
    """Send the broker AMQP's greeting; a node that is still starting does not answer it."""
    try:
        with socket.create_connection((lab.address, lab.ports.rabbitmq), timeout=5) as conversation:
            conversation.sendall(HELLO)
            frame = conversation.recv(11)
    except OSError as problem:
        raise UnhealthyError(f"no answer ({problem})") from None
    if frame[7:11] != START:
        raise UnhealthyError(f"it does not speak AMQP 0-9-1: {frame!r}")
    return "answers"


def daemons(lab: Lab, secrets: Mapping[str, str]) -> tuple[Daemon, ...]:
    """List the one node."""
    etc, data = lab.etc / "rabbitmq", folder(lab)
    port = lab.ports.erlang
    node = f"lab@{lab.address}"
    # An Erlang node listens for others; with its cookie, which only root reads, they could do anything.
    flags = f"-pa {data} -start_epmd false -epmd_module lab_epmd -erl_epmd_port {port}"
    flags += f" -kernel inet_dist_use_interface {erlang(lab.address)}"
    flags += f" -kernel inet_dist_listen_min {port} -kernel inet_dist_listen_max {port}"
    environment = {
        # Here, not among its arguments: each minute the broker starts a second Erlang, whose only use is to start epmd.
        "ERL_FLAGS": flags,
        "ERL_INETRC": str(etc / "inetrc"),
        "HOME": str(data / "home"),
        "LC_ALL": "C.UTF-8",
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "RABBITMQ_ALLOW_INPUT": "1",  # the script becomes the node, where it would else wait beside it
        "RABBITMQ_NODENAME": node,
        "RABBITMQ_USE_LONGNAME": "true",
        "RABBITMQ_CONF_ENV_FILE": str(etc / "rabbitmq-env.conf"),
        "RABBITMQ_CONFIG_FILE": str(etc / "rabbitmq.conf"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(etc / "enabled_plugins"),
        "RABBITMQ_MNESIA_BASE": str(data / "mnesia"),
        "RABBITMQ_LOG_BASE": str(lab.log),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"-name {node}",
    }
    server = Daemon(
        name="rabbitmq",
        command=("/usr/lib/rabbitmq/bin/rabbitmq-server", "-noinput"),
        address=f"{lab.address}:{lab.ports.rabbitmq}",
        version=functools.partial(packages.version, "rabbitmq-server"),
        check=functools.partial(health, lab),
        environment=environment,
        files=files(lab, secrets),
        ports=(lab.ports.rabbitmq, port),
    )
    return (server,)
