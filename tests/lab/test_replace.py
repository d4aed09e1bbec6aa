"""Whatever is done to every resource of a stack, the cloud is as declared afterwards.

`pulumi up --replace`, `pulumi state taint`, another spelling of every name, a state whose names are not folded yet.
"""

import hashlib
import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from clients import ceph
from config.resource_names import resource_name
from lab.settings import Lab
from operations.repair.kinds import AFTER_A_KILL
from tests.lab.golden_image import clone_of, glance, raw_digest_in_rbd, rbd_names, remove_clone
from tests.lab.own_stack import STACK, OwnStack, own_stack

CAPS = {"mon": "profile rbd", "osd": "profile rbd pool=images"}
VLAN = 962
ROUTE = {"destination": "10.99.63.0/24", "next_hop": "10.99.62.9"}
ELSEWHERE = {
    "openstack:blockstorage/volume:Volume": "tests/lab/test_fleet_people.py, with its owner's server",
    "openstack:networking/port:Port": "tests/lab/test_fleets.py, with a fleet's servers on them",
    "pulumi-python:dynamic/compute:ServerFleet": "tests/lab/test_fleets.py, with servers",
    "pulumi-python:dynamic/hosts:HostOs": "tests/lab/test_host_os.py, with a simulated host",
    "pulumi-python:dynamic/hosts:MonitoringAgent": "tests/lab/test_monitoring_agent.py, with a simulated host",
    "pulumi-python:dynamic/kolla:KollaDeployment": "tests/lab/test_hosts_stack.py: an enrolment takes minutes",
    "pulumi-python:dynamic/kolla:KollaHost": "tests/lab/test_hosts_stack.py: an enrolment takes minutes",
}
"""Types that none of these tests replaces or taints: that undeploys a host and deploys it again, or needs servers."""
NEVER_RENAMED = {"ApplicationCredential", "Flavor", "FlavorAccess", "ServerGroup"}


