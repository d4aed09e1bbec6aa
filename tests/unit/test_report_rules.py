"""Which class each change gets, and who is said to depend on it."""

import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

import dynamic_providers
from clients.keystone.assignment import Assignment, Place
from config.spec import Effect
from operations.report.change import changes
from operations.report.risk import NotKnown, Risk
from operations.report.rules.judge import RULES, declared_effect, judge
from tests.unit.report_cloud import (
    CLOUD,
    DEPLOYMENT,
    HOST,
    IMAGE,
    NETWORK,
    PROJECT,
    SUBNET,
    change,
    cloud,
    step,
)

ROOT = Path(__file__).parents[2]
HARMLESS, INTERRUPTS, LOSES, PERSON = Risk
ROLES = "pulumi-python:dynamic/identity:RoleSet"
DIRECTORY = "pulumi-python:dynamic/keystone:DomainConfig"
GROUP = "pulumi-python:dynamic/networking:DefaultSecurityGroup"
SEC_GROUP = "openstack:networking/secGroup:SecGroup"
SERVER_FLEET = "pulumi-python:dynamic/compute:ServerFleet"
PORT = "openstack:networking/port:Port"
SERVER_GROUP = "pulumi-python:dynamic/compute:ServerGroup"
SEC_RULES = "pulumi-python:dynamic/networking:SecurityGroupRules"
SYSTEMS = "pulumi-python:dynamic/hosts:HostOs"
SHARE = "openstack:networking/rbacPolicyV2:RbacPolicyV2"
USER = "openstack:identity/user:User"
UNDECLARED = "pulumi-python:dynamic/identity:UndeclaredGrants"
ROUTES = "pulumi-python:dynamic/network:HostRoutes"
STORE = {"pool": "images", "ceph_user": "import", "owner_stack": "private-cloud/dev"}


def host(**more: Any) -> dict[str, Any]:
    ssh = {"address": "10.1.0.5", "user": "kolla"}
    return {"ssh": ssh, "removal": "drain", "osd_disks": [], "roles": ["compute"]} | more


def risk(*arguments: Any, of: Any = CLOUD, **more: Any) -> Risk:
    return judge(change(*arguments, **more), of).risk


def counts(*arguments: Any, **more: Any) -> dict[str, Any]:
    return {fact.what: fact.count for fact in judge(change(*arguments, **more), CLOUD).facts}


def test_every_type_that_the_program_makes_has_a_rule() -> None:
    tokens = set()
    for path in (ROOT / "components").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        tokens |= {
            f"openstack:{module}/{name[0].lower()}{name[1:]}:{name}"
            for module, name in re.findall(r"\bopenstack\.(\w+)\.([A-Z]\w+)\b", text)
            if not name.endswith(("Args", "Result"))
        }
        tokens |= {
            f"command:{module}:{name}"
            for module, name in re.findall(r"\bcommand\.(\w+)\.([A-Z]\w+)\b", text)
            if not name.endswith("Args")
        }
    (folder,) = dynamic_providers.__path__
    for path in Path(folder).glob("*/provider.py"):
        text = path.read_text(encoding="utf-8")
        tokens |= {
            f"pulumi-python:dynamic/{module}:{name}"
            for module, name in re.findall(r'module="(\w+)", name="(\w+)"', text)
        }
    assert len(tokens) > 20
    assert tokens == set(RULES)


def test_what_nobody_knows_needs_a_person() -> None:
    assert risk("create", "openstack:compute/instance:Instance", "x", new={"a": 1}) is PERSON
    assert risk("discard", NETWORK, "x", old={"a": 1}) is PERSON
    assert risk("some-new-operation", NETWORK, "x", new={"a": 1}) is PERSON


