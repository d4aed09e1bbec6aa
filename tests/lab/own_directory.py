"""A directory of a test's own: the lab's company in a slapd of its own, which may be changed, stopped and started."""

import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from lab import settings
from lab.services import ldap
from lab.settings import DEFAULT_ADDRESS, LDAP_BASE, Lab, Ports
from tests.lab import keystone_cache

START_TIMEOUT_S = 10


@dataclass
class OwnDirectory:
    """The running server, and what a domain's `directory` has to say of it."""

    lab: Lab
    bind_password: str
    people_password: str
    start_tls_port: int
    process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def spec(self) -> dict[str, Any]:
        """What the stack file says; the password is in the environment's DIRECTORY_PASSWORD."""
        return {
            "url": f"ldaps://{self.lab.address}:{self.lab.ports.ldaps}",
            "ca_file": str(ldap.authority(self.lab)),
            "bind_dn": ldap.BIND_DN,
            "bind_password": {"env": "DIRECTORY_PASSWORD"},
            "user_base_dn": f"ou=people,{LDAP_BASE}",
            "group_base_dn": f"ou=groups,{LDAP_BASE}",
        }

    @property
    def start_tls_url(self) -> str:
        """Where it takes StartTLS."""
        return f"ldap://{self.lab.address}:{self.start_tls_port}"

    def start(self) -> None:
        """Runs until it answers."""
        (daemon,) = ldap.daemons(self.lab)
        *command, url = daemon.command
        # At localhost too, wherever the lab is: that name is not what libldap looks for in the certificate.
        urls = [url, f"{self.start_tls_url}/", f"ldaps://{DEFAULT_ADDRESS}:{self.lab.ports.ldaps}/"]
        self.process = subprocess.Popen([*command, " ".join(dict.fromkeys(urls))])
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            try:
                ldap.health(self.lab)
            except Exception:  # noqa: BLE001 - whatever it is: not yet
                time.sleep(0.05)
            else:
                return
        raise AssertionError("slapd did not start")

    def stop(self) -> None:
        """Ends it, and waits until it has."""
        if self.process:
            self.process.terminate()
            self.process.wait(START_TIMEOUT_S)
            self.process = None
            keystone_cache.forget(settings.load())

    def modify(self, dn: str, *lines: str, kind: str = "modify") -> None:
        """Changes an entry, and has Keystone see it; LINES are those of an LDIF change of that KIND.

        LMDB takes it beside the running server.
        """
        text = "\n".join([f"dn: {dn}", f"changetype: {kind}", *lines, ""])
        subprocess.run(
            ["/usr/sbin/slapmodify", "-F", str(self.lab.data / "ldap" / "config"), "-b", LDAP_BASE],
            input=text,
            text=True,
            check=True,
            timeout=START_TIMEOUT_S,
        )
        keystone_cache.forget(settings.load())

    def set_bind_password(self, password: str) -> None:
        """Gives the account that Keystone binds as another password."""
        hashed = ldap.ssha(password)
        self.modify(ldap.BIND_DN, "replace: userPassword", f"userPassword: {hashed}")
        self.bind_password = password


def free_port(address: str) -> int:
    """A TCP port that nobody listens on at ADDRESS."""
    with socket.socket() as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def own_directory(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnDirectory]:
    folder = tmp_path_factory.mktemp("directory")
    own = Lab(root=folder, address=lab.address, ports=Ports(ldaps=free_port(lab.address)), links=folder)
    own.link()
    # With the lab's own certificates: a Keystone that runs keeps the first CA it was given.
    shutil.copytree(lab.etc / "ldap", own.etc / "ldap")
    # A password that both of Keystone's substitutions would spoil.
    passwords = {
        "ldap/ldap-bind": f"$a%(password)s%{secrets.token_hex(8)}",
        "ldap/ldap-people": secrets.token_hex(8),
    }
    ldap.prepare(own, passwords)
    directory = OwnDirectory(
        own, passwords["ldap/ldap-bind"], passwords["ldap/ldap-people"], free_port(lab.address)
    )
    directory.start()
    try:
        yield directory
    finally:
        directory.stop()
        shutil.rmtree(folder)