@dataclass
class Everything:
    """A stack with an object of every kind that the lab can make fast; the tests follow each other."""

    stack: OwnStack
    name: str
    ceph_name: str
    source: Path

    @property
    def resources(self) -> list[dict[str, Any]]:
        """The resources in its state."""
        exported = json.loads(self.stack.program.succeed("stack", "export", "--stack", STACK))
        resources: list[dict[str, Any]] = exported["deployment"]["resources"]
        return resources

    @property
    def custom(self) -> list[str]:
        """The URNs of its custom resources, without the providers."""
        return [
            resource["urn"]
            for resource in self.resources
            if resource.get("custom") and not resource["type"].startswith("pulumi:providers:")
        ]

    def urn(self, kind: str) -> str:
        """The URN of the one resource of this type."""
        (found,) = (urn for urn in self.custom if urn.rpartition("::")[0].endswith(kind))
        return found

    @property
    def ids(self) -> dict[str, str]:
        """The ids of what can be renamed, by URN."""
        return {
            resource["urn"]: resource["id"]
            for resource in self.resources
            if resource.get("id") and resource["type"].rpartition(":")[2] not in NEVER_RENAMED
        }

    @property
    def image_id(self) -> str:
        """The Glance id of the image's current generation."""
        return str(self.stack.outputs["images"][self.name]["glance_id"])

    def is_as_declared(self) -> None:
        """Asks the services for every object, then Pulumi."""
        admin = self.stack.admin
        identity: Any = admin.identity  # the SDK's types have its v2 too
        (domain,) = (one for one in identity.domains() if one.name == self.name)
        (directory,) = (one for one in identity.domains() if one.name == f"{self.name}-people")
        assert "ldap" in identity.get(f"/domains/{directory.id}/config").json()["config"]
        (project,) = identity.projects(domain_id=domain.id)
        (robot,) = (one for one in identity.users(domain_id="default") if one.name == self.name)
        assert project.name == self.name
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
            (admin.current_user_id, "member", False),
        }
        credentials = [credential.name for credential in identity.application_credentials(robot)]
        assert credentials == [f"{self.name}-1"]
        (group,) = admin.network.security_groups(project_id=project.id, name="default")
        assert {rule["direction"] for rule in group.security_group_rules} == {"egress"}
        assert admin.compute.get_quota_set(project.id).instances == 7
        assert admin.network.get_quota(project.id).networks == 5
        assert admin.block_storage.get_quota_set(project.id).volumes == 3
        (network,) = (one for one in admin.network.networks() if one.name == self.name)
        closed, subnet = sorted(admin.network.subnets(network_id=network.id), key=lambda one: one.name)
        assert (closed.name, closed.allocation_pools) == (f"{self.name}-closed", [])
        assert (subnet.name, subnet.cidr) == (f"{self.name}-v4", "10.99.62.0/24")
        assert subnet.host_routes == [{"destination": ROUTE["destination"], "nexthop": ROUTE["next_hop"]}]
        assert network.dns_domain == "replace.example."
        (own,) = (
            one for one in admin.network.security_groups(project_id=project.id) if one.name == self.name
        )
        rules = [(rule["direction"], rule["remote_group_id"]) for rule in own.security_group_rules]
        assert sorted(rules, key=str) == [*[("egress", None)] * 2, *[("ingress", own.id)] * 2]
        (flavor,) = (one for one in admin.compute.flavors(is_public="None") if one.name == self.name)
        (access,) = admin.compute.get_flavor_access(flavor)
        assert access["tenant_id"] == project.id
        groups = [one for one in admin.compute.server_groups(all_projects=True) if one.name == self.name]
        assert [(one.project_id, one.policy) for one in groups] == [(project.id, "soft-affinity")]
        (share,) = admin.network.rbac_policies(object_id=network.id)
        assert share.target_project_id == project.id
        self._ceph_is_as_declared()
        self.stack.preview_is_empty("--refresh")

    def _ceph_is_as_declared(self) -> None:
        record = glance(self.image_id)
        assert record is not None
        assert (record["name"], record["status"], record["os_hidden"]) == (self.name, "active", False)
        assert raw_digest_in_rbd(self.image_id) == hashlib.sha512(self.source.read_bytes()).hexdigest()
        with ceph.cluster("admin") as handle:
            (user,) = ceph.command(handle, "auth get", entity=f"client.{self.ceph_name}.1")
        assert user["caps"] == CAPS


def config(name: str, ceph_name: str, source: Path, lab: Lab) -> dict[str, Any]:
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
                "quota": {"compute": {"instances": 7}, "network": {"networks": 5}, "volume": {"volumes": 3}},
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
                "application_credentials": [{"name": name, **project}],
            }
        ],
        "grants": [
            {"role": "reader", "user": runner, "scope": project},
            {"role": "member", "user": {"name": "admin", "domain": "Default"}, "scope": project},
            {"role": "manager", "user": runner, "scope": {"domain": name}, "inherited": True},
        ],
        "networks": [
            {
                "name": name,
                "segments": [{"physical_network": "physnet1", "vlan": VLAN}],
                "dns_domain": "replace.example",
                "shared_with": [project],
                "subnets": [
                    {
                        "name": f"{name}-v4",
                        "cidr": "10.99.62.0/24",
                        "gateway": "10.99.62.1",
                        "allocation_pools": [{"start": "10.99.62.20", "end": "10.99.62.99"}],
                        "host_routes": [ROUTE],
                    },
                    {"name": f"{name}-closed", "cidr": "10.99.63.0/24", "allocation_pools": "none"},
                ],
            }
        ],
        "security_groups": [
            {"name": name, **project, "ingress": [{"protocol": "tcp", "ports": 22, "remote": "same-group"}]}
        ],
        "server_groups": [{"name": name, **project, "policy": "soft-affinity"}],
        "flavors": [
            {"name": name, "vcpus": 1, "ram_mb": 64, "disk_gb": 1, "public": False, "projects": [project]}
        ],
        "ceph": {"user": "admin", "conf": str(lab.ceph_conf)},
        "osd_expansion": {
            "user": "admin",
            "conf": str(lab.ceph_conf),
            "probe_pool": "volumes",
            "fill": [0],
        },
        "ceph_users": [
            {"name": ceph_name, "caps": CAPS, "serials": [1], "folder": str(source.parent / "ceph")}
        ],
        "image_store": {"cloud": "lab-image-import", "pool": "images", "ceph_user": ceph_name},
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
    name, source = f"Tést-{secrets.token_hex(3)}", base / "disk.raw"
    ceph_name = f"test-{secrets.token_hex(3)}"
    source.write_bytes(secrets.token_bytes(1 << 20))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CEPH_CONF", str(lab.ceph_conf))
        patch.setenv("OS_CLIENT_CONFIG_FILE", str(lab.clouds))
        with own_stack(base / "stack", config(name, ceph_name, source, lab)) as stack:
            yield Everything(stack, name, ceph_name, source)


