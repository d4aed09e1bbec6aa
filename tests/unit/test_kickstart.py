import json
import re
import shlex
from dataclasses import replace
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
from pykickstart.parser import KickstartParser
from pykickstart.version import RHEL10, makeVersion

from components.hosts.kickstart import NETWORK_FILE, Installation, render
from config.host import BareMetalHostSpec, HostImageSpec
from config.kolla import KollaSshSpec
from config.management import ManagementSpec
from config.spec import Spec

HOST = Installation(
    BareMetalHostSpec(
        name="compute-1",
        address="10.110.0.21",
        roles=["compute"],
        links=("eno1", "eno2"),
        vlans=(130, 120),
        install_disk="/dev/disk/by-id/wwn-0x5000c500a1b2c3d4",
    ),
    KollaSshSpec.model_construct(
        user="kolla",
        private_key_file=Path("none"),
        public_key="ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIM1vdumcSQWOfAc9jeqeoT1jzj deploy@machine",
    ),
    ManagementSpec(vlan=110, cidr="10.110.0.0/24", gateway="10.110.0.1"),
    HostImageSpec(
        image="registry.corp.example:5000/cloud/host:2026.47", nameservers=("10.110.0.53", "10.110.0.54")
    ),
)


def but(**changes: Any) -> Installation:
    """HOST with other values, wherever they belong; not even a spec has looked at them."""
    parts: dict[str, Any] = {name: part for name, part in vars(HOST).items() if isinstance(part, Spec)}
    assert changes.keys() <= {field for part in parts.values() for field in type(part).model_fields}
    return replace(
        HOST,
        **{
            name: part.model_copy(
                update={key: value for key, value in changes.items() if key in type(part).model_fields}
            )
            for name, part in parts.items()
        },
    )


SIX = but(
    address=ip_address("fd00:110::21"), cidr=ip_network("fd00:110::/64"), gateway=ip_address("fd00:110::1")
)
HOSTILE = [
    "a b",
    "a\nb",
    "a\n%end\nreboot",
    "%end",
    "a'b",
    'a"b',
    "a;b",
    "a$(b)",
    "a`b`",
    "a\\b",
    "a#b",
    "--url=evil",
    "a\rb",
    "a\u2028b",
    "",
]


def parsed(text: str) -> Any:
    """What the installer of the default base, CentOS Stream 10, reads; its errors are failures."""
    handler = makeVersion(RHEL10)
    KickstartParser(handler, missingIncludeIsFatal=True, errorsAreFatal=True).readKickstartFromString(text)
    return handler


def written(text: str, path: str) -> list[str]:
    """The lines of a file that the kickstart's last section writes."""
    found = re.search(rf"^cat > {re.escape(path)} <<'(\w+)'\n(.*?)\n\1$", text, re.MULTILINE | re.DOTALL)
    assert found, f"{path} is not written"
    return found[2].splitlines()


@pytest.mark.parametrize(
    "host",
    [HOST, SIX, but(gateway=None, nameservers=(), vlans=()), but(user="root", port=2222)],
    ids=["plain", "IPv6", "least", "root and a port"],
)
def test_the_installer_understands_every_kickstart(host):
    parsed(render(host))


def test_the_image_is_installed_from_its_registry():
    found = parsed(render(HOST)).ostreecontainer
    assert (found.url, found.transport) == (HOST.image.image, "registry")


def test_no_disk_but_the_install_disk_exists_for_the_installer():
    found = parsed(render(HOST))
    assert found.ignoredisk.onlyuse == [HOST.spec.install_disk]
    assert found.clearpart.drives == [HOST.spec.install_disk]
    assert {part.disk for part in found.partition.partitions} == {HOST.spec.install_disk}
    assert found.bootloader.bootDrive == HOST.spec.install_disk


def test_the_installer_has_the_hosts_address_on_one_link_and_in_the_management_vlan():
    (found,) = parsed(render(HOST)).network.network
    assert (found.device, found.vlanid, found.ip, found.netmask, found.gateway) == (
        "eno1",
        "110",
        "10.110.0.21",
        "255.255.255.0",
        "10.110.0.1",
    )
    assert (found.hostname, found.nameserver) == ("compute-1", "10.110.0.53,10.110.0.54")
    (six,) = parsed(render(SIX)).network.network
    assert (six.ipv6, six.ipv6gateway, six.noipv4) == ("fd00:110::21/64", "fd00:110::1", True)


