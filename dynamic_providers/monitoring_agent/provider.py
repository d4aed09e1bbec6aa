"""The CRUD of the hosts' monitoring agents."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi
from pydantic import ConfigDict, Field

from clients.errors import CloudError
from clients.managed_host import ManagedHost
from dynamic_providers.base import DynamicProvider, DynamicResource, Inputs, Outputs, ResourceState
from dynamic_providers.monitoring_agent import delivery
from dynamic_providers.monitoring_agent.configuration import digest, rendered
from dynamic_providers.monitoring_agent.delivery import Found


class MonitoringAgentArgs(Inputs):
    """What the monitoring agents of a stack declare.

    Attributes:
        hosts: by name, which is also the inventory's.
        license_key: of the New Relic account. A secret.
        inventory: the folder, which holds how Ansible reaches each host.
        command: of kolla-ansible, beside which ansible-playbook is.
        logs: the folder for what Ansible prints.
    """

    model_config = ConfigDict(hide_input_in_errors=True)  # one is the key

    hosts: dict[str, ManagedHost]
    license_key: str = Field(default="", repr=False)  # given apart, as a secret
    inventory: str = Field(min_length=1)
    command: str = Field(min_length=1)
    logs: str = Field(min_length=1)

    @property
    def wanted(self) -> dict[str, str]:
        """The text of each host's configuration."""
        return {name: rendered(name, host.labels, self.license_key) for name, host in self.hosts.items()}

    @property
    def runner(self) -> delivery.Runner:
        """How Ansible runs."""
        return delivery.Runner(self.command, self.inventory, Path(self.logs))


class MonitoringAgentOutputs(Outputs):
    """What the hosts have.

    Attributes:
        results: by host.
    """

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
        failed = delivery.remove(state.inputs.runner, state.outputs.results)
        if failed:
            raise CloudError(f"the monitoring agent is not removed: {_named(failed)}")

    def needs_repair(self, outputs: MonitoringAgentOutputs) -> bool:
        """Whether a host is not as declared, or could not be left."""
        return not all(found.ok for found in outputs.results.values())

    def _bring(self, inputs: MonitoringAgentArgs, known: Mapping[str, Found]) -> MonitoringAgentOutputs:
        concerned = {
            name: text
            for name, text in inputs.wanted.items()
            if not (name in known and known[name].ok and known[name].digest == digest(text))
        }
        results = {name: known[name] for name in inputs.hosts if name not in concerned}
        results |= delivery.deliver(inputs.runner, inputs.hosts, concerned)
        for name, message in delivery.remove(inputs.runner, known.keys() - inputs.hosts.keys()).items():
            results[name] = Found(ok=False, message=message, leaving=True)
        return MonitoringAgentOutputs(results=results)


def _named(failed: Mapping[str, str]) -> str:
    return "; ".join(f"host {name}: {message}" for name, message in sorted(failed.items()))


class MonitoringAgent(DynamicResource, module="hosts", name="MonitoringAgent"):
    """The agent's configuration on every host; the agent itself is in the hosts' image.

    It succeeds also where hosts failed, so that state tells of the others: look at the results. The license key is
    a secret in state.
    """

    made_by = MonitoringAgentProvider

    results: pulumi.Output[dict[str, Any]]