@pytest.mark.parametrize("kind", sorted(RULES))
@pytest.mark.parametrize("operation", ["create", "update", "replace", "delete", "import"])
def test_every_operation_on_every_type_gets_a_class_and_a_sentence(kind: str, operation: str) -> None:
    old = {} if operation in {"create", "import"} else {"old": {"name": "a", "x": 1}}
    new = {} if operation == "delete" else {"new": {"name": "a", "x": 2}}
    for request in (CLOUD, cloud(servers=NotKnown("no"), ports=NotKnown("no"), volumes=NotKnown("no"))):
        verdict = judge(change(operation, kind, "thing", **old, **new), request)
        assert verdict.risk in Risk
        assert verdict.sentence.endswith(".")


@pytest.mark.parametrize(("operation", "new"), [("delete", None), ("replace", {"segments": [1]})])
def test_a_network_with_ports_needs_a_person_and_an_empty_one_only_interrupts(
    operation: str, new: dict[str, Any] | None
) -> None:
    after = {"new": new} if new else {}
    assert risk(operation, NETWORK, "vms", id="n1", old={"segments": []}, **after) is PERSON
    assert counts(operation, NETWORK, "vms", id="n1", old={"segments": []}, **after) == {
        "instances": 1,
        "ports": 3,
        "projects": 2,
    }
    assert risk(operation, NETWORK, "vms", id="n2", old={"segments": []}, **after) is INTERRUPTS


def test_what_neutron_does_not_say_is_never_none() -> None:
    request = cloud(ports=NotKnown("Neutron does not say: 403"))
    verdict = judge(change("delete", NETWORK, "vms", id="n2", old={"a": 1}), request)
    assert verdict.risk is PERSON
    assert {str(fact.count) for fact in verdict.facts} == {"not known: Neutron does not say: 403"}
    assert "not known: Neutron does not say: 403" in verdict.sentence


def test_a_subnet_counts_its_own_ports_only() -> None:
    assert counts("delete", SUBNET, "vms/v4", id="u2", old={"cidr": "x"})["ports"] == 1


def test_dns_servers_and_pools_are_harmless_and_another_gateway_is_not() -> None:
    for key, class_ in (
        ("dnsNameservers", HARMLESS),
        ("allocationPools", HARMLESS),
        ("gatewayIp", INTERRUPTS),
    ):
        assert risk("update", SUBNET, "vms/v4", id="u1", old={key: "a"}, new={key: "b"}) is class_
    assert (
        risk("update", SUBNET, "vms/v4", id="none", old={"gatewayIp": "a"}, new={"gatewayIp": "b"})
        is HARMLESS
    )


def test_only_the_ports_of_the_project_are_in_the_way_of_its_share() -> None:
    old = {"objectId": "n1", "targetTenant": "p2"}
    assert counts("delete", SHARE, "vms/testing@corp", old=old)["ports"] == 1
    old = {"objectId": "n1", "targetTenant": "p3"}
    assert risk("delete", SHARE, "vms/empty@corp", old=old) is INTERRUPTS


def test_a_project_with_something_in_it_loses_data_and_an_empty_one_does_not() -> None:
    assert risk("delete", PROJECT, "development@corp", id="p1", old={"name": "development"}) is LOSES
    assert counts("delete", PROJECT, "development@corp", id="p1", old={"name": "development"}) == {
        "instances": 2,
        "volumes": 1,
        "ports": 2,
        "users": 2,  # ann by herself and in the group, once
    }
    assert risk("delete", PROJECT, "empty@partners", id="p3", old={"name": "empty"}) is INTERRUPTS
    unknown = cloud(volumes=NotKnown("Cinder is not there"))
    assert risk("delete", PROJECT, "empty@partners", id="p3", old={"name": "empty"}, of=unknown) is PERSON


def test_a_domain_is_what_is_in_its_projects() -> None:
    old = {"name": "corp", "isDomain": True}
    assert counts("delete", PROJECT, "corp", id="d1", old=old) == {
        "projects": 2,
        "instances": 3,
        "volumes": 2,
        "users": 3,
    }
    assert risk("delete", PROJECT, "corp", id="d1", old=old) is LOSES


