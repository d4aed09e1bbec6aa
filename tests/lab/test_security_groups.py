"""Every field of a security group on real Neutron: preview says what docs/settings.md says, and an up does it.

Then what somebody changed by hand is taken back, a group in use stays, and what was made by hand is taken over.
"""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from openstack.connection import Connection

from clients.neutron.security_group_rules import PROTOCOLS, SAME_GROUP
from config.security_group import SecurityGroupSpec
from config.security_group_rule import NamedSecurityGroupRuleSpec, SecurityGroupReference
from tests.lab.field_walk import Case, Entry, Resource, Walk, entry_of, fields_without_a_case
from tests.lab.own_stack import STACK, OwnStack, own_stack

of = partial(entry_of, "security_groups")
SFX = f"t{secrets.token_hex(3)}"
SHOWN_ELSEWHERE = {
    "SecurityGroupSpec.adopt",  # below
    "SecurityGroupSpec.protected",  # tests/engine/test_policy_pack.py
    "SecurityGroupSpec.domain",  # as its project
}
ALPHA, BETA = f"alpha-{SFX}", f"beta-{SFX}"
SSH: Entry = {"protocol": "tcp", "ports": 22, "remote": "10.97.0.0/24"}
RULES = "SecurityGroupRules"
QUOTA = {"network": {"security_groups": 50, "security_group_rules": "unlimited"}}
"""More than Neutron allows by itself: so the quota has to be set before the groups are made."""
OUT = {("egress", family, None, None, None, None) for family in ("IPv4", "IPv6")}


def resource(kind: str, name: str, project: str = ALPHA) -> Resource:
    return kind, f"{project}@default/{name}"


def a_rule(field: str, before: Entry, after: Entry, variant: str = "") -> tuple[Case, Entry]:
    """The case that a rule's FIELD changes, and the group with the rule as it is before."""
    name = f"rule-{field}{variant}"
    spec = NamedSecurityGroupRuleSpec if field != "group" else SecurityGroupReference
    case = Case(spec, field, of(name, ingress=[after]), resource(RULES, name), variant=variant)
    return case, group(name, ingress=[before])


def group(name: str, **keys: object) -> Entry:
    return {"name": name, "project": ALPHA, "domain": "Default", **keys}


def named(name: str) -> Entry:
    return {"protocol": "tcp", "ports": 22, "remote": {"group": name}}


OF_RULES = [
    a_rule("protocol", SSH, {**SSH, "protocol": "udp"}),
    a_rule("remote", SSH, {**SSH, "remote": "10.98.0.0/24"}),
    a_rule("remote", SSH, {**SSH, "remote": SAME_GROUP}, "same-group"),
    a_rule("remote", {**SSH, "remote": SAME_GROUP}, named("plain"), "group"),
    a_rule("remote", SSH, {**SSH, "remote": "2001:db8::/32"}, "ipv6"),
    a_rule("ethertype", {**SSH, "remote": SAME_GROUP}, {**SSH, "remote": SAME_GROUP, "ethertype": "IPv6"}),
    a_rule("ports", SSH, {**SSH, "ports": "22-23"}),
    a_rule("ports", SSH, {"protocol": "tcp", "remote": SSH["remote"]}, "all"),
    a_rule(
        "icmp_type",
        {"protocol": "icmp", "remote": "0.0.0.0/0"},
        {"protocol": "icmp", "remote": "0.0.0.0/0", "icmp_type": 8},
    ),
    a_rule(
        "icmp_code",
        {"protocol": "ipv6-icmp", "remote": "::/0", "icmp_type": 1},
        {"protocol": "ipv6-icmp", "remote": "::/0", "icmp_type": 1, "icmp_code": 4},
    ),
    a_rule("group", named("plain"), named("mutual")),
]
CASES = [
    Case(
        SecurityGroupSpec,
        "name",
        of("name", name="new-name", renamed_from="name"),
        resource("SecGroup", "new-name"),
    ),
    Case(
        SecurityGroupSpec,
        "renamed_from",
        of("renamed_from", renamed_from="x"),
        resource("SecGroup", "renamed_from"),
    ),
    Case(
        SecurityGroupSpec,
        "project",
        of("project", project=BETA),
        resource("SecGroup", "project", BETA),
        gone=resource("SecGroup", "project"),
    ),
    Case(
        SecurityGroupSpec,
        "description",
        of("description", description="x"),
        resource("SecGroup", "description"),
    ),
    Case(SecurityGroupSpec, "tags", of("tags", tags=["b", "c"]), resource("SecGroup", "tags")),
    Case(SecurityGroupSpec, "stateful", of("stateful", stateful=False), resource("SecGroup", "stateful")),
    Case(
        SecurityGroupSpec,
        "stateful",
        of("stateless", stateful=True),
        resource("SecGroup", "stateless"),
        variant="again",
    ),
    Case(SecurityGroupSpec, "ingress", of("ingress", ingress=[]), resource(RULES, "ingress")),
    Case(SecurityGroupSpec, "egress", of("egress", egress="none"), resource(RULES, "egress")),
    *(case for case, _ in OF_RULES),
]
MOVED = {resource(RULES, "project"), resource(RULES, "project", BETA)}


