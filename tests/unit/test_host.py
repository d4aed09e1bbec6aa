"""What a stack file may say of hosts: every mistake gets its sentence, and a right one none."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.hosts.all_hosts import even_quorum
from config.host import BareMetalHostSpec
from config.load import SettingsError, parse

Stack = dict[str, Any]

GOOD: Stack = yaml.safe_load("""
openstack: {cloud: admin}
kolla:
  inventory: inventory
  ssh: {user: kolla, private_key_file: keys/kolla, public_key: ssh-ed25519 AAAA}
management: {vlan: 100, cidr: 10.10.0.0/24, gateway: 10.10.0.1, addresses: {dns-1: 10.10.0.53}}
networks:
  - {name: developer-vms, segments: [{physical_network: physnet1, vlan: 200}]}
  - {name: general-vms, segments: [{physical_network: physnet1, vlan: 300}]}
  - {name: storage-lab, segments: [{physical_network: physnet2, vlan: 400}]}
host_image: {image: "registry.corp.example/host:2026.47"}
hosts:
  - name: control-1
    address: 10.10.0.11
    roles: [control, network]
    links: [eno1, eno2]
    vlans: [200, 300]
    install_disk: /dev/disk/by-id/wwn-1
  - name: storage-1
    address: 10.10.0.21
    roles: [compute, storage]
    links: [enp1s0f0np0, enp1s0f1np1]
    vlans: [200]
    install_disk: /dev/disk/by-id/wwn-2
    osd_disks: [/dev/disk/by-id/wwn-3, /dev/disk/by-path/pci-0000:03:00.0-nvme-1]
    os: {image: "registry.corp.example:5000/host:2026.47"}
    removal: drain