def test_the_host_is_entered_by_the_one_key_only_and_root_not_at_all():
    found = parsed(render(HOST))
    assert found.rootpw.lock
    assert not found.rootpw.password
    (user,) = found.user.userList
    assert (user.name, user.lock, user.password) == ("kolla", True, "")
    (key,) = found.sshkey.sshUserList
    assert (key.username, key.key) == ("kolla", " ".join(HOST.ssh.public_key.split()[:2]))
    assert written(render(HOST), "/etc/sudoers.d/private-cloud") == ["kolla ALL=(ALL) NOPASSWD: ALL"]


def test_root_is_no_new_account_and_needs_no_sudo():
    text = render(but(user="root"))
    assert not parsed(text).user.userList
    assert "sudoers" not in text


def test_the_host_reads_its_network_from_what_the_kickstart_writes():
    (line,) = written(render(HOST), NETWORK_FILE)
    assert json.loads(line) == {
        "links": ["eno1", "eno2"],
        "bond_mode": "active-backup",
        "mtu": 1500,
        "datapath_type": "system",
        "management": {"vlan": 110, "address": "10.110.0.21/24", "gateway": "10.110.0.1"},
        "vlans": [120, 130],
    }


def test_an_account_may_begin_as_linux_lets_it():
    assert "user --name=_kolla --lock" in render(but(user="_kolla"))


def test_another_ssh_port_is_set_and_allowed_by_selinux():
    text = render(but(port=2222))
    assert written(text, "/etc/ssh/sshd_config.d/20-port.conf") == ["Port 2222"]
    assert "semanage port --add --type ssh_port_t --proto tcp 2222" in text
    assert "Port" not in render(HOST)


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("field", ["name", "install_disk", "image", "user"])
def test_a_value_that_is_not_one_word_is_refused_by_name(field, hostile):
    with pytest.raises(ValueError, match=f"^{field} .* cannot stand in a kickstart"):
        render(but(**{field: hostile}))


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_link_is_refused(hostile):
    with pytest.raises(ValueError, match=r"^links "):
        render(but(links=(hostile, "eno2")))


@pytest.mark.parametrize("hostile", HOSTILE)
def test_what_the_host_only_reads_as_json_cannot_become_a_command(hostile):
    text = render(but(links=("eno1", hostile), bond_mode=hostile))
    (line,) = written(text, NETWORK_FILE)
    assert json.loads(line)["links"] == ["eno1", hostile]
    plain = render(HOST).splitlines()
    # One line differs, and it is the file's.
    assert [
        mine for mine, other in zip(text.removesuffix("\n").split("\n"), plain, strict=True) if mine != other
    ] == [line]
    parsed(text)


@pytest.mark.parametrize("comment", ["deploy@machine", 'a "quoted" one', "%end", "two words", "$(reboot)"])
def test_a_keys_comment_never_reaches_the_kickstart(comment):
    text = render(but(public_key=f"ssh-ed25519 AAAAC3Nz+/= {comment}\n"))
    assert text == render(but(public_key="ssh-ed25519 AAAAC3Nz+/="))


def test_a_key_with_a_quote_is_refused():
    with pytest.raises(ValueError, match=r"^public_key "):
        render(but(public_key='ssh-ed25519 AAAA"'))


def test_a_shell_reads_the_last_section_as_it_is_meant():
    body = render(HOST).partition("%post --erroronfail\n")[2].rpartition("%end")[0]
    assert "%" not in body.replace(f"{HOST.ssh.user} ALL", "")
    outside = re.sub(r"<<'(\w+)'\n.*?\n\1\n", "\n", body, flags=re.DOTALL)
    programs = {shlex.split(line)[0] for line in outside.splitlines() if line}
    assert programs == {"set", "mkdir", "rm", "cat", "chmod", "restorecon"}
