"""The CRUD of the hosts' OS images."""

from typing import Any

import pulumi

from dynamic_providers.base import DynamicProvider, DynamicResource, Outputs, ResourceState
from dynamic_providers.host_os import rollout
from dynamic_providers.host_os.declared import HostOsArgs


class HostOsOutputs(Outputs):
    """What the hosts have booted, by name, of those that declare an image."""

    results: dict[str, rollout.Found]


State = ResourceState[HostOsArgs, HostOsOutputs]


class HostOsProvider(DynamicProvider[HostOsArgs, HostOsOutputs]):
    """The OS images of all hosts of a stack: one rollout."""

    connection_fields = frozenset({"cloud", "on_failure", "wait", "may_interrupt"})

    def find_or_create(self, inputs: HostOsArgs) -> tuple[str, HostOsOutputs]:
        """Bring every host to its image; hosts that have booted it already are left alone."""
        return "host-os", self._roll_out(inputs, {})

    def update_in_place(self, state: State, inputs: HostOsArgs) -> HostOsOutputs:
        """Bring those hosts to their images that have not booted them."""
        return self._roll_out(inputs, state.outputs.results)

    def read_live(self, state: State) -> State | None:
        """What the hosts have booted now, by whoever's hand."""
        return state.found(results=rollout.look(state.inputs.hosts, state.outputs.results))

    def delete_live(self, state: State) -> None:
        """Nothing to remove: a host keeps what it has booted."""

    def _roll_out(self, inputs: HostOsArgs, known: dict[str, rollout.Found]) -> HostOsOutputs:
        serials = {name: found.serial for name, found in known.items() if found.serial is not None}
        return HostOsOutputs(results=rollout.roll_out(inputs, serials))


class HostOs(DynamicResource, module="hosts", name="HostOs"):
    """The bootc images of all hosts of a stack, brought to them one host at a time.

    It succeeds also where hosts failed, so that state tells of the others: look at the results.
    """

    made_by = HostOsProvider

    results: pulumi.Output[dict[str, Any]]