""")


def mistakes(stack: Stack) -> list[str]:
    try:
        parse(stack, file_name="Pulumi.test.yaml", root=Path("/project"))
    except SettingsError as error:
        return error.sentences
    return []


def changed(change: Callable[[Stack], object]) -> Stack:
    stack = copy.deepcopy(GOOD)
    change(stack)
    return stack


def host(**changes: object) -> Callable[[Stack], object]:
    """A change of the first host."""
    return lambda stack: stack["hosts"][0].update(changes)


def storage(**changes: object) -> Callable[[Stack], object]:
    """A change of the second host, which has the role storage."""
    return lambda stack: stack["hosts"][1].update(changes)


def kolla(**changes: object) -> Callable[[Stack], object]:
    return lambda stack: stack["kolla"].update(changes)


def ssh(**changes: object) -> Callable[[Stack], object]:
    return lambda stack: stack["kolla"]["ssh"].update(changes)


def test_a_good_file_has_no_mistakes() -> None:
    assert mistakes(GOOD) == []


def test_hosts_take_what_is_left_out_from_the_defaults() -> None:
    settings = parse(GOOD, file_name="Pulumi.test.yaml", root=Path("/project"))
    control, _ = settings.hosts
    assert (control.bond_mode, control.removal, control.host_key, control.os) == (
        "active-backup",
        "refuse",
        None,
        None,
    )


def test_relative_paths_are_the_project_folders() -> None:
    settings = parse(GOOD, file_name="Pulumi.test.yaml", root=Path("/project"))
    assert settings.kolla
    assert settings.kolla.ssh
    assert str(settings.kolla.inventory) == "/project/inventory"
    assert str(settings.kolla.kickstarts) == "/project/kickstarts"
    assert str(settings.kolla.ssh.private_key_file) == "/project/keys/kolla"


def test_the_public_half_of_the_key_is_read_beside_it(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "kolla.pub").write_text("ssh-ed25519 AAAA lab\n", encoding="utf-8")
    stack = changed(lambda stack: stack["kolla"]["ssh"].pop("public_key"))
    settings = parse(stack, file_name="Pulumi.test.yaml", root=tmp_path)
    assert settings.kolla
    assert settings.kolla.ssh
    assert settings.kolla.ssh.public_key == "ssh-ed25519 AAAA lab"


def test_the_same_path_may_be_a_disk_of_many_hosts() -> None:
    path = "/dev/disk/by-path/pci-0000:00:1f.2-ata-1"
    assert mistakes(changed(lambda stack: [one.update(install_disk=path) for one in stack["hosts"]])) == []


ALONE: list[tuple[Callable[[Stack], object], str, str]] = [
    (host(name="Control-1"), "hosts[0].name (Control-1): ", "'Control-1' is not a host's name; give 1 to 63"),
    (host(name="control-1.corp"), "hosts[0].name", "no hyphen at either end and no domain"),
    (host(name="-a"), "hosts[0].name", "is not a host's name"),
    (host(name="a" * 64), "hosts[0].name", "is not a host's name"),
    (
        host(name="compute"),
        "hosts[0].name",
        "a group's name in Kolla's inventory; give one such as 'compute-1'",
    ),
    (host(roles=[]), "hosts[0].roles", "a host needs a role"),
    (host(roles=["control", "control"]), "hosts[0].roles[1]", "role 'control' is given twice"),
    (host(roles=["controller"]), "hosts[0].roles[0]", "did you mean 'control'?"),
    (host(links=["eno1"]), "hosts[0].links", "a host has two links, and here it has 1; give two"),
    (host(links=["eno1", "eno1"]), "hosts[0].links[1]", "link 'eno1' is given twice; give it once"),
    (host(links=["eno1", "enp129s0f0np0xx"]), "", ""),
    (host(links=["eno1", "enp129s0f0np0xxx"]), "hosts[0].links[1]", "of at most 15 characters"),
    (host(links=["eno1", "eno2:1"]), "hosts[0].links[1]", "'eno2:1' is not the name of a network interface"),
    (host(links=["eno1", ".."]), "hosts[0].links[1]", "'..' is not the name of a network interface"),
    (host(links=["eno1", "-x"]), "hosts[0].links[1]", "'-x' is not the name of a network interface"),
    (host(install_disk="/dev/disk/by-id/a b"), "hosts[0].install_disk", "give its name in /dev/disk/by-id"),
    (host(bond_mode="802.3ad"), "hosts[0].bond_mode", "is not one of 'active-backup', 'balance-slb'"),
    (host(vlans=[200, 200]), "hosts[0].vlans[1]", "VLAN 200 is given twice; give it once"),
    (host(vlans=[4095]), "hosts[0].vlans[0]", "4095 is not a VLAN ID"),
    (host(install_disk="/dev/sda"), "hosts[0].install_disk", "'/dev/sda' may be another disk after the next"),
    (host(install_disk="nvme0n1"), "hosts[0].install_disk", "give its name in /dev/disk/by-id, such as"),
    (
        host(install_disk="/dev/disk/by-id/wwn-1-part2"),
        "hosts[0].install_disk",
        "is a partition; give the whole disk, '/dev/disk/by-id/wwn-1'",
    ),
    (host(osd_disks=["/dev/disk/by-id/wwn-9"]), "hosts[0].osd_disks", "OSDs need the role storage"),
    (storage(osd_disks=[]), "hosts[1].osd_disks", "the role storage needs at least one disk"),
    (lambda s: s["hosts"][1].pop("osd_disks"), "hosts[1].osd_disks", "the role storage needs at least one"),
    (storage(osd_disks=["/dev/disk/by-id/wwn-2"]), "hosts[1].osd_disks[0]", "is its install_disk"),
    (storage(osd_disks=["/dev/disk/by-id/a"] * 2), "hosts[1].osd_disks[1]", "is given twice; give it once"),
    (storage(osd_disks=["/dev/sdb"]), "hosts[1].osd_disks[0]", "may be another disk after the next boot"),
    (
        host(os={"image": "host:1"}),
        "hosts[0].os.image",
        "'host:1' is not an image's reference; give registry",
    ),
    (
        host(os={"image": "registry.corp.example/host"}),
        "hosts[0].os.image",
        "does not say which version; add a tag or a digest at its end, such as ':2026.47'",
    ),
    (host(os={"image": "registry.corp.example/host@sha256:" + "a" * 64}), "", ""),
    (host(os={"image": "registry.corp.example/host@sha256:abc"}), "hosts[0].os.image", "is not an image's"),
    (host(host_key="SHA256:abc"), "hosts[0].host_key", "'SHA256:abc' is not a public SSH key"),
    (host(removal="force"), "hosts[0].removal", "'force' is not one of 'refuse', 'drain'"),
    (host(adress="x"), "hosts[0].adress", "did you mean 'address'?"),
]

TOGETHER: list[tuple[Callable[[Stack], object], str, str]] = [
    (
        host(name="storage-1"),
        "hosts[1].name",
        "name 'storage-1' is that of host 'storage-1' already; rename",
    ),
    (
        host(address="10.10.0.21"),
        "hosts[1].address",
        "address 10.10.0.21 is that of host 'control-1' already",
    ),
    (
        host(install_disk="/dev/disk/by-id/wwn-3"),
        "hosts[1].osd_disks[0]",
        "is that of host 'control-1' already; such",
    ),
    (host(install_disk="/dev/disk/by-id/wwn-2"), "hosts[1].install_disk", "such a name is one disk's in the"),
    (host(address="10.11.0.5"), "hosts[0].address", "10.11.0.5 is outside 10.10.0.0/24"),
    (host(address="10.10.0.0"), "hosts[0].address", "is the network address of 10.10.0.0/24"),
    (host(address="10.10.0.255"), "hosts[0].address", "is the broadcast address of 10.10.0.0/24"),
    (host(address="10.10.0.1"), "hosts[0].address", "10.10.0.1 is the management VLAN's gateway"),
    (host(address="10.10.0.53"), "hosts[0].address", "is that of 'dns-1' in management.addresses"),
    (host(vlans=[100]), "hosts[0].vlans[0]", "VLAN 100 is the management VLAN, which every host has"),
    (host(vlans=[201]), "hosts[0].vlans[0]", "VLAN 201 is no network's; did you mean 200?"),
    (host(vlans=[7]), "hosts[0].vlans[0]", "VLAN 7 is no network's; declare a network with it, or drop it"),
    (
        lambda s: s["host_image"].pop("image"),
        "hosts[0].os (control-1): ",
        "it is missing, and host_image has no image for all; give {image} here, or image there",
    ),
    (
        host(vlans=[200, 400]),
        "hosts",
        "their VLANs 200 and 400 are on no one physical network, and a host's two links carry one",
    ),
    (storage(roles=["control", "storage"]), "", ""),
    (lambda s: s.pop("management"), "management: ", "it is missing, and there are hosts; give {vlan, cidr}"),
    (lambda s: s.pop("kolla"), "kolla: ", "it is missing, and there are hosts; give {inventory, ssh}"),
    (lambda s: s["kolla"].pop("ssh"), "kolla.ssh: ", "it is missing, and there are hosts; give {user"),
    (
        kolla(
            inventory="/etc/kolla/multinode",
            host={
                "address": "deploy",
                "user": "kolla",
                "private_key": {"env": "PATH"},
                "host_key": "ssh-rsa AA",
            },
        ),
        "kolla.host: ",
        "leave host out, and run pulumi on deploy",
    ),
]

KOLLA: list[tuple[Callable[[Stack], object], str, str]] = [
    (kolla(steps=[]), "kolla.steps", "there is no step"),
    (kolla(steps=["deploy", "deploy"]), "kolla.steps[1]", "step 'deploy' is given twice"),
    (kolla(steps=["precheck"]), "kolla.steps[0]", "did you mean 'prechecks'?"),
    (kolla(steps=["destroy"]), "kolla.steps[0]", "'destroy' is not a command that hosts are enrolled with"),
    (kolla(container_engine="crio"), "kolla.container_engine", "is not one of 'docker', 'podman'"),
    (kolla(globals={"my-var": 1}), "kolla.globals.my-var", "is not a variable of Ansible"),
    (kolla(globals={"kolla_container_engine": "podman"}), "kolla.globals", "is what kolla.container_engine"),
    (
        kolla(globals={"nova_database_password": "canary"}),
        "kolla.globals",
        "belongs in Kolla's passwords.yml",
    ),
    (
        kolla(globals={"backends": [{"s3_secret_key": "canary"}]}),
        "kolla.globals.backends",
        "'s3_secret_key' is",
    ),
    (kolla(globals={"nova_database_password": "{{ vaulted }}", "kolla_tls_backend_key": "/etc/key"}), "", ""),
    (
        kolla(service_config={"/etc/nova.conf": ""}),
        "kolla.service_config",
        "is not a file below config_folder",
    ),
    (
        kolla(service_config={"../globals.yml": ""}),
        "kolla.service_config",
        "is not a file below config_folder",
    ),
    (kolla(service_config={"nova/../x": ""}), "kolla.service_config", "is not a file below config_folder"),
    (
        kolla(service_config={"keystone/domains/keystone.corp.conf": ""}),
        "kolla.service_config",
        "is the file of a domain's directory",
    ),
    (
        kolla(service_config={"nova.conf": "[database]\nmax_pool_size = 5\npassword = canary\n"}),
        "kolla.service_config",
        "line 3 gives 'password', which is a secret by its name",
    ),
    (kolla(service_config={"nova.conf": "[x]\npassword = {{ nova_database_password }}\n"}), "", ""),
    (kolla(ceph={"user": "client.admin"}), "kolla.ceph.user", "has 'client.' before it; give 'admin'"),
    (ssh(port=0), "kolla.ssh.port", "0 is not a port"),
    (ssh(user="kolla user"), "kolla.ssh.user", "'kolla user' is not an account of Linux; give one such as"),
    (ssh(public_key="AAAA"), "kolla.ssh.public_key", "'AAAA' is not a public SSH key"),
    (
        lambda s: s["kolla"]["ssh"].pop("public_key"),
        "kolla.ssh.public_key",
        "'/project/keys/kolla.pub' cannot be read (No such file or directory); put the public half",
    ),
]


@pytest.mark.parametrize(("change", "where", "sentence"), [*ALONE, *TOGETHER, *KOLLA])
def test_a_mistake_gets_its_sentence_and_what_is_no_mistake_none(
    change: Callable[[Stack], object], where: str, sentence: str
) -> None:
    sentences = mistakes(changed(change))
    assert len(sentences) == (1 if where else 0), sentences
    for one in sentences:
        assert one.startswith(where)
        assert sentence in one
        assert "canary" not in one


@pytest.mark.parametrize(
    ("count", "mentioned"),
    [
        (0, None),
        (1, None),
        (
            2,
            "2 of them have to be up: 2 tolerate the loss of none, as 1 would; an even number adds no fault tolerance, make it 1 or 3",
        ),
        (3, None),
        (
            4,
            "3 of them have to be up: 4 tolerate the loss of 1, as 3 would; an even number adds no fault tolerance, make it 3 or 5",
        ),
    ],
)
def test_an_even_number_of_control_hosts_is_told_of_with_its_quorum(
    count: int, mentioned: str | None
) -> None:
    other = {**GOOD["hosts"][0], "roles": ["compute"]}
    hosts = [BareMetalHostSpec.model_validate(one) for one in [GOOD["hosts"][0]] * count + [other]]
    sentence = even_quorum(hosts)
    assert (sentence is None) == (mentioned is None)
    assert (mentioned or "") in (sentence or "")


def test_without_hosts_nothing_is_asked_of_kolla_and_the_management_vlan() -> None:
    assert mistakes({"openstack": {"cloud": "admin"}, "hosts": []}) == []
