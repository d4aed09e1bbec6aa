"""A project's quota and its default security group against real Neutron, Nova and Cinder."""

import secrets
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from openstack.connection import Connection

from tests.lab.own_stack import STACK, Config, OwnStack, own_stack

NEUTRONS_OWN = {
    ("egress", "IPv4", None, None, None, None, None),
    ("egress", "IPv6", None, None, None, None, None),
    ("ingress", "IPv4", None, None, None, None, "itself"),
    ("ingress", "IPv6", None, None, None, None, "itself"),
}
EVERYTHING_OUT = {rule for rule in NEUTRONS_OWN if rule[0] == "egress"}
SSH = ("ingress", "IPv4", "tcp", 22, 22, "10.99.0.0/24", None)


def answered(response: requests.Response) -> Any:
    assert response.ok, response.text
    return response.json() if response.content else None


class Project:
    """A project of a test's own stack, and what Neutron, Nova and Cinder say of it."""

    def __init__(self, stack: OwnStack, name: str) -> None:
        self.stack = stack
        self.name = name
        self.id: str = stack.outputs["projects"][f"{name}@Default"]["id"]

    @property
    def admin(self) -> Connection:
        return self.stack.admin

    def declare(self, **fields: Any) -> None:
        self.stack.declare(configuration(self.name, **fields))

    def limits(self, service: str) -> dict[str, int]:
        """The project's limits, by the service's own names."""
        api, url = {
            "network": (self.admin.network, f"/quotas/{self.id}"),
            "compute": (self.admin.compute, f"/os-quota-sets/{self.id}"),
            "volume": (self.admin.block_storage, f"/os-quota-sets/{self.id}"),
        }[service]
        (found,) = answered(api.get(url)).values()
        return dict(found)

    def group(self) -> dict[str, Any]:
        found = answered(self.admin.network.get("/security-groups", params={"project_id": self.id}))
        (group,) = (group for group in found["security_groups"] if group["name"] == "default")
        return dict(group)

    def rules(self) -> set[tuple[Any, ...]]:
        """Direction, family, protocol, first and last port, CIDR and group of each rule."""
        group = self.group()
        return {
            (
                *(rule[key] for key in ("direction", "ethertype", "protocol", "port_range_min")),
                *(rule["port_range_max"], rule["remote_ip_prefix"]),
                "itself" if rule["remote_group_id"] == group["id"] else rule["remote_group_id"],
            )
            for rule in group["security_group_rules"]
        }

    def add_rule(self, **fields: Any) -> None:
        body = {
            "security_group_id": self.group()["id"],
            "direction": "ingress",
            "ethertype": "IPv4",
            **fields,
        }
        answered(self.admin.network.post("/security-group-rules", json={"security_group_rule": body}))


