"""A fleet of people on Nova's fake driver: its stack, a directory that may be changed, and what the cloud has of them."""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lab.services.ldap_directory import GROUPS_OU, PEOPLE_OU
from lab.settings import Lab
from tests.lab.fleets import image
from tests.lab.own_directory import OwnDirectory
from tests.lab.own_stack import STACK, OwnStack, own_stack

SFX = f"t{secrets.token_hex(3)}"
DOMAIN = f"corp-{SFX}"
PLACE = {"project": f"tests-{SFX}", "domain": "Default"}
NETWORK, FLEET = f"vms-{SFX}", f"dev-{SFX}"
GROUP = f"cn=testers,{GROUPS_OU}"  # hana and ines
KEYS = {
    "hana": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHana",
    "ines": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIInes",
    "jonas": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJona",
}


def dn(account: str) -> str:
    """Its entry in the directory."""
    return f"uid={account},{PEOPLE_OU}"


def machine(account: str) -> str:
    """The name of its server."""
    return f"{FLEET}-{account}"


def config(source: Path, directory: OwnDirectory, vlan: int) -> dict[str, Any]:
    """The fleet, and all that it is made of."""
    return {
        "openstack": {"cloud": "lab-admin"},
        "domains": [{"name": DOMAIN, "directory": directory.spec}],
        "projects": [
            {
                "name": PLACE["project"],
                "domain": "Default",
                "quota": {"volume": {"volumes": 10, "size_gb": 20}},
            }
        ],
        "networks": [
            {
                "name": NETWORK,
                "segments": [{"physical_network": "physnet1", "vlan": vlan}],
                "shared_with": [PLACE],
                "subnets": [{"name": f"{NETWORK}-v4", "cidr": "10.70.0.0/24"}],
            }
        ],
        "flavors": [{"name": f"tiny-{SFX}", "vcpus": 1, "ram_mb": 64, "disk_gb": 1}],
        "image_store": {"cloud": "lab-image-import", "pool": "images", "ceph_user": "image-import"},
        "images": [image(f"first-{SFX}", source), image(f"second-{SFX}", source.with_name("second.raw"))],
        "fleets": [
            {
                "name": FLEET,
                "project": {"name": PLACE["project"], "domain": "Default"},
                "people": {"group": "testers", "domain": DOMAIN},
                "image": f"first-{SFX}",
                "flavor": f"tiny-{SFX}",
                "networks": [NETWORK],
                "home_gb": 1,
                "ssh_keys": {
                    "ldap": "description"
                },  # inetOrgPerson has it; the schema of sshPublicKey is not the lab's
                "update": {"bake_s": 0, "deadline_days": 14},
            }
        ],
    }


class People:
    """The stack, what is declared, and who is in the group."""

    def __init__(self, stack: OwnStack, declared: dict[str, Any], directory: OwnDirectory) -> None:
        self.stack, self.config, self.directory = stack, declared, directory

    def declare(self, **keys: Any) -> None:
        """Another fleet than before."""
        self.config["fleets"][0].update(keys)
        self.stack.declare(self.config)

    @property
    def project_id(self) -> str:
        """The id of the fleet's project."""
        return str(self.stack.outputs["projects"][f"{PLACE['project']}@Default"]["id"])

    def servers(self) -> dict[str, Any]:
        """The project's servers by their names, as Nova has them."""
        found = self.stack.admin.compute.servers(all_projects=True, project_id=self.project_id)
        return {server.name: server for server in found}

    def homes(self) -> dict[str, Any]:
        """The project's volumes by their names, as Cinder has them."""
        found = self.stack.admin.block_storage.volumes(all_projects=True, project_id=self.project_id)
        return {volume.name: volume for volume in found}

    def joins(self, account: str) -> None:
        """Puts somebody into the group."""
        self.directory.modify(GROUP, "add: member", f"member: {dn(account)}")

    def leaves(self, account: str) -> None:
        """Takes somebody out of the group."""
        self.directory.modify(GROUP, "delete: member", f"member: {dn(account)}")

    def identity(self, account: str) -> tuple[str, str, str, str]:
        """Server, address and home of somebody, and whether the server runs."""
        server, home = self.servers()[machine(account)], self.homes()[f"{machine(account)}-home"]
        assert [one["server_id"] for one in home.attachments] == [server.id]
        return server.id, server.addresses[NETWORK][0]["addr"], home.id, server.status

    def preview(self) -> tuple[dict[str, str], list[str], str]:
        """What is to do with the servers, which homes go, and all that is said."""
        done = self.stack.program.pulumi("preview", "--json", "--stack", STACK)
        assert done.returncode == 0, done.stdout
        steps = json.loads(done.stdout)["steps"]
        changed = [
            one for one in steps if one["urn"].endswith(f"ServerFleet::{FLEET}") and one["op"] != "same"
        ]
        plan = dict(changed[0]["newState"]["inputs"].get("plan", {})) if changed else {}
        gone = [
            one["urn"].rpartition("::")[2]
            for one in steps
            if one["op"] == "delete" and "blockstorage/volume" in one["urn"]
        ]
        return plan, gone, done.stdout

    def as_if_left_on(self, account: str, day: str) -> None:
        """Has the cloud say that ACCOUNT left on DAY."""
        server, home = self.servers()[machine(account)], self.homes()[f"{machine(account)}-home"]
        self.stack.admin.compute.set_server_metadata(server, private_cloud_left=day)
        self.stack.admin.block_storage.set_volume_metadata(home, private_cloud_left=day)


@contextmanager
def people_fleet(base: Path, lab: Lab, directory: OwnDirectory, vlan: int) -> Iterator[People]:
    """The stack after its first `up`, which makes the domain and no machine yet; destroyed afterwards."""
    source = base / "disk.raw"
    for name in ("disk.raw", "second.raw"):
        source.with_name(name).write_bytes(secrets.token_bytes(1 << 20))
    for account, key in KEYS.items():
        directory.modify(dn(account), "add: description", f"description: {key} {account}@laptop")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CEPH_CONF", str(lab.ceph_conf))
        patch.setenv("OS_CLIENT_CONFIG_FILE", str(lab.clouds))
        patch.setenv("DIRECTORY_PASSWORD", directory.bind_password)
        declared = config(source, directory, vlan)
        with own_stack(base / "stack", declared) as stack:
            yield People(stack, declared, directory)
