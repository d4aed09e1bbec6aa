"""After `pulumi up --replace` and `pulumi state taint` of every resource the cloud is as declared."""

import hashlib
import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from clients import ceph
from lab.settings import Lab
from tests.lab.golden_image import clone_of, glance, raw_digest_in_rbd, rbd_names, remove_clone
from tests.lab.own_stack import STACK, OwnStack, own_stack

pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")  # openstacksdk, of its own

CAPS = {"mon": "profile rbd", "osd": "profile rbd pool=images"}
VLAN = 962


@dataclass(frozen=True)
class Everything:
    """A stack with an object of every kind that the lab can make fast."""

    stack: OwnStack
    name: str
    source: Path

    @property
    def custom(self) -> list[str]:
        """The URNs of its custom resources, without the providers."""
        exported = json.loads(self.stack.program.succeed("stack", "export", "--stack", STACK))
        return [
            resource["urn"]
            for resource in exported["deployment"]["resources"]
            if resource.get("custom") and not resource["type"].startswith("pulumi:providers:")
        ]

    def urn(self, kind: str) -> str:
        """The URN of the one resource of this type."""
        (found,) = (urn for urn in self.custom if urn.rpartition("::")[0].endswith(kind))
        return found

    @property
    def image_id(self) -> str:
        """The Glance id of the image's current generation."""
        return str(self.stack.outputs["images"][self.name]["glance_id"])

    def is_as_declared(self) -> None:
        """Asks the services for every object, then Pulumi."""
        admin = self.stack.admin
        identity: Any = admin.identity  # the SDK's types have its v2 too
        domain = identity.find_domain(self.name, ignore_missing=False)
        directory = identity.find_domain(f"{self.name}-people", ignore_missing=False)
        assert "ldap" in identity.get(f"/domains/{directory.id}/config").json()["config"]
        project = identity.find_project(self.name, domain_id=domain.id, ignore_missing=False)
        robot = identity.find_user(self.name, domain_id="default", ignore_missing=False)
        runner = identity.find_user("ci-runner", domain_id="default", ignore_missing=False)
        roles = {role.id: role.name for role in identity.roles()}
        found = {
            (entry.user["id"], roles[entry.role["id"]], bool(entry.scope.get("OS-INHERIT:inherited_to")))
            for scope in ({"scope_project_id": project.id}, {"scope_domain_id": domain.id})
            for entry in identity.role_assignments(**scope)
        }
        assert found == {
            (robot.id, "member", False),
            (runner.id, "reader", False),
            (runner.id, "manager", True),
        }
        credentials = [credential.name for credential in identity.application_credentials(robot)]
        assert credentials == ["pipeline-1"]
        (group,) = admin.network.security_groups(project_id=project.id, name="default")
        assert {rule["direction"] for rule in group.security_group_rules} == {"egress"}
        assert admin.compute.get_quota_set(project.id).instances == 7
        (network,) = admin.network.networks(name=self.name)
        assert [subnet.cidr for subnet in admin.network.subnets(network_id=network.id)] == ["10.99.62.0/24"]
        self._ceph_is_as_declared()
        self.stack.preview_is_empty("--refresh")

    def _ceph_is_as_declared(self) -> None:
        record = glance(self.image_id)
        assert record is not None
        assert (record["status"], record["os_hidden"]) == ("active", False)
        assert raw_digest_in_rbd(self.image_id) == hashlib.sha512(self.source.read_bytes()).hexdigest()
        with ceph.cluster("admin") as handle:
            (user,) = ceph.command(handle, "auth get", entity=f"client.{self.name}.1")
        assert user["caps"] == CAPS


def config(name: str, source: Path, folder: Path, lab: Lab) -> dict[str, Any]:
    project = {"project": name, "domain": name}
    runner = {"name": "ci-runner", "domain": "Default"}
    return {
        "openstack": {"cloud": "lab-admin"},
        "domains": [
            {"name": name},
            {
                "name": f"{name}-people",
                "directory": {
                    "url": {"env": "LAB_LDAP_URL"},
                    "ca_file": str(lab.etc / "ldap" / "ca.pem"),
                    "bind_dn": "cn=keystone,ou=services,dc=corp,dc=example",
                    "bind_password": {"file": str(lab.etc / "ldap" / "bind.password")},
                    "user_base_dn": "ou=people,dc=corp,dc=example",
                    "group_base_dn": "ou=groups,dc=corp,dc=example",
                },
            },
        ],
        "projects": [
            {
                "name": name,
                "domain": name,
                "quota": {"compute": {"instances": 7}},
                "default_security_group": "closed",
                "undeclared_grants": "remove",
            }
        ],
        "accounts": [
            {
                "name": name,
                "domain": "Default",
                "password": {"generated": 1},
                "access": [{"roles": ["member"], **project}],
                "application_credentials": [{"name": "pipeline", **project}],
            }
        ],
        "grants": [
            {"role": "reader", "user": runner, "scope": project},
            {"role": "manager", "user": runner, "scope": {"domain": name}, "inherited": True},
        ],
        "networks": [
            {
                "name": name,
                "segments": [{"physical_network": "physnet1", "vlan": VLAN}],
                "shared_with": [project],
                "subnets": [{"name": f"{name}-v4", "cidr": "10.99.62.0/24", "gateway": "10.99.62.1"}],
            }
        ],
        "ceph": {"user": "admin", "conf": str(lab.ceph_conf)},
        "ceph_users": [{"name": name, "caps": CAPS, "serials": [1], "folder": str(folder)}],
        "image_store": {"cloud": "lab-image-import", "pool": "images", "ceph_user": name},
        "images": [
            {
                "name": name,
                "source": str(source),
                "source_format": "raw",
                "sha256": hashlib.sha256(source.read_bytes()).hexdigest(),
            }
        ],
    }


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory, lab: Lab) -> Iterator[Everything]:
    base = tmp_path_factory.mktemp("replace")
    name, source = f"test-{secrets.token_hex(3)}", base / "disk.raw"
    source.write_bytes(secrets.token_bytes(1 << 20))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CEPH_CONF", str(lab.ceph_conf))
        patch.setenv("OS_CLIENT_CONFIG_FILE", str(lab.clouds))
        with own_stack(base / "stack", config(name, source, base / "ceph", lab)) as stack:
            yield Everything(stack, name, source)


def test_the_stack_is_up_as_declared(everything: Everything) -> None:
    everything.is_as_declared()


def test_after_a_replace_of_every_resource_the_cloud_is_as_declared(everything: Everything) -> None:
    everything.stack.up(*(f"--replace={urn}" for urn in everything.custom))
    everything.is_as_declared()


def test_after_a_taint_of_every_resource_the_cloud_is_as_declared(everything: Everything) -> None:
    everything.stack.program.succeed("state", "taint", "--yes", "--stack", STACK, *everything.custom)
    everything.stack.up()
    everything.is_as_declared()


def test_an_image_with_clones_is_not_replaced_and_stays_whole_whatever_is_tried(
    everything: Everything,
) -> None:
    image_id, urn = everything.image_id, everything.urn("RbdImage")
    clone = f"clone-of-{everything.name}"
    clone_of(image_id, clone)
    try:
        refused = everything.stack.program.pulumi(
            "up", "--yes", "--skip-preview", "--stack", STACK, f"--replace={urn}"
        )
        assert refused.returncode != 0
        assert clone in refused.stdout
        everything.stack.up()
        assert everything.image_id == image_id
        assert image_id in rbd_names()
        everything.is_as_declared()
    finally:
        remove_clone(clone)