def configuration(name: str, **fields: Any) -> Config:
    return {
        "openstack": {"cloud": "lab-admin"},
        "projects": [{"name": name, "domain": "Default", **fields}],
    }


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project whose stack file says nothing of limits or groups at first; the tests follow each other."""
    name = f"limits-{secrets.token_hex(3)}"
    with own_stack(tmp_path_factory.mktemp("limits"), configuration(name)) as stack:
        yield Project(stack, name)


SERVICES = ("network", "compute", "volume")
QUOTA = {
    "network": {"networks": 7, "ports": 70, "rbac_policies": "unlimited", "subnets": 0},
    "compute": {"instances": 3, "cores": 12, "ram_mb": 24576, "key_pairs": "unlimited", "server_groups": 0},
    "volume": {"volumes": 4, "size_gb": 400, "per_volume_gb": 200, "snapshots": "unlimited", "backups": 0},
}
IN_THE_SERVICES_WORDS = {
    "network": {"network": 7, "port": 70, "rbac_policy": -1, "subnet": 0},
    "compute": {"instances": 3, "cores": 12, "ram": 24576, "key_pairs": -1, "server_groups": 0},
    "volume": {"volumes": 4, "gigabytes": 400, "per_volume_gigabytes": 200, "snapshots": -1, "backups": 0},
}


def test_declared_limits_hold_and_all_others_stay(project: Project) -> None:
    before = {service: project.limits(service) for service in SERVICES}
    project.declare(quota=QUOTA)
    project.stack.up()
    for service in SERVICES:
        assert project.limits(service) == before[service] | IN_THE_SERVICES_WORDS[service]
    project.stack.preview_is_empty("--refresh")


def test_a_limit_changed_by_hand_is_found_and_set_back(project: Project) -> None:
    before = {service: project.limits(service) for service in SERVICES}
    network, compute, volume = project.admin.network, project.admin.compute, project.admin.block_storage
    answered(network.put(f"/quotas/{project.id}", json={"quota": {"port": 71}}))
    answered(compute.put(f"/os-quota-sets/{project.id}", json={"quota_set": {"cores": 13}}))
    answered(volume.put(f"/os-quota-sets/{project.id}", json={"quota_set": {"gigabytes": 401}}))
    planned = project.stack.planned("--refresh")
    drifted = {kind for (kind, _), steps in planned.items() if "update" in steps}
    assert drifted == {"QuotaV2", "QuotaSetV2", "QuoteSetV3"}
    project.stack.up("--refresh")
    assert {service: project.limits(service) for service in SERVICES} == before


def test_a_limit_taken_out_of_the_file_stays_as_it_is(project: Project) -> None:
    before = {service: project.limits(service) for service in SERVICES}
    project.declare()
    project.stack.up()
    assert {service: project.limits(service) for service in SERVICES} == before


@pytest.mark.nightly
def test_limits_of_one_volume_type_hold_and_those_of_others_stay(project: Project) -> None:
    before = project.limits("volume")
    volume_type = next(key.removeprefix("volumes_") for key in sorted(before) if key.startswith("volumes_"))
    project.declare(quota={"volume": {"types": [{"name": volume_type, "size_gb": 50}]}})
    project.stack.up()
    assert project.limits("volume") == before | {f"gigabytes_{volume_type}": 50}
    project.stack.preview_is_empty("--refresh")


def test_a_closed_group_lets_nothing_in_and_everything_out(project: Project) -> None:
    project.declare(default_security_group="closed")
    project.stack.up()
    assert project.rules() == EVERYTHING_OUT
    project.stack.preview_is_empty("--refresh")


def test_a_rule_added_by_hand_is_found_and_removed(project: Project) -> None:
    project.add_rule(protocol="6", port_range_min=22, port_range_max=22)
    drifted = project.stack.program.pulumi("preview", "--refresh", "--expect-no-changes", "--stack", STACK)
    assert drifted.returncode != 0
    assert "DefaultSecurityGroup" in drifted.stdout
    project.stack.up("--refresh")
    assert project.rules() == EVERYTHING_OUT


def test_declared_rules_are_all_there_are_and_are_changed_in_place(project: Project) -> None:
    ingress = [
        {"protocol": "tcp", "ports": 22, "remote": "10.99.0.0/24"},
        {"protocol": 17, "ports": "8000-8100", "remote": "same-group"},
        {"protocol": "icmp", "icmp_type": 8, "remote": "0.0.0.0/0"},
        {"protocol": "ipv6-icmp", "remote": "::/0"},
        {"protocol": 253, "remote": "2001:db8::/32"},
        {"protocol": "tcp", "ports": "1-65535", "remote": "10.98.0.0/16"},
    ]
    egress = [{"protocol": "any", "remote": "10.0.0.0/8"}]
    project.declare(default_security_group={"ingress": ingress, "egress": egress})
    project.stack.up()
    assert project.rules() == {
        SSH,
        ("ingress", "IPv4", "udp", 8000, 8100, None, "itself"),
        ("ingress", "IPv6", "udp", 8000, 8100, None, "itself"),
        ("ingress", "IPv4", "icmp", 8, None, None, None),
        ("ingress", "IPv6", "ipv6-icmp", None, None, None, None),
        ("ingress", "IPv6", "253", None, None, "2001:db8::/32", None),
        ("ingress", "IPv4", "tcp", None, None, "10.98.0.0/16", None),
        ("egress", "IPv4", None, None, None, "10.0.0.0/8", None),
    }
    project.stack.preview_is_empty("--refresh")
    before = project.group()
    project.declare(default_security_group={"ingress": ingress[:1], "egress": "none"})
    assert project.stack.planned()["DefaultSecurityGroup", f"{project.name}@default"] == {"update"}
    project.stack.up()
    assert project.rules() == {SSH}
    kept = [
        rule for rule in before["security_group_rules"] if rule in project.group()["security_group_rules"]
    ]
    assert len(kept) == 1  # the very rule, not one like it


@pytest.mark.nightly
def test_a_group_that_is_left_to_neutron_again_has_neutrons_own_rules(project: Project) -> None:
    project.declare(default_security_group="closed")
    project.stack.up()
    project.declare(default_security_group="neutron")
    project.stack.up()
    assert project.rules() == NEUTRONS_OWN


def test_a_group_that_a_port_uses_is_kept_and_gets_neutrons_own_rules(project: Project) -> None:
    project.declare(default_security_group="closed")
    project.stack.up()
    group_id = project.group()["id"]
    network = project.admin.network.create_network(name=project.name, project_id=project.id)
    try:
        project.admin.network.create_port(network_id=network.id, project_id=project.id)
        project.declare()
        project.stack.up()
        assert project.group()["id"] == group_id
        assert project.rules() == NEUTRONS_OWN
    finally:
        for port in project.admin.network.ports(network_id=network.id):
            project.admin.network.delete_port(port)
        project.admin.network.delete_network(network)


@pytest.mark.nightly
def test_a_group_that_is_gone_is_found_and_closed_again(project: Project) -> None:
    project.declare(default_security_group="closed")
    project.stack.up()
    answered(project.admin.network.delete(f"/security-groups/{project.group()['id']}"))
    project.stack.up("--refresh")
    assert project.rules() == EVERYTHING_OUT


def test_destroy_leaves_no_group_behind(project: Project) -> None:
    """Last of the module: the fixture finds nothing left to destroy."""
    project.declare(default_security_group="closed")
    project.stack.up()
    group_id = project.group()["id"]
    project.stack.program.succeed("destroy", "--yes", "--skip-preview", "--stack", STACK)
    assert project.admin.network.get(f"/security-groups/{group_id}").status_code == 404
