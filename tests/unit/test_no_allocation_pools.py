"""What takes a subnet's allocation pools away and gives them back; no cloud is asked."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from dynamic_providers.no_allocation_pools import provider as crud
from dynamic_providers.no_allocation_pools.provider import NoAllocationPools, NoAllocationPoolsProvider

ALL = [{"start": "10.20.0.1", "end": "10.20.0.254"}]
INPUTS: dict[str, Any] = {"cloud": "admin", "subnet_id": "s1", "given_back": ALL}

provider = NoAllocationPoolsProvider()


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The FAKE subnet, whose pools are what was last sent."""
    live = SimpleNamespace(allocation_pools=ALL, sent=[])

    def update(_id: str, allocation_pools: list[dict[str, str]]) -> None:
        live.allocation_pools = allocation_pools
        live.sent.append(allocation_pools)

    @contextmanager
    def connect(_cloud: str) -> Iterator[Any]:
        yield SimpleNamespace(network=SimpleNamespace(get_subnet=lambda _id: live, update_subnet=update))

    monkeypatch.setattr(crud, "connect", connect)
    return live


def test_the_type_in_state_stays() -> None:
    assert NoAllocationPools._resource_type_name == "dynamic/network:NoAllocationPools"


def test_pools_are_taken_away_once_and_given_back(there: SimpleNamespace) -> None:
    for _ in range(2):  # a run that was killed after the request makes it again
        provider.create(INPUTS)
    assert there.sent == [[]]
    assert provider.read("s1", INPUTS).id == "s1"
    provider.delete("s1", INPUTS)
    assert there.sent == [[], ALL]


def test_pools_that_somebody_gave_are_a_difference_and_stay_when_it_is_taken_out(
    there: SimpleNamespace,
) -> None:
    there.allocation_pools = [{"start": "10.20.0.7", "end": "10.20.0.9"}]
    assert not provider.read("s1", INPUTS).id
    provider.delete("s1", INPUTS)
    assert there.sent == []
