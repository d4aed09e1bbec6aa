"""The kickstart of a host: from an empty disk to the immutable system, with its network in place.

Text without a secret, which any web server may serve. Everything in it is one word of a small alphabet or JSON on one
line: nothing that a person writes into a stack file can become a command of the installer or end a section.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv6Network

from clients.host_keys import SSH_PORT
from config.host import BareMetalHostSpec, HostImageSpec
from config.kolla import KollaSshSpec
from config.management import ManagementSpec

NETWORK_FILE = "/etc/private-cloud/network.json"
"""Where host_image/host_network.py reads what to make."""

_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9@:._/+=-]*|/[A-Za-z0-9@:._/+=-]+")
_KEY_WORDS = 2  # of a public SSH key: its type and its base64; what follows is anybody's free text


@dataclass(frozen=True)
class Installation:
    """What of a stack file the kickstart of one host says; every value has been checked by its spec.

    Attributes:
        datapath_type: Open vSwitch's; 'system' is the kernel's, 'netdev' needs no kernel module.
    """

    spec: BareMetalHostSpec
    ssh: KollaSshSpec
    management: ManagementSpec
    image: HostImageSpec
    datapath_type: str = "system"


def network(host: Installation) -> str:
    """Return the text of NETWORK_FILE."""
    return json.dumps(
        {
            "links": list(host.spec.links),
            "bond_mode": host.spec.bond_mode,
            "mtu": host.image.mtu,
            "datapath_type": host.datapath_type,
            "management": {
                "vlan": host.management.vlan,
                "address": f"{host.spec.address}/{host.management.cidr.prefixlen}",
                "gateway": str(host.management.gateway) if host.management.gateway else None,
            },
            "vlans": sorted(host.spec.vlans),
        }
    )


def render(host: Installation) -> str:
    """Return the kickstart: it erases the install disk, and no other, without asking.

    Raises:
        ValueError: a value is not one word; the sentence names it.
    """
    disk = _word("install_disk", host.spec.install_disk)
    user = _word("user", host.ssh.user)
    key = " ".join(_word("public_key", part) for part in host.ssh.public_key.split()[:_KEY_WORDS])
    image = _word("image", host.spec.image_of(host.image) or "")  # load() asks for one
    servers, port = host.image.nameservers, host.ssh.port
    lines = [
        f"# {_word('name', host.spec.name)}: made by the private cloud's program, which writes it anew; do not edit.",
        "# Whoever boots a machine with it loses what is on its install disk. It holds no secret.",
        "text",
        "lang en_US.UTF-8",
        "keyboard us",
        "timezone Etc/UTC --utc",
        "",
        "# The other disks, which may hold OSDs, do not exist for the installer.",
        f"ignoredisk --only-use={disk}",
        "zerombr",
        f"clearpart --all --initlabel --disklabel=gpt --drives={disk}",
        "reqpart --add-boot",
        f"part / --fstype=xfs --grow --ondisk={disk}",
        f"bootloader --boot-drive={disk}",
        "",
        "# While it installs, the host has its address on one link; the bond is made at the first boot.",
        _installers_network(host),
        f"ostreecontainer --url={image} --transport=registry",
        "",
        "rootpw --lock",
        *([] if user == "root" else [f"user --name={user} --lock"]),
        f'sshkey --username={user} "{key}"',
        # Kolla has no SELinux policies for its containers (its doc/source/user/security.rst).
        "selinux --permissive",
        "# Its networks are closed by the fabric's VLANs; Kolla's own bootstrap would switch a firewall off.",
        "firewall --disabled",
        "reboot",
        "",
        "%post --erroronfail",
        "set -eu",
        *_file(NETWORK_FILE, "0644", [network(host)]),
    ]
    if servers:
        lines += _file("/etc/resolv.conf", "0644", [f"nameserver {server}" for server in servers])
    if user != "root":
        lines += _file("/etc/sudoers.d/private-cloud", "0440", [f"{user} ALL=(ALL) NOPASSWD: ALL"])
    if port != SSH_PORT:
        lines += _file("/etc/ssh/sshd_config.d/20-port.conf", "0600", [f"Port {port:d}"])
        lines += [f"semanage port --add --type ssh_port_t --proto tcp {port:d}"]
    return "\n".join([*lines, "%end", ""])


def _installers_network(host: Installation) -> str:
    address, management = host.spec.address, host.management
    words = [
        *("network", "--bootproto=static", f"--device={_word('links', host.spec.links[0])}"),
        *(f"--vlanid={management.vlan:d}", f"--hostname={_word('name', host.spec.name)}", "--activate"),
    ]
    if isinstance(management.cidr, IPv6Network):
        words += ["--noipv4", f"--ipv6={address}/{management.cidr.prefixlen}"]
        words += [f"--ipv6gateway={management.gateway}"] if management.gateway else []
    else:
        words += ["--noipv6", f"--ip={address}", f"--netmask={management.cidr.netmask}"]
        words += [f"--gateway={management.gateway}"] if management.gateway else []
    if host.image.nameservers:
        words.append(f"--nameserver={','.join(str(server) for server in host.image.nameservers)}")
    return " ".join([*words, f"--mtu={host.image.mtu:d}"])


def _file(path: str, mode: str, lines: Iterable[str]) -> list[str]:
    """The lines of a shell that write a file; the quoted word keeps the shell from reading what is in it."""
    folder = path.rpartition("/")[0]
    return [
        f"mkdir -p {folder}",
        f"rm -f {path}",
        f"cat > {path} <<'END_OF_FILE'",
        *lines,
        "END_OF_FILE",
        f"chmod {mode} {path}",
        f"restorecon {folder} {path}",
    ]


def _word(what: str, value: str) -> str:
    """VALUE, which cannot be anything but one word to the installer and to a shell."""
    if not _WORD.fullmatch(value):
        raise ValueError(
            f"{what} {value!r} cannot stand in a kickstart; give letters, digits and @:._/+=- only"
        )
    return value