def declared() -> Entry:
    return {
        "openstack": {"cloud": "lab-admin"},
        "projects": [{"name": name, "domain": "Default", "quota": QUOTA} for name in (ALPHA, BETA)],
        "security_groups": [
            group("plain"),
            group("mutual", ingress=[named("plain"), named("mutual")]),
            group("name"),
            group("renamed_from"),
            group("project"),
            group("description"),
            group("undescribed", description="stays"),
            group("tags", tags=["a", "b"]),
            group("stateful"),
            group("stateless", stateful=False),
            group("ingress", ingress=[SSH]),
            group("egress"),
            *(entry for _, entry in OF_RULES),
        ],
    }


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    config = declared()
    with own_stack(tmp_path_factory.mktemp("groups"), config) as stack:
        for case in CASES:
            case.change(config)
        of("undescribed", description="")(config)
        of("plain", ingress=[named("mutual")])(config)
        stack.declare(config)
        yield Walk(stack, stack.planned())


def live_group(admin: Connection, stack: OwnStack, name: str, project: str = ALPHA) -> Any:
    return admin.network.get_security_group(
        stack.outputs["security_groups"][f"{project}@Default/{name}"]["id"]
    )


def rules(found: Any) -> set[tuple[Any, ...]]:
    """Direction, family, protocol, first and last port, and the remote side of each rule."""
    return {
        (
            *(rule[key] for key in ("direction", "ethertype", "protocol", "port_range_min")),
            rule["port_range_max"],
            rule["remote_ip_prefix"] or rule["remote_group_id"],
        )
        for rule in found.security_group_rules
    }


def test_every_field_has_a_case() -> None:
    specs = (SecurityGroupSpec, NamedSecurityGroupRuleSpec, SecurityGroupReference)
    assert fields_without_a_case(CASES, specs, elsewhere=SHOWN_ELSEWHERE) == set()


@pytest.mark.parametrize("case", [pytest.param(case, id=str(case)) for case in CASES])
def test_preview_shows_the_declared_kind_of_change(walk: Walk, case: Case) -> None:
    walk.shows(case)


def test_nothing_else_is_planned(walk: Walk) -> None:
    unexplained = walk.unexplained(CASES)
    assert unexplained.pop(resource(RULES, "plain")) == {"update"}
    assert unexplained.keys() == MOVED


def test_neutron_takes_every_change_and_the_next_preview_is_empty(walk: Walk, admin: Connection) -> None:
    stack = walk.stack
    kept = live_group(admin, stack, "name").id
    walk.stack.up()
    walk.stack.preview_is_empty("--refresh")

    def of_group(name: str, project: str = ALPHA) -> Any:
        return live_group(admin, stack, name, project)

    plain, mutual = of_group("plain"), of_group("mutual")
    assert of_group("new-name").id == kept
    assert of_group("project", BETA).project_id == stack.outputs["projects"][f"{BETA}@Default"]["id"]
    assert of_group("description").description == "x"
    assert of_group("undescribed").description == "stays"
    assert sorted(of_group("tags").tags) == ["b", "c"]
    assert [of_group(name).stateful for name in ("stateful", "stateless")] == [False, True]
    assert (rules(of_group("ingress")), rules(of_group("egress"))) == (OUT, set())
    ssh = {("ingress", family, "tcp", 22, 22) for family in ("IPv4", "IPv6")}
    assert rules(plain) == OUT | {(*rule, mutual.id) for rule in ssh}
    assert rules(mutual) == OUT | {(*rule, one.id) for rule in ssh for one in (plain, mutual)}
    assert rules(of_group("rule-icmp_code")) - OUT == {("ingress", "IPv6", "ipv6-icmp", 1, 4, None)}
    ethertype = of_group("rule-ethertype")
    assert rules(ethertype) - OUT == {("ingress", "IPv6", "tcp", 22, 22, ethertype.id)}


