"""Taking over what was made by hand on the real cloud: found, imported unchanged, protected, given up again.

The tests go through one story in the order in which they stand here.
"""

import json
import re
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import openstack
import pytest
import yaml
from openstack.connection import Connection

from tests.lab.cloud_stack import lab_environment
from tests.program_copy import ProgramCopy

STACK = "adopting"
FILE = """\
# Made before there was this program.
config:
  private-cloud:openstack: {cloud: lab-admin}  # the lab's administrator

  private-cloud:existing_domains: []  # none yet
"""
IMPORTED = 9  # domain, project, two grants, network, three subnets, share; and nothing of the subnet's routes
VLANS = range(960, 990)


@dataclass(frozen=True)
class ByHand:
    """What was made with the SDK, all of it under names that end in SUFFIX."""

    admin: Connection
    suffix: str

    @property
    def identity(self) -> Any:
        """Keystone; the SDK's types have its v2 too."""
        return self.admin.identity

    def things(self) -> dict[str, Any]:
        """Everything that Keystone and Neutron tell of it, with revisions and times."""
        identity, network = self.identity, self.admin.network
        networks = [live for live in network.networks() if live.name.endswith(self.suffix)]
        ids = {live.id for live in networks}
        projects = [live for live in identity.projects() if live.name.endswith(self.suffix)]
        domains = [live for live in identity.domains() if live.name.endswith(self.suffix)]
        scopes = {live.id for live in (*projects, *domains)}
        assignments = [
            live.to_dict()
            for live in identity.role_assignments()
            if {place.get("id") for place in live.scope.values() if isinstance(place, dict)} & scopes
        ]
        found = {
            "domains": domains,
            "projects": projects,
            "networks": networks,
            "subnets": [live for live in network.subnets() if live.network_id in ids],
            "shares": [live for live in network.rbac_policies() if live.object_id in ids],
        }
        answer = {kind: [live.to_dict() for live in lives] for kind, lives in found.items()}
        answer["assignments"] = assignments
        for things in answer.values():
            for thing in things:
                thing.pop("location", None)  # the SDK's own, of the connection
                thing.pop(
                    "availability_zones", None
                )  # where agents are, which tests beside this one bring and take
            things.sort(key=lambda thing: json.dumps(thing, sort_keys=True))
        return answer

    def make(self) -> None:
        """A domain, a project, two grants, a VLAN network with three subnets, and whom it is shared with."""
        identity, network = self.identity, self.admin.network
        domain = identity.create_domain(name=f"corp-{self.suffix}", description="Made by hand")
        project = identity.create_project(name=f"development-{self.suffix}", domain_id=domain.id)
        role, user = identity.find_role("member"), identity.find_user("ci-runner")
        identity.assign_project_role_to_user(project, user, role)
        inherited = f"/OS-INHERIT/domains/{domain.id}/users/{user.id}/roles/{role.id}/inherited_to_projects"
        assert identity.put(inherited).status_code == 204
        taken = {live.provider_segmentation_id for live in network.networks()}
        vms = network.create_network(
            name=f"vms-{self.suffix}",
            description="Made by hand",
            provider_network_type="vlan",
            provider_physical_network="physnet1",
            provider_segmentation_id=next(vlan for vlan in VLANS if vlan not in taken),
            mtu=1400,
            port_security_enabled=False,
        )
        network.set_tags(vms, ["by-hand"])
        network.create_subnet(
            name=f"odd-{self.suffix}",
            network_id=vms.id,
            ip_version=4,
            cidr="10.196.0.0/24",
            gateway_ip=None,
            allocation_pools=[
                {"start": "10.196.0.40", "end": "10.196.0.41"},
                {"start": "10.196.0.9", "end": "10.196.0.20"},
            ],
            dns_nameservers=["10.196.0.3", "10.196.0.2"],
            host_routes=[{"destination": "10.99.0.0/16", "nexthop": "10.196.0.7"}],
        )
        network.create_subnet(
            name=f"plain-{self.suffix}", network_id=vms.id, ip_version=4, cidr="10.197.0.0/24"
        )
        network.create_subnet(
            name=f"ipv6-{self.suffix}",
            network_id=vms.id,
            ip_version=6,
            cidr="fd00:196::/64",
            ipv6_address_mode="slaac",
            ipv6_ra_mode="slaac",
        )
        network.create_rbac_policy(
            object_type="network",
            object_id=vms.id,
            action="access_as_shared",
            target_project_id=project.id,
        )

    def remove(self) -> None:
        """Whatever is left of it."""
        for live in self.admin.network.networks():
            if live.name.endswith(self.suffix):
                self.admin.network.delete_network(live)
        for project in self.identity.projects():
            if project.name.endswith(self.suffix):
                self.identity.delete_project(project)
        for domain in self.identity.domains():
            if domain.name.endswith(self.suffix):
                self.identity.update_domain(domain, enabled=False)
                self.identity.delete_domain(domain)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProgramCopy]:
    folder = tmp_path_factory.mktemp("adopt")
    program = ProgramCopy.make(folder, lab_environment())
    program.stack(STACK, FILE)
    yield program
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def by_hand(program: ProgramCopy) -> Iterator[ByHand]:
    found = openstack.config.OpenStackConfig(
        config_files=[program.environment["OS_CLIENT_CONFIG_FILE"]], load_envvars=False
    )
    with Connection(config=found.get_one("lab-admin")) as admin:
        made = ByHand(admin, f"t{secrets.token_hex(3)}")
        try:
            made.make()
            yield made
        finally:
            made.remove()