def test_new_content_of_an_image_is_harmless_and_its_removal_is_not() -> None:
    outputs = {"glance_id": "g1", "retired": ["g0"]}
    old = {"sha256": "a", **STORE}
    assert risk("update", IMAGE, "debian", old=old, new={**old, "sha256": "b"}, outputs=outputs) is HARMLESS
    assert counts("delete", IMAGE, "debian", old=old, outputs=outputs) == {
        "instances": 2,  # one from the image itself, one from a volume of it
        "volumes": 1,
        "clones in Ceph": 1,
    }
    assert risk("delete", IMAGE, "debian", old=old, outputs=outputs) is PERSON
    assert risk("delete", IMAGE, "debian", old=old, outputs={"glance_id": "unused"}) is LOSES


def test_an_image_in_use_that_the_stack_hides_interrupts_and_one_that_it_refuses_needs_a_person() -> None:
    outputs = {"glance_id": "g1"}
    for when_used, class_ in (("hide", INTERRUPTS), ("trash", INTERRUPTS), ("refuse", PERSON)):
        assert (
            risk("delete", IMAGE, "debian", old={"when_used": when_used, **STORE}, outputs=outputs) is class_
        )


def test_a_ceph_user_that_was_there_before_stays() -> None:
    user = "pulumi-python:dynamic/ceph:User"
    assert risk("delete", user, "x", old={"user": "x", "adopted": True}) is HARMLESS
    assert risk("delete", user, "x", old={"user": "x", "adopted": False}) is INTERRUPTS


def test_osds_that_fill_are_harmless_and_a_plan_that_is_refused_needs_a_person() -> None:
    expansion = "pulumi-python:dynamic/ceph:OsdExpansion"
    old = {"user": "osd-expansion", "probe_pool": "volumes", "fill": [], "plan": {}}
    for plan, class_ in (({"osd.3": "fill: 9 PGs"}, HARMLESS), ({"osd.3": "empty; REFUSED: full"}, PERSON)):
        assert risk("update", expansion, "x", old=old, new=old | {"plan": plan}) is class_
    assert risk("delete", expansion, "x", old=old) is HARMLESS


def test_an_image_that_fewer_may_see_interrupts() -> None:
    old, new = {"visibility": "public", **STORE}, {"visibility": "private", **STORE}
    assert risk("update", IMAGE, "debian", old=old, new=new) is INTERRUPTS
    assert risk("update", IMAGE, "debian", old=new, new=old) is HARMLESS


def test_where_only_the_way_to_a_thing_changes_nothing_happens_in_the_cloud() -> None:
    old = {"ceph_user": "a", "pool": "images", "cloud": "x"}
    new = {"ceph_user": "b", "pool": "images", "cloud": "y"}
    assert risk("update", IMAGE, "debian", old=old, new=new) is HARMLESS
    assert risk("update", ROLES, "bot@Default/x", old={"cloud": "a"}, new={"cloud": "b"}) is HARMLESS


def test_roles_that_are_added_are_harmless_and_roles_that_go_interrupt() -> None:
    few, many = {"roles": ["a"], "principal_kind": "user"}, {"roles": ["a", "b"], "principal_kind": "user"}
    assert risk("update", ROLES, "x", old=few, new=many) is HARMLESS
    assert risk("update", ROLES, "x", old=many, new=few) is INTERRUPTS
    assert risk("create", ROLES, "x", new={"scope_kind": "system", "roles": ["a"]}) is PERSON


def test_grants_that_nobody_declared_are_told_one_by_one() -> None:
    place = Place("user", "u1", "project", "p1", principal="bob@corp", scope="lab@corp")
    new = {"project_id": "p1", "undeclared": [asdict(Assignment(place, "r1", "member"))]}
    judged = judge(change("create", UNDECLARED, "lab@corp", new=new), CLOUD)
    assert judged.risk is INTERRUPTS
    assert "role 'member' for user bob@corp on project lab@corp" in judged.sentence
    assert [fact.count for fact in judged.facts] == [1]
    assert risk("create", UNDECLARED, "lab@corp", new={"project_id": "p1", "undeclared": []}) is HARMLESS
    before = {"project_id": "p1", "undeclared": []}
    assert risk("update", UNDECLARED, "lab@corp", old=before, new=new) is INTERRUPTS