def test_what_somebody_changed_by_hand_is_found_and_put_right(walk: Walk, admin: Connection) -> None:
    found = {name: live_group(admin, walk.stack, name) for name in ("plain", "mutual", "tags", "ingress")}
    before = {name: rules(one) for name, one in found.items()}
    admin.network.create_security_group_rule(
        security_group_id=found["ingress"].id, direction="ingress", protocol="tcp"
    )
    lost = found["mutual"].security_group_rules[0]["id"]
    admin.network.delete_security_group_rule(lost)
    admin.network.update_security_group(found["plain"], description="by hand", stateful=False)
    admin.network.set_tags(found["tags"], ["d"])
    planned = walk.stack.planned("--refresh")
    assert planned[resource(RULES, "ingress")] >= {"update"}
    assert planned[resource(RULES, "mutual")] >= {"update"}
    assert planned[resource("SecGroup", "plain")] >= {"update"}
    assert planned[resource("SecGroup", "tags")] >= {"update"}
    walk.stack.up("--refresh")
    assert {name: rules(live_group(admin, walk.stack, name)) for name in found} == before
    assert live_group(admin, walk.stack, "plain").stateful is True


def test_a_group_that_is_gone_is_made_anew_and_named_by_its_new_id(walk: Walk, admin: Connection) -> None:
    """Neutron removes rules of other groups that name it, too."""
    admin.network.delete_security_group(live_group(admin, walk.stack, "plain"))
    walk.stack.up("--refresh")
    walk.stack.preview_is_empty("--refresh")
    new = live_group(admin, walk.stack, "plain")
    assert new.id in {remote for *_, remote in rules(live_group(admin, walk.stack, "mutual"))}


@contextmanager
def a_port(admin: Connection, security_group: Any) -> Iterator[Any]:
    network = admin.network.create_network(name=f"port-{SFX}", project_id=security_group.project_id)
    try:
        yield admin.network.create_port(
            network_id=network.id,
            name=f"port-{SFX}",
            project_id=security_group.project_id,
            security_group_ids=[security_group.id],
        )
    finally:
        for port in admin.network.ports(network_id=network.id):
            admin.network.delete_port(port)
        admin.network.delete_network(network)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnStack]:
    """A stack with two groups that name each other, and then what each test declares."""
    with own_stack(tmp_path_factory.mktemp("small"), small_config()) as stack:
        yield stack


def small_config(*names: str) -> Entry:
    groups = [group("web", ingress=[named("db"), SSH]), group("db", ingress=[named("web"), SSH])]
    gamma = f"gamma-{SFX}"
    return {
        "openstack": {"cloud": "lab-admin"},
        "projects": [{"name": gamma, "domain": "Default"}],
        "security_groups": [{**one, "project": gamma} for one in groups if not names or one["name"] in names],
    }


def test_a_second_group_of_one_name_is_refused(small: OwnStack, admin: Connection) -> None:
    gamma = f"gamma-{SFX}"
    project_id = small.outputs["projects"][f"{gamma}@Default"]["id"]
    second = admin.network.create_security_group(name="cache", project_id=project_id)
    config = small_config()
    config["security_groups"].append({**group("cache"), "project": gamma})
    small.declare(config)
    refused = small.program.pulumi("up", "--yes", "--skip-preview", "--stack", STACK)
    assert refused.returncode != 0
    assert f"another security group 'cache' ({second.id})" in refused.stdout
    admin.network.delete_security_group(second)
    small.up()
    small.preview_is_empty("--refresh")


def test_a_group_in_use_is_refused_by_its_ports_names_and_keeps_its_rules(
    small: OwnStack, admin: Connection
) -> None:
    web = live_group(admin, small, "web", f"gamma-{SFX}")
    before = rules(web)
    with a_port(admin, web):
        config = small_config("db")
        config["security_groups"][0]["ingress"] = [SSH]
        small.declare(config)
        refused = small.program.pulumi("up", "--yes", "--skip-preview", "--stack", STACK)
        assert refused.returncode != 0
        assert f"port port-{SFX}" in refused.stdout
        assert "'web'" in refused.stdout
        assert rules(admin.network.get_security_group(web.id)) == before
        checked = small.program.looks_before_destroy(STACK)
        assert checked.returncode == 1
        assert f"port port-{SFX}" in checked.stdout
    small.up()
    assert admin.network.find_security_group(web.id) is None


