"""Which previews only import; the engine's own JSON is shown in tests/lab/test_adopt.py."""

from typing import Any

import pytest

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


@pytest.mark.parametrize("op", ["create", "replace", "create-replacement", "delete"])
def test_whatever_is_made_replaced_or_removed_is_told(op: str) -> None:
    assert Plan.of({"steps": [step(op)]}).changes == (f"Network vms: {op}",)


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


def test_a_secret_is_not_shown() -> None:
    user = "openstack:identity/user:User"
    steps = [
        step(
            "update",
            user,
            "nightly",
            diffReasons=["password"],
            oldState={"type": user, "custom": True, "inputs": {}},
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