def test_another_attribute_for_ids_needs_a_person_and_another_address_only_interrupts() -> None:
    def options(**ldap: str) -> dict[str, Any]:
        return {"options": {"ldap": ldap}, "domain_id": "d1"}

    old = options(user_id_attribute="uid", url="ldaps://a")
    assert (
        risk("update", DIRECTORY, "corp", old=old, new=options(user_id_attribute="cn", url="ldaps://a"))
        is PERSON
    )
    new = options(user_id_attribute="uid", url="ldaps://b")
    assert risk("update", DIRECTORY, "corp", old=old, new=new) is INTERRUPTS
    assert counts("update", DIRECTORY, "corp", old=old, new=new) == {"users": 3}


def test_a_rule_of_the_default_group_that_goes_interrupts() -> None:
    old, new = {"rules": [{"a": 1}], "project_id": "p1"}, {"rules": [{"a": 1}, {"b": 1}], "project_id": "p1"}
    assert risk("update", GROUP, "x", old=old, new=new) is HARMLESS
    assert risk("update", GROUP, "x", old=new, new=old) is INTERRUPTS


def test_a_security_group_that_ports_use_needs_a_person_and_one_of_nobody_does_not() -> None:
    assert risk("delete", SEC_GROUP, "p/web", id="g1", old={"name": "web"}) is PERSON
    assert counts("delete", SEC_GROUP, "p/web", id="g1", old={"name": "web"}) == {"instances": 1, "ports": 1}
    assert risk("delete", SEC_GROUP, "p/db", id="g9", old={"name": "db"}) is INTERRUPTS
    stateful = {"old": {"stateful": True}, "new": {"stateful": False}}
    assert risk("update", SEC_GROUP, "p/web", id="g1", **stateful) is PERSON
    assert risk("update", SEC_GROUP, "p/db", id="g9", **stateful) is HARMLESS


def test_a_rule_of_a_security_group_that_goes_interrupts_whoever_uses_the_group() -> None:
    def rules(group: str, *found: int) -> dict[str, Any]:
        return {"rules": [{"port_min": one} for one in found], "security_group_id": group}

    assert risk("update", SEC_RULES, "x", old=rules("g1", 1), new=rules("g1", 1, 2)) is HARMLESS
    assert risk("update", SEC_RULES, "x", old=rules("g1", 1, 2), new=rules("g1", 1)) is INTERRUPTS
    assert risk("update", SEC_RULES, "x", old=rules("g9", 1, 2), new=rules("g9", 1)) is HARMLESS


def test_a_server_group_with_servers_needs_a_person() -> None:
    placed = {"old": {"name": "db"}}
    assert risk("delete", SERVER_GROUP, "p/db", id="a1", **placed) is PERSON
    assert counts("delete", SERVER_GROUP, "p/db", id="a1", **placed) == {"instances": 1}
    assert risk("delete", SERVER_GROUP, "p/db", id="a9", **placed) is INTERRUPTS
    unknown = cloud(server_group=lambda _: NotKnown("no"))
    assert risk("replace", SERVER_GROUP, "p/db", id="a9", of=unknown, new={"name": "x"}, **placed) is PERSON


def test_routes_that_go_are_named() -> None:
    old = {"items": [{"destination": "10.9.0.0/16"}], "subnet_id": "u1"}
    verdict = judge(change("update", ROUTES, "x", old=old, new={"items": [], "subnet_id": "u1"}), CLOUD)
    assert verdict.risk is INTERRUPTS
    assert "10.9.0.0/16" in verdict.sentence


def test_a_host_that_leaves_is_drained_where_the_stack_says_so_and_needs_a_person_else() -> None:
    def leaving(**more: Any) -> dict[str, Any]:
        return {"hosts": {"compute-1": host(**more), "compute-3": host()}, "ceph_user": "admin"}

    stays = {"hosts": {"compute-3": host()}, "ceph_user": "admin"}
    assert risk("update", DEPLOYMENT, "hosts", old=leaving(), new=stays) is INTERRUPTS
    assert risk("update", DEPLOYMENT, "hosts", old=leaving(removal="refuse"), new=stays) is PERSON
    assert counts("update", DEPLOYMENT, "hosts", old=leaving(), new=stays)["instances"] == 1