@pytest.mark.nightly
def test_neutron_takes_every_protocol_in_every_way_that_a_stack_file_has(small: OwnStack) -> None:
    numbers = [number for number in range(1, 256, 9) if number not in PROTOCOLS.values()]
    rules: list[Entry] = [{"protocol": name, "remote": SAME_GROUP} for name in (*PROTOCOLS, *numbers, "any")]
    rules += [
        {"protocol": protocol, "ports": ports, "remote": SAME_GROUP}
        for protocol in ("tcp", "udp", "sctp", "dccp", "udplite")
        for ports in ("1", "65535", "1-65534", "2-65535")
    ]
    rules += [
        {"protocol": protocol, "icmp_type": of_type, "icmp_code": code, "remote": remote}
        for protocol, remote in (("icmp", "0.0.0.0/1"), ("ipv6-icmp", "8000::/1"))
        for of_type, code in ((0, 0), (255, 255), (3, None))
    ]
    config = small_config("db")
    config["projects"][0]["quota"] = QUOTA
    config["security_groups"][0] |= {"ingress": rules, "egress": rules}
    small.declare(config)
    small.up()
    small.preview_is_empty("--refresh")


@pytest.mark.nightly
def test_what_a_lost_state_left_is_found_again(small: OwnStack) -> None:
    small.declare(small_config())
    small.up()
    before = small.outputs["security_groups"]
    state = json.loads(small.program.succeed("stack", "export", "--stack", STACK))
    state["deployment"]["resources"] = [
        one
        for one in state["deployment"]["resources"]
        if not one["type"].startswith(("openstack:networking/", "pulumi-python:dynamic/networking"))
    ]
    small.program.import_state(STACK, json.dumps(state))
    done = small.program.repair(STACK)
    assert done.returncode == 0, done.stdout
    small.up()
    small.preview_is_empty("--refresh")
    assert small.outputs["security_groups"] == before


def test_a_destroy_leaves_nothing_though_groups_name_each_other(small: OwnStack, admin: Connection) -> None:
    """Last of the module: the fixture finds nothing left to destroy."""
    small.declare(small_config())
    small.up()
    ids = [one["id"] for one in small.outputs["security_groups"].values()]
    small.program.succeed("destroy", "--yes", "--skip-preview", "--stack", STACK)
    assert [id_ for id_ in ids if admin.network.find_security_group(id_)] == []


def test_a_group_made_by_hand_is_taken_over_as_it_is(
    tmp_path_factory: pytest.TempPathFactory, admin: Connection
) -> None:
    project, network = f"delta-{SFX}", admin.network
    base = {"openstack": {"cloud": "lab-admin"}, "projects": [{"name": project, "domain": "Default"}]}
    with own_stack(tmp_path_factory.mktemp("adopted"), base) as stack:
        project_id = stack.outputs["projects"][f"{project}@Default"]["id"]
        web, db = (
            network.create_security_group(name=name, project_id=project_id, description=f"for {name}")
            for name in (f"web-{SFX}", f"db-{SFX}")
        )
        try:
            network.set_tags(web, ["edge"])
            common = {"direction": "ingress", "project_id": project_id, "ether_type": "IPv4"}
            for fields in (
                {"protocol": "6", "port_range_min": 80, "port_range_max": 81},
                {
                    "protocol": "icmp",
                    "port_range_min": 8,
                    "port_range_max": 0,
                    "remote_ip_prefix": "10.9.0.0/16",
                },
                {"protocol": "tcp", "port_range_min": 22, "port_range_max": 22, "remote_group_id": web.id},
                {"remote_group_id": db.id, "description": "all from db"},
                {"remote_group_id": db.id, "ether_type": "IPv6"},
                {"direction": "egress", "protocol": "udp", "remote_ip_prefix": "0.0.0.0/0"},
            ):
                network.create_security_group_rule(security_group_id=web.id, **{**common, **fields})
            for rule in db.security_group_rules:
                network.delete_security_group_rule(rule["id"])
            before = [network.get_security_group(one.id).to_dict() for one in (web, db)]
            done = stack.program.adopt(STACK, "--only", "security_groups", "--name", f"*-{SFX}", "--yes")
            assert done.returncode == 0, done.stdout
            stack.preview_is_empty("--refresh")
            assert [network.get_security_group(one.id).to_dict() for one in (web, db)] == before
            assert {one["id"] for one in stack.outputs["security_groups"].values()} == {web.id, db.id}
        finally:
            for one in (web, db):
                network.delete_security_group(one, ignore_missing=True)
