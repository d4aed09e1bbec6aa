"""What a network has and the OpenStack plugin cannot take away again: it leaves an empty value out."""

from typing import Any

from pydantic import Field

from clients.neutron import objects
from clients.openstack import Connection, connect
from dynamic_providers.base import CloudInputs, DynamicProvider, DynamicResource, Outputs, ResourceState


class NetworkAttributesArgs(CloudInputs):
    """What a network is to have; an empty text is none.

    Attributes:
        dns_domain: of the names of its ports, with the dot at its end.
        qos_policy_id: of the QoS policy of ports that have none of their own.
    """

    network_id: str = Field(min_length=1)
    dns_domain: str = ""
    qos_policy_id: str = ""

    @property
    def of_neutron(self) -> dict[str, str | None]:
        """Both, as Neutron's API has them."""
        return {"dns_domain": self.dns_domain, "qos_policy_id": self.qos_policy_id or None}


State = ResourceState[NetworkAttributesArgs, Outputs]


class NetworkAttributesProvider(DynamicProvider[NetworkAttributesArgs, Outputs]):
    """DNS domain and QoS policy of a network; the resource's id is the network's."""

    replace_on = frozenset({"network_id"})
    connection_fields = frozenset({"cloud"})

    def find_or_create(self, inputs: NetworkAttributesArgs) -> tuple[str, Outputs]:
        """Give the network both, unless it has them: an adopted one stays as it is."""
        with connect(inputs.cloud) as cloud:
            if _of(cloud, inputs.network_id) != inputs.of_neutron:
                _change(cloud, inputs.network_id, inputs.of_neutron)
        return inputs.network_id, Outputs()

    def read_live(self, state: State) -> State | None:
        """Gone is: no network, or neither in it."""
        with connect(state.inputs.cloud) as cloud:
            found = _of(cloud, state.id)
        if not found or not any(found.values()):
            return None
        return state.seen(**{name: value or "" for name, value in found.items()})

    def delete_live(self, state: State) -> None:
        """Take both away, unless the network has others by now."""
        with connect(state.inputs.cloud) as cloud:
            if _of(cloud, state.id) == state.inputs.of_neutron:
                _change(cloud, state.id, {"dns_domain": "", "qos_policy_id": None})


def _of(cloud: Connection, network_id: str) -> dict[str, str | None]:
    """Both as the network has them; empty where there is no network."""
    found = objects.get(cloud, "network", network_id)
    return {"dns_domain": found.dns_domain or "", "qos_policy_id": found.qos_policy_id} if found else {}


def _change(cloud: Connection, network_id: str, wanted: dict[str, Any]) -> None:
    objects.change(cloud, "network", network_id, "DNS domain or QoS policy", **wanted)


class NetworkAttributes(DynamicResource, module="network", name="NetworkAttributes"):
    """The DNS domain and the QoS policy of one network."""

    made_by = NetworkAttributesProvider
