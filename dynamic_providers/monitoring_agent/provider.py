"""The CRUD of the hosts' monitoring agents."""

from collections.abc import Mapping
from typing import Any

import pulumi

from clients.errors import CloudError
from dynamic_providers.base import DynamicProvider, DynamicResource, Outputs, ResourceState
from dynamic_providers.monitoring_agent import delivery
from dynamic_providers.monitoring_agent.declared import MonitoringAgentArgs, digest
from dynamic_providers.monitoring_agent.delivery import Found


class MonitoringAgentOutputs(Outputs):
    """What the hosts have, by name."""

    results: dict[str, Found]


State = ResourceState[MonitoringAgentArgs, MonitoringAgentOutputs]


class MonitoringAgentProvider(DynamicProvider[MonitoringAgentArgs, MonitoringAgentOutputs]):
    """New Relic's infrastructure agent on all hosts of a stack."""

    connection_fields = frozenset({"inventory", "command"})
    create_only_fields = frozenset({"logs"})

    def find_or_create(self, inputs: MonitoringAgentArgs) -> tuple[str, MonitoringAgentOutputs]:
        """Configure it on every host; what a killed run did is done again."""
        return "monitoring-agent", self._bring(inputs, {})

    def update_in_place(self, state: State, inputs: MonitoringAgentArgs) -> MonitoringAgentOutputs:
        """Configure it where it is not as declared, and remove it from hosts that are declared no more."""
        return self._bring(inputs, state.outputs.results)

    def read_live(self, state: State) -> State | None:
        """What the hosts have now; what was not well stays so, and a host out of reach as it is known."""
        results = dict(state.outputs.results)
        wanted = {name: digest(text) for name, text in state.inputs.wanted.items()}
        requested = {
            name: host.ssh
            for name, host in state.inputs.hosts.items()
            if name in results and results[name].ok
        }
        for name, live in delivery.look(requested).items():
            if live.ok and live.digest != wanted[name]:
                message = f"host {name}: its configuration was changed by another hand"
                results[name] = Found(ok=False, digest=live.digest, message=message)
            elif not live.ok and not live.out_of_reach:
                results[name] = live
        return state.found(results=results)

    def delete_live(self, state: State) -> None:
        """Stop it on every host and take its configuration away."""
        failed = delivery.remove(state.inputs, state.outputs.results)
        if failed:
            named = "; ".join(f"host {name}: {message}" for name, message in sorted(failed.items()))
            raise CloudError(f"the monitoring agent is not removed: {named}")

    def _bring(self, inputs: MonitoringAgentArgs, known: Mapping[str, Found]) -> MonitoringAgentOutputs:
        concerned = {
            name: text
            for name, text in inputs.wanted.items()
            if not (name in known and known[name].ok and known[name].digest == digest(text))
        }
        results = {name: known[name] for name in inputs.hosts if name not in concerned}
        results |= delivery.deliver(inputs, concerned)
        for name, message in delivery.remove(inputs, known.keys() - inputs.hosts.keys()).items():
            results[name] = Found(ok=False, message=message, leaving=True)
        return MonitoringAgentOutputs(results=results)


class MonitoringAgent(DynamicResource, module="hosts", name="MonitoringAgent"):
    """The agent's configuration on every host; the agent itself is in the hosts' image.

    It succeeds also where hosts failed, so that state tells of the others: look at the results. The license key is
    a secret in state.
    """

    made_by = MonitoringAgentProvider

    results: pulumi.Output[dict[str, Any]]