def test_a_dry_run_shows_the_entries_and_writes_nothing(program: ProgramCopy, by_hand: ByHand) -> None:
    before = program.file(STACK).read_text(encoding="utf-8")
    done = program.adopt(STACK, "--name", f"*-{by_hand.suffix}", "--dry-run")
    assert done.returncode == 0, done.stdout
    assert f"+    - name: vms-{by_hand.suffix}" in done.stdout
    assert program.file(STACK).read_text(encoding="utf-8") == before


def test_what_was_made_by_hand_is_imported_and_stays_as_it_is(program: ProgramCopy, by_hand: ByHand) -> None:
    text, before = program.file(STACK).read_text(encoding="utf-8"), by_hand.things()
    done = program.adopt(STACK, "--name", f"*-{by_hand.suffix}", "--yes")
    assert done.returncode == 0, done.stdout
    assert f"Pulumi would import {IMPORTED} and change nothing" in done.stdout
    assert "The preview after it is empty" in done.stdout
    assert by_hand.things() == before
    lines = program.file(STACK).read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line in text.splitlines()] == text.splitlines()
    subnets = yaml.safe_load("\n".join(lines))["config"]["private-cloud:networks"][0]["subnets"]
    plain = next(subnet for subnet in subnets if subnet["name"].startswith("plain-"))
    assert set(plain) == {"name", "adopt", "cidr"}


def test_the_next_preview_is_empty_also_with_a_refresh(program: ProgramCopy, by_hand: ByHand) -> None:  # noqa: ARG001 - the story
    program.succeed("preview", "--refresh", "--expect-no-changes", "--stack", STACK)


def test_what_is_taken_over_is_not_found_again(program: ProgramCopy, by_hand: ByHand) -> None:
    done = program.adopt(STACK, "--name", f"*-{by_hand.suffix}")
    assert done.returncode == 0, done.stdout
    assert "There is nothing to add to the stack file." in done.stdout


def test_a_field_that_differs_is_named_and_nothing_is_done(program: ProgramCopy, by_hand: ByHand) -> None:
    text, before = program.file(STACK).read_text(encoding="utf-8"), by_hand.things()
    program.stack("differing", text.replace("Made by hand", "Made by Pulumi").replace("1400", "1300"))
    done = program.adopt("differing", "--name", f"*-{by_hand.suffix}", "--yes")
    assert done.returncode == 1, done.stdout
    assert 'description is "Made by hand" and would become "Made by Pulumi"' in done.stdout
    assert f"Network vms-{by_hand.suffix}: mtu is 1400 and would become 1300" in done.stdout
    assert by_hand.things() == before
    assert "Current stack resources (0)" in program.succeed("stack", "--stack", "differing")


