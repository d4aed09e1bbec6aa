"""What changes a subnet's host routes, takes its allocation pools away and gives them back; no cloud is asked."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from pulumi.dynamic import Config, ConfigureRequest
from pulumi.output import Unknown

from dynamic_providers.subnet_lists import provider as crud
from dynamic_providers.subnet_lists.provider import (
    HostRoutes,
    NoAllocationPools,
    SubnetListProvider,
    in_order,
)

ROUTE = {"destination": "10.98.0.0/16", "nexthop": "10.20.0.2"}
OTHER = {"destination": "10.98.0.0/16", "nexthop": "10.20.0.3"}
ALL = [{"start": "10.20.0.1", "end": "10.20.0.254"}]
SUBNET: dict[str, Any] = {"cloud": "admin", "subnet_id": "s1", "__provider": "pickled"}
ROUTES = SUBNET | {"attribute": "host_routes", "items": [ROUTE], "given_back": []}
NO_POOLS = SUBNET | {"attribute": "allocation_pools", "items": [], "given_back": ALL}

provider = SubnetListProvider()


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The FAKE subnet, whose lists are what was last sent."""
    live = SimpleNamespace(allocation_pools=ALL, host_routes=[], sent=[])

    def update(_id: str, **lists: list[dict[str, str]]) -> None:
        vars(live).update(lists)
        live.sent.append(lists)

    @contextmanager
    def connect(_cloud: str) -> Iterator[Any]:
        yield SimpleNamespace(network=SimpleNamespace(get_subnet=lambda _id: live, update_subnet=update))

    monkeypatch.setattr(crud, "connect", connect)
    return live


def test_the_types_in_state_stay() -> None:
    assert HostRoutes._resource_type_name == "dynamic/network:HostRoutes"
    assert NoAllocationPools._resource_type_name == "dynamic/network:NoAllocationPools"


def test_good_inputs_pass_the_check() -> None:
    assert provider.check({}, ROUTES | {"subnet_id": Unknown()}).failures == []


@pytest.mark.parametrize(
    ("change", "changes", "replaces"),
    [
        ({}, False, []),
        ({"cloud": "other"}, True, []),
        ({"items": [OTHER]}, True, []),
        ({"subnet_id": "s2"}, True, ["subnet_id"]),
    ],
)
def test_other_items_are_an_update_and_another_subnet_replaces(
    change: dict[str, Any], changes: bool, replaces: list[str]
) -> None:
    found = provider.diff("s1", ROUTES, ROUTES | change)
    assert (found.changes, found.replaces) == (changes, replaces)


def test_a_subnet_that_has_its_routes_in_any_order_is_not_touched(there: SimpleNamespace) -> None:
    there.host_routes = [OTHER, ROUTE]
    provider.create(ROUTES | {"items": in_order([ROUTE, OTHER])})
    assert there.sent == []
    provider.create(ROUTES)
    assert there.sent == [{"host_routes": [ROUTE]}]


def test_routes_that_somebody_changed_are_a_difference_and_go_with_the_others(there: SimpleNamespace) -> None:
    there.host_routes = [OTHER]
    read = provider.read("s1", ROUTES)
    assert read.inputs is not None
    assert provider.diff("s1", read.outs or {}, ROUTES).changes
    provider.delete("s1", ROUTES)
    assert there.sent == [{"host_routes": []}]


def test_routes_go_where_the_same_subnet_stays_without_pools(there: SimpleNamespace) -> None:
    there.allocation_pools, there.host_routes = [], [ROUTE]
    run = SubnetListProvider()
    run.configure(ConfigureRequest(Config({}, "private-cloud")))
    run.check(NO_POOLS, NO_POOLS)
    run.diff(run.create(NO_POOLS).id, NO_POOLS, NO_POOLS)
    run.delete(provider.create(ROUTES).id, ROUTES)
    assert there.sent == [{"host_routes": []}]


def test_pools_are_taken_away_once_and_given_back(there: SimpleNamespace) -> None:
    for _ in range(2):  # a run that was killed after the request makes it again
        provider.create(NO_POOLS)
    assert there.sent == [{"allocation_pools": []}]
    read = provider.read("s1", NO_POOLS)
    assert not provider.diff("s1", read.outs or {}, NO_POOLS).changes
    provider.delete("s1", NO_POOLS)
    assert there.sent == [{"allocation_pools": []}, {"allocation_pools": ALL}]


def test_pools_that_somebody_gave_are_a_difference_and_stay_when_it_is_taken_out(
    there: SimpleNamespace,
) -> None:
    there.allocation_pools = [{"start": "10.20.0.7", "end": "10.20.0.9"}]
    assert provider.diff("s1", provider.read("s1", NO_POOLS).outs or {}, NO_POOLS).changes
    provider.delete("s1", NO_POOLS)
    assert there.sent == []