def test_osds_with_data_need_a_person_also_where_the_host_is_drained() -> None:
    old = {"hosts": {"storage-1": host(osd_disks=["/dev/sdb"])}, "ceph_user": "admin"}
    assert risk("update", DEPLOYMENT, "hosts", old=old, new={"hosts": {}}) is PERSON
    blind = {key: value for key, value in old.items() if key != "ceph_user"}
    assert risk("update", DEPLOYMENT, "hosts", old=blind, new={"hosts": {}}) is PERSON


def test_a_new_host_is_harmless_to_the_others_and_new_variables_are_not() -> None:
    one = {"hosts": {"compute-1": host()}, "globals": "a"}
    two = {"hosts": {"compute-1": host(), "compute-9": host()}, "globals": "a"}
    assert risk("update", DEPLOYMENT, "hosts", old=one, new=two) is HARMLESS
    assert risk("update", DEPLOYMENT, "hosts", old=one, new={**one, "globals": "b"}) is INTERRUPTS
    moved, other_login = (host(ssh={**host()["ssh"], key: "x"}) for key in ("address", "user"))
    assert risk("update", DEPLOYMENT, "hosts", old=one, new={"hosts": {"compute-1": moved}}) is INTERRUPTS
    login = {**one, "hosts": {"compute-1": other_login}}
    assert risk("update", DEPLOYMENT, "hosts", old=one, new=login) is HARMLESS
    assert risk("delete", DEPLOYMENT, "hosts", old=one) is LOSES


def test_the_network_of_a_host_that_runs_interrupts_and_its_labels_do_not() -> None:
    assert risk("update", HOST, "compute-1", old={"vlans": [1]}, new={"vlans": [1, 2]}) is INTERRUPTS
    moved = {"ssh": {"address": "10.1.0.6"}}
    assert risk("update", HOST, "compute-1", old={"ssh": {"address": "10.1.0.5"}}, new=moved) is INTERRUPTS
    assert risk("update", HOST, "compute-1", old={"labels": {}}, new={"labels": {"a": "b"}}) is HARMLESS
    assert risk("update", HOST, "s", old={"osd_disks": ["/dev/sdb"]}, new={"osd_disks": []}) is PERSON


def test_another_image_is_booted_by_those_hosts_whose_image_it_is() -> None:
    one, two = ({"ssh": {"name": name}, "image": "a", "serial": 1} for name in ("compute-1", "compute-2"))
    old, new = {"hosts": [one, two]}, {"hosts": [{**one, "image": "b"}, two]}
    assert risk("update", SYSTEMS, "hosts", old=old, new=new) is INTERRUPTS
    assert counts("update", SYSTEMS, "hosts", old=old, new=new) == {"instances": 1, "hosts": 1}


def test_another_password_of_an_account_interrupts_whoever_logs_in_with_it() -> None:
    old, new = {"password": "[secret]"}, {"password": "[secret]"}
    assert risk("update", USER, "x", old=old, new=new, diffReasons=["password"]) is INTERRUPTS
    assert risk("update", USER, "x", old={"description": "a"}, new={"description": "b"}) is HARMLESS


def test_what_is_protected_needs_a_person_to_go() -> None:
    assert risk("delete", NETWORK, "vms", id="n2", old={"a": 1}, protect=True) is PERSON


def test_what_is_replaced_because_its_network_is_says_so() -> None:
    unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
    found = change(
        "replace", SUBNET, "x", id="u3", old={"networkId": "n", "a": 1}, new={"networkId": unknown, "a": 2}
    )
    assert found.replacing == ("networkId",)
    assert judge(found, CLOUD).sentence.endswith("It goes along with what it depends on.")
    own = change("replace", SUBNET, "x", id="u3", old={"a": 1}, new={"a": 2})
    assert own.replacing == ("replacement_trigger",)


