"""Which previews only import; the engine's own JSON is shown in tests/lab/test_adopt.py."""

from typing import Any

import pytest

from config.resource_types import ROLE_SET
from operations.adopt.found import managed_ids
from operations.adopt.plan import Plan

NETWORK = "openstack:networking/network:Network"


def step(op: str, kind: str = NETWORK, name: str = "vms", **more: Any) -> dict[str, Any]:
    state = {"type": kind, "custom": not kind.startswith(("pulumi:pulumi", "private-cloud:")), "inputs": {}}
    return {"op": op, "urn": f"urn:pulumi:x::private-cloud::{kind}::{name}", "newState": state} | more


def test_components_the_stack_and_the_providers_settings_are_no_changes_of_the_cloud() -> None:
    steps = [
        step("create", "pulumi:pulumi:Stack", "private-cloud-x"),
        step("create", "pulumi:providers:openstack", "openstack"),
        step("create", "private-cloud:network:ProviderNetwork"),
        step("import"),
        step("same", name="other"),
    ]
    assert Plan.of({"steps": steps}) == Plan(("Network vms",), ())


def test_the_routes_of_an_adopted_subnet_are_no_change() -> None:
    assert not Plan.of({"steps": [step("create", "pulumi-python:dynamic/network:HostRoutes")]}).changes


@pytest.mark.parametrize("op", ["create", "replace", "delete"])
def test_whatever_is_made_replaced_or_removed_is_told(op: str) -> None:
    assert Plan.of({"steps": [step(op)]}).changes == (f"Network vms: {op}",)


def test_the_steps_of_a_replacement_are_one_change() -> None:
    steps = [step("create-replacement"), step("replace"), step("delete-replaced")]
    assert Plan.of({"steps": steps}).changes == ("Network vms: replace",)


def test_an_update_says_which_field_differs_and_how() -> None:
    steps = [
        step(
            "update",
            diffReasons=["description", "mtu"],
            oldState={"type": NETWORK, "custom": True, "inputs": {"description": "by hand", "mtu": 1400}},
            newState={"type": NETWORK, "custom": True, "inputs": {"description": "ours"}},
        )
    ]
    assert Plan.of({"steps": steps}).changes == (
        'Network vms: description is "by hand" and would become "ours"',
        "Network vms: mtu is 1400 and would become not set",
    )


def test_a_server_group_that_the_file_adopts_is_taken_over_and_another_is_made() -> None:
    kind = "pulumi-python:dynamic/compute:ServerGroup"
    steps = [
        step("create", kind, name, newState={"type": kind, "custom": True, "inputs": inputs})
        for name, inputs in (("there", {"adopt": "g1"}), ("new", {}))
    ]
    assert Plan.of({"steps": steps}, frozenset({"g1"})) == Plan(
        ("ServerGroup there",), ("ServerGroup new: create",)
    )


def test_tags_that_a_thing_has_already_are_no_change() -> None:
    def tagging(*declared: str) -> dict[str, Any]:
        old = {"type": NETWORK, "custom": True, "inputs": {"name": "vms"}, "outputs": {"allTags": ["a", "b"]}}
        new = {"type": NETWORK, "custom": True, "inputs": {"tags": list(declared)}}
        return step("update", diffReasons=["tags"], oldState=old, newState=new)

    assert Plan.of({"steps": [step("import"), tagging("a", "b")]}) == Plan(("Network vms",), ())
    assert Plan.of({"steps": [tagging("a", "c")]}).changes == (
        'Network vms: tags is not set and would become ["a", "c"]',
    )


def test_a_secret_is_not_shown() -> None:
    user = "openstack:identity/user:User"
    steps = [
        step(
            "update",
            user,
            "nightly",
            diffReasons=["password"],
            oldState={"type": user, "custom": True, "inputs": {"name": "nightly"}},
            newState={"type": user, "custom": True, "inputs": {"password": "[secret]"}},
        )
    ]
    assert Plan.of({"steps": steps}).changes == (
        "User nightly: password is not set and would become a secret",
    )


def test_a_deleted_thing_has_only_an_old_state() -> None:
    gone = step("delete")
    gone["oldState"] = gone.pop("newState")
    assert Plan.of({"steps": [gone]}).changes == ("Network vms: delete",)


@pytest.mark.parametrize(
    ("adopted", "changes"),
    [({"/p1//u1/r1"}, 0), ({"/p1//u1/r2"}, 1), (set(), 1), ({"/p1//u1/r1/inherited"}, 1)],
)
def test_roles_are_taken_over_where_all_of_them_are_adopted_and_else_given(
    adopted: set[str], changes: int
) -> None:
    inputs = {
        "principal_kind": "user",
        "principal_id": "u1",
        "scope_kind": "project",
        "scope_id": "p1",
        "roles": ["r1"],
    }
    made = step("create", ROLE_SET, newState={"type": ROLE_SET, "custom": True, "inputs": inputs})
    plan = Plan.of({"steps": [made]}, frozenset(adopted))
    assert (len(plan.imports), len(plan.changes)) == (1 - changes, changes)


def test_the_state_s_role_sets_are_known_by_the_ids_of_their_grants() -> None:
    inputs = {
        "principal_kind": "group",
        "principal_id": "g1",
        "scope_kind": "domain",
        "scope_id": "d1",
        "inherited": True,
        "roles": ["r1", "r2"],
    }
    on_the_system = {**inputs, "scope_kind": "system", "scope_id": "all", "inherited": False}
    resources = [{"type": ROLE_SET, "id": "x", "inputs": given} for given in (inputs, on_the_system)]
    found = managed_ids({"deployment": {"resources": [*resources, {"type": NETWORK, "id": "n1"}]}})
    assert found == {"d1//g1//r1/inherited", "d1//g1//r2/inherited", "n1"}
