"""Where the lab lives and where its services listen: every path, port and fixed name in one place."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import os
from dataclasses import dataclass, field
from pathlib import Path

from toolchain.failure import Failure

CHECKOUT = Path(__file__).resolve().parent.parent
DEFAULT_ADDRESS = "127.0.0.1"
REGION = "RegionOne"
PHYSICAL_NETWORK = "physnet1"
VLAN_RANGE = (100, 999)
POOL = "images"
VOLUME_POOL = "volumes"
INSTANCE_POOL = "vms"
HOST = "lab"  # what Nova, Cinder and Neutron call this machine
ZONE_BY_HINT = "qemu"  # the availability zone whose DHCP agents serve only networks that ask for it
OSD_COUNT = 3
EXTRA_OSDS = (3, 4)  # they join and leave by `python -m lab osd`
OSD_BYTES = 6 * 1024**3  # of a sparse file, which only grows; bench.image has 12 GiB in the three at once
LDAP_BASE = "dc=corp,dc=example"


class LabError(Failure):
    """An error for a person; the text is one sentence."""


@dataclass(frozen=True)
class Ports:
    """The usual ports, but for MariaDB, RabbitMQ and LDAPS, whose usual ones a machine may already use."""

    keystone: int = 5000
    glance: int = 9292
    glance_internal: int = 9293
    neutron: int = 9696
    placement: int = 8778
    nova: int = 8774
    cinder: int = 8776
    mariadb: int = 3307
    rabbitmq: int = 5673
    erlang: int = 25673
    ldaps: int = 1636
    ceph_mon_v2: int = 3300
    ceph_mon_v1: int = 6789
    object_store: int = 7480
    registry: int = 5005


@dataclass(frozen=True)
class Lab:
    """One lab: the checkout it belongs to and the loopback address all its services bind to.

    Paths handed to daemons go through `home`, a short link under /run: a Unix socket's path may have 107
    bytes at most, Ceph splits its keyring option at spaces, and a checkout may lie deep or have spaces.
    """

    root: Path = CHECKOUT
    address: str = DEFAULT_ADDRESS
    ports: Ports = field(default_factory=Ports)
    links: Path = Path("/run")

    @property
    def folder(self) -> Path:
        """The lab's folder in the checkout."""
        return self.root / ".cloud" / "lab"

    @property
    def digest(self) -> str:
        """Eight characters that tell this lab from every other one on the machine."""
        return hashlib.sha256(str(self.folder).encode()).hexdigest()[:8]

    @property
    def home(self) -> Path:
        """The short link to `folder`; made by `link()`, again after each reboot."""
        return self.links / f"private-cloud-lab-{self.digest}"

    @property
    def etc(self) -> Path:
        """Configuration and secrets, mode 0700."""
        return self.home / "etc"

    @property
    def run(self) -> Path:
        """Sockets and process ids."""
        return self.home / "run"

    @property
    def log(self) -> Path:
        """One log a daemon and one a step."""
        return self.home / "log"

    @property
    def data(self) -> Path:
        """What the services keep: a reset removes it."""
        return self.home / "data"

    @property
    def venv(self) -> Path:
        """The OpenStack services' own Python packages; kept by a reset."""
        return self.folder / "venv"

    @property
    def programs(self) -> Path:
        """The same, by its short name: Neutron's migrations do nothing, and say OK, under a path with a space."""
        return self.home / "venv"

    @property
    def images(self) -> Path:
        """The bootable image and its checksum; kept by a reset."""
        return self.folder / "images"

    @property
    def binaries(self) -> Path:
        """What `env` puts on a person's PATH."""
        return self.folder / "bin"

    @property
    def ceph_conf(self) -> Path:
        """The cluster's configuration for daemons and clients."""
        return self.etc / "ceph" / "ceph.conf"

    @property
    def clouds(self) -> Path:
        """The accounts, as openstacksdk reads them."""
        return self.etc / "clouds.yaml"

    @property
    def host_network(self) -> ipaddress.IPv4Network:
        """The simulated hosts' management network, another one for each of two labs side by side.

        Out of RFC 2544's range for tests, which no real network uses.
        """
        return ipaddress.IPv4Network(f"198.18.{self.address.rpartition('.')[2]}.0/24")

    @property
    def machine_address(self) -> str:
        """Where the simulated hosts find this machine; it exists while there are hosts."""
        return str(self.host_network[1])

    def host_address(self, number: int) -> str:
        """Return the management address of a simulated host, counted from 1."""
        return str(self.host_network[20 + number])

    @property
    def lock(self) -> Path:
        """Held by whichever up, down or reset is at work."""
        return self.folder / "lock"

    def url(self, port: int, path: str = "") -> str:
        """Where one of the HTTP services answers."""
        return f"http://{self.address}:{port}{path}"

    def link(self) -> None:
        """Make the folders and the short link; safe to repeat."""
        for name in ("etc", "etc/ceph", "run", "log", "data"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        (self.folder / "etc").chmod(0o700)
        for path in (self.images, self.binaries):
            path.mkdir(exist_ok=True)
        if self.home.is_symlink() and self.home.readlink() == self.folder:
            return
        self.home.unlink(missing_ok=True)
        self.home.symlink_to(self.folder)


def recorded_address(root: Path) -> str | None:
    """The address the existing lab was made with: it is in Ceph's monitor map and Keystone's catalogue."""
    try:
        return str(json.loads((root / ".cloud/lab/data/lab.json").read_text())["address"])
    except FileNotFoundError:
        return None


def load(root: Path = CHECKOUT, *, anew: bool = False) -> Lab:
    """Read LAB_ADDRESS and the lab's record; refuse an address that is not loopback or not this lab's.

    With `anew` (for a reset) the record does not bind.
    """
    wanted = os.environ.get("LAB_ADDRESS")
    made = None if anew and wanted else recorded_address(root)
    address = wanted or made or DEFAULT_ADDRESS
    try:
        loopback = ipaddress.ip_address(address).is_loopback
    except ValueError:
        loopback = False
    if not loopback or ":" in address:
        message = f"LAB_ADDRESS is {address!r}, but the lab listens on IPv4 loopback only: try 127.0.0.2."
        raise LabError(message)
    if made and made != address:
        message = (
            f"This lab was made at {made}, and LAB_ADDRESS is {address}: "
            f"unset it, or make the lab anew there with `LAB_ADDRESS={address} python -m lab reset`."
        )
        raise LabError(message)
    return Lab(root=root, address=address)


def record_address(lab: Lab) -> None:
    """Remember the address for every later command."""
    path = lab.data / "lab.json"
    if not path.exists():
        path.write_text(json.dumps({"address": lab.address}) + "\n")
