"""What gives a network its DNS domain and QoS policy and takes them away; no cloud is asked."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from dynamic_providers.network_attributes import provider as crud
from dynamic_providers.network_attributes.provider import NetworkAttributes, NetworkAttributesProvider

INPUTS: dict[str, Any] = {
    "cloud": "admin",
    "network_id": "n1",
    "dns_domain": "vms.example.",
    "qos_policy_id": "q1",
}

provider = NetworkAttributesProvider()


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The FAKE network, which has what was last sent."""
    live = SimpleNamespace(dns_domain="", qos_policy_id=None, sent=[])

    def update(_id: str, **wanted: str | None) -> None:
        vars(live).update(wanted)
        live.sent.append(wanted)

    @contextmanager
    def connect(_cloud: str) -> Iterator[Any]:
        yield SimpleNamespace(network=SimpleNamespace(get_network=lambda _id: live, update_network=update))

    monkeypatch.setattr(crud, "connect", connect)
    return live


def test_the_type_in_state_stays() -> None:
    assert NetworkAttributes._resource_type_name == "dynamic/network:NetworkAttributes"


def test_both_are_given_once_and_taken_away(there: SimpleNamespace) -> None:
    for _ in range(2):  # a run that was killed after the request makes it again
        provider.create(INPUTS)
    assert there.sent == [{"dns_domain": "vms.example.", "qos_policy_id": "q1"}]
    assert provider.read("n1", INPUTS).id == "n1"
    provider.delete("n1", INPUTS)
    assert (there.dns_domain, there.qos_policy_id) == ("", None)
    assert not provider.read("n1", INPUTS).id


def test_what_somebody_changed_is_a_difference_and_stays_when_it_is_taken_out(there: SimpleNamespace) -> None:
    there.dns_domain = "other.example."
    found = provider.read("n1", INPUTS).outs
    assert found is not None
    assert (found["dns_domain"], found["qos_policy_id"]) == ("other.example.", "")
    provider.delete("n1", INPUTS)
    assert there.sent == []