def test_the_stack_is_up_as_declared(everything: Everything) -> None:
    everything.is_as_declared()


def test_the_stack_has_a_resource_of_every_type(everything: Everything) -> None:
    types = {resource["type"] for resource in everything.resources if resource.get("custom")}
    assert {
        type_ for type_ in types if not type_.startswith("pulumi:")
    } == AFTER_A_KILL.keys() - ELSEWHERE.keys()


def test_another_spelling_of_every_name_is_an_update(everything: Everything, lab: Lab) -> None:
    """Keystone renames no application credential, Nova no flavor and no server group: those are made anew, the former first removed."""
    before, former = everything.ids, everything.name
    everything.name = former.replace("T", "t").replace("é", "E")
    assert everything.name != former
    everything.stack.declare(config(everything.name, everything.ceph_name, everything.source, lab))
    planned = everything.stack.planned()
    replaced = {kind for (kind, _), did in planned.items() if did - {"update"}}
    assert replaced == NEVER_RENAMED
    everything.stack.up()
    everything.is_as_declared()
    assert everything.ids == before


def test_a_state_whose_names_are_not_folded_yet_is_taken_as_it_is(everything: Everything) -> None:
    exported = everything.stack.program.succeed("stack", "export", "--stack", STACK)
    lines = exported.splitlines()  # roles were folded from the start
    spelled = [
        line
        if "RoleSet" in line or "RoleAssignments" in line
        else line.replace(resource_name(everything.name), everything.name).replace("@default", "@Default")
        for line in lines
    ]
    assert spelled != lines
    everything.stack.program.import_state(STACK, "\n".join(spelled))
    assert everything.stack.planned() == {}
    everything.stack.up()


def test_after_a_replace_of_every_resource_the_cloud_is_as_declared(everything: Everything) -> None:
    everything.stack.up(*(f"--replace={urn}" for urn in everything.custom))
    everything.is_as_declared()


@pytest.mark.nightly
def test_after_a_taint_of_every_resource_the_cloud_is_as_declared(everything: Everything) -> None:
    everything.stack.program.succeed("state", "taint", "--yes", "--stack", STACK, *everything.custom)
    everything.stack.up()
    everything.is_as_declared()


def test_leftovers_of_a_killed_run_take_nothing_along(everything: Everything) -> None:
    """A copy of every dynamic resource, still to be deleted, beside what stays as it is."""
    exported = json.loads(everything.stack.program.succeed("stack", "export", "--stack", STACK))
    resources = exported["deployment"]["resources"]
    leftovers = [{**one, "delete": True} for one in resources if one["type"].startswith("pulumi-python:")]
    assert leftovers
    resources += leftovers
    everything.stack.program.import_state(STACK, json.dumps(exported))
    everything.stack.up()
    assert not [one["urn"] for one in everything.resources if one.get("delete")]
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
