"""What changes a subnet's host routes; no cloud is asked."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from pulumi.output import Unknown

from dynamic_providers.host_routes import provider as crud
from dynamic_providers.host_routes.provider import HostRoutes, HostRoutesProvider

ROUTES = [{"destination": "10.98.0.0/16", "next_hop": "10.20.0.2"}]
INPUTS: dict[str, Any] = {"cloud": "admin", "subnet_id": "s1", "routes": ROUTES, "__provider": "pickled"}

provider = HostRoutesProvider()


def test_the_type_in_state_stays() -> None:
    assert HostRoutes._resource_type_name == "dynamic/network:HostRoutes"


def test_good_inputs_pass_the_check() -> None:
    assert provider.check({}, INPUTS | {"subnet_id": Unknown()}).failures == []


def test_a_route_without_a_next_hop_is_refused() -> None:
    failures = provider.check({}, INPUTS | {"routes": [{"destination": "10.98.0.0/16"}]}).failures
    assert [failure.property for failure in failures] == ["routes.0.next_hop"]


@pytest.mark.parametrize(
    ("change", "changes", "replaces"),
    [
        ({}, False, []),
        ({"cloud": "other"}, True, []),
        ({"routes": [{"destination": "10.98.0.0/16", "next_hop": "10.20.0.3"}]}, True, []),
        ({"subnet_id": "s2"}, True, ["subnet_id"]),
    ],
)
def test_other_routes_are_an_update_and_another_subnet_replaces(
    change: dict[str, Any], changes: bool, replaces: list[str]
) -> None:
    found = provider.diff("s1", INPUTS, INPUTS | change)
    assert (found.changes, found.replaces) == (changes, replaces)


@pytest.mark.parametrize(
    ("there", "asked"),
    [
        ([{"destination": "10.98.0.0/16", "nexthop": "10.20.0.2"}], []),
        ([], [[{"destination": "10.98.0.0/16", "nexthop": "10.20.0.2"}]]),
    ],
    ids=["as declared", "other routes"],
)
def test_a_subnet_that_has_its_routes_is_not_touched(
    monkeypatch: pytest.MonkeyPatch, there: list[dict[str, str]], asked: list[Any]
) -> None:
    updates: list[Any] = []
    network = SimpleNamespace(
        get_subnet=lambda _id: SimpleNamespace(host_routes=there),
        update_subnet=lambda _id, host_routes: updates.append(host_routes),
    )

    @contextmanager
    def connect(_cloud: str) -> Iterator[Any]:
        yield SimpleNamespace(network=network)

    monkeypatch.setattr(crud, "connect", connect)
    provider.create({"cloud": "admin", "subnet_id": "s1", "routes": ROUTES})
    assert updates == asked