def test_the_id_of_something_else_is_refused_and_nothing_is_done(
    program: ProgramCopy, by_hand: ByHand
) -> None:
    declared = yaml.safe_load(program.file(STACK).read_text(encoding="utf-8"))
    config, before = declared["config"], by_hand.things()
    (domain,), (project,) = config["private-cloud:domains"], config["private-cloud:projects"]
    (network,) = config["private-cloud:networks"]
    domain["adopt"], project["adopt"] = "default", by_hand.identity.find_project("admin").id
    other = by_hand.admin.network.create_network(name=f"{by_hand.suffix}-other")
    network["adopt"] = other.id
    first, second, third = network["subnets"]
    first["adopt"], second["adopt"], third["adopt"] = second["adopt"], third["adopt"], first["adopt"]
    program.stack("strangers", yaml.safe_dump(declared))
    done = program.pulumi("preview", "--stack", "strangers")
    by_hand.admin.network.delete_network(other)
    assert done.returncode != 0
    assert "which is 'Default'" in done.stdout
    assert "which is 'admin@Default'" in done.stdout
    for entry in (domain, project, network, *network["subnets"]):
        assert f"has adopt: {entry['adopt']}, which is '" in done.stdout
    assert by_hand.things() == before


def test_a_grant_with_another_grants_id_is_refused(program: ProgramCopy, by_hand: ByHand) -> None:
    declared = yaml.safe_load(program.file(STACK).read_text(encoding="utf-8"))
    first, second = declared["config"]["private-cloud:grants"]
    first["adopt"], second["adopt"] = second["adopt"], first["adopt"]
    before = by_hand.things()
    program.stack("swapped", yaml.safe_dump(declared))
    done = program.pulumi("preview", "--stack", "swapped")
    assert done.returncode != 0
    assert "which is another grant's id; its own is" in done.stdout
    assert by_hand.things() == before


def without_ids(text: str) -> str:
    return re.sub(r"^ *adopt: .*\n|, adopt: [^}]*", "", text, flags=re.MULTILINE)


def test_a_stack_whose_state_is_lost_is_had_again_from_its_file(
    program: ProgramCopy, by_hand: ByHand
) -> None:
    declared = without_ids(program.file(STACK).read_text(encoding="utf-8"))
    assert "adopt" not in declared
    before = by_hand.things()
    program.stack("lost", declared)
    done = program.adopt("lost", "--declared", "--yes")
    assert done.returncode == 0, done.stdout
    assert f"Pulumi would import {IMPORTED} and change nothing" in done.stdout
    assert by_hand.things() == before
    program.succeed("preview", "--refresh", "--expect-no-changes", "--stack", "lost")


def test_destroy_refuses_what_is_taken_over_and_says_why(program: ProgramCopy, by_hand: ByHand) -> None:
    before = by_hand.things()
    done = program.pulumi("destroy", "--yes", "--skip-preview", "--stack", "lost")
    assert done.returncode != 0
    assert "because it is protected" in done.stdout
    assert {kind: len(things) for kind, things in by_hand.things().items()} == {
        kind: len(things) for kind, things in before.items()
    }


def test_without_its_id_it_is_protected_no_more_and_destroy_leaves_nothing(
    program: ProgramCopy, by_hand: ByHand
) -> None:
    before = by_hand.things()
    file = program.file(STACK)
    file.write_text(without_ids(file.read_text(encoding="utf-8")), encoding="utf-8")
    previewed = program.succeed("preview", "--stack", STACK)
    assert "[diff: ~protect]" in previewed
    assert "to update" not in previewed
    program.succeed("up", "--yes", "--skip-preview", "--stack", STACK)
    assert by_hand.things() == before
    program.succeed("destroy", "--yes", "--skip-preview", "--stack", STACK)
    assert not any(by_hand.things().values())