def test_protection_that_is_taken_away_is_told_though_nothing_else_happens() -> None:
    found = step("same", NETWORK, "vms", old={"a": 1}, new={"a": 1}, protect=True)
    (one,) = changes({"steps": [found]})
    assert (one.operation, one.happens) == ("unprotect", True)
    assert "from then on Pulumi removes" in judge(one, CLOUD).sentence


def test_a_replacement_that_the_table_of_settings_does_not_know_needs_a_person() -> None:
    old, new = {"description": "a"}, {"description": "b"}
    verdict = judge(
        change("replace", NETWORK, "vms", id="n2", old=old, new=new, replaceReasons=["description"]), CLOUD
    )
    assert verdict.risk is PERSON
    assert "docs/settings.md says that description is changed in place" in verdict.sentence


def test_what_is_taken_over_unchanged_is_harmless() -> None:
    assert risk("import", NETWORK, "vms", new={"a": 1}) is HARMLESS


def test_the_effects_are_those_of_the_stack_files_specs() -> None:
    assert declared_effect(RULES[NETWORK], "availabilityZoneHints") is None  # another word in the stack file
    assert declared_effect(RULES[NETWORK], "segments") is Effect.REPLACED
    assert declared_effect(RULES[SUBNET], "cidr") is Effect.REPLACED
    assert declared_effect(RULES[IMAGE], "pool") is Effect.REPLACED


def test_a_cephx_key_that_goes_interrupts_whoever_uses_it_unless_it_was_there_before() -> None:
    kind, old = "pulumi-python:dynamic/ceph:User", {"user": "import.1", "caps": {"mon": "allow r"}}
    assert risk("create", kind, "import.1", new=old) is HARMLESS
    assert risk("update", kind, "import.1", old=old, new=old | {"caps": {"mon": "profile rbd"}}) is INTERRUPTS
    assert risk("update", kind, "import.1", old=old, new=old | {"login": "other"}) is HARMLESS
    assert risk("delete", kind, "import.1", old=old) is INTERRUPTS
    assert risk("delete", kind, "import.1", old=old | {"adopted": True}) is HARMLESS


def test_a_fleets_plan_is_told_with_what_is_lost_and_what_stays() -> None:
    plan = {
        "web-01": "rebuild: recreate was 'a' and is 'b'",
        "web-02": "rebuild: recreate was 'a' and is 'b'",
    }
    before = {"name": "web", "plan": {}}
    verdict = judge(change("update", SERVER_FLEET, "web", old=before, new={**before, "plan": plan}), CLOUD)
    assert verdict.risk is LOSES
    assert verdict.sentence.startswith(
        "Rebuild of 2: root disks are lost; names, addresses, homes and server ids stay. web-01 (recreate was 'a' and is 'b')"
    )


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("create: there is none", HARMLESS),
        ("update: its name is 'x'", HARMLESS),
        ("probe: it was made anew", HARMLESS),
        ("postponed: it is locked in Nova", HARMLESS),
        ("stray: it is a second web-01", HARMLESS),
        ("replace: its flavor is another", LOSES),
        ("delete: it is not declared any more", LOSES),
    ],
)
def test_a_fleets_plan_loses_data_where_root_disks_go(step: str, expected: Risk) -> None:
    before = {"name": "web", "plan": {}}
    assert (
        risk("update", SERVER_FLEET, "web", old=before, new={**before, "plan": {"web-01": step}}) is expected
    )


def test_fleets_and_their_ports_that_come_change_and_go() -> None:
    fleet = {"name": "web", "plan": {}}
    assert risk("create", SERVER_FLEET, "web", new=fleet) is HARMLESS
    assert risk("update", SERVER_FLEET, "web", old=fleet, new={**fleet, "flavor_id": "f2"}) is HARMLESS
    assert risk("delete", SERVER_FLEET, "web", old=fleet) is LOSES
    assert (
        risk("update", PORT, "p", old={"name": "p"}, new={"name": "p", "securityGroupIds": ["g"]})
        is INTERRUPTS
    )
    assert risk("delete", PORT, "p", old={"name": "p"}) is INTERRUPTS
