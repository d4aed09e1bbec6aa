"""The CRUD of the hosts' monitoring agents, as a table of contents; the work is in the modules beside this one."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from clients.errors import CloudError
from clients.managed_host import ManagedHost
from dynamic_providers.base import DynamicProvider, Inputs, Outputs, ResourceState
from dynamic_providers.monitoring_agent import delivery
from dynamic_providers.monitoring_agent.configuration import digest, rendered


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


class MonitoringAgentResult(BaseModel):
    """How a host was left; see `delivery.Found`.

    Attributes:
        leaving: whether it is declared no more, and its agent could not be removed yet.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    ok: bool
    digest: str | None = None
    task: str | None = None
    message: str | None = None
    log: str | None = None
    leaving: bool = False


class MonitoringAgentOutputs(Outputs):
    """What the hosts have.

    Attributes:
        results: by host.
    """

    results: dict[str, MonitoringAgentResult]


class MonitoringAgentProvider(DynamicProvider[MonitoringAgentArgs, MonitoringAgentOutputs]):
    """New Relic's infrastructure agent on all hosts of a stack."""

    inputs_model = MonitoringAgentArgs
    outputs_model = MonitoringAgentOutputs
    reached_by: ClassVar[frozenset[str]] = frozenset({"inventory", "command"})
    no_effect: ClassVar[frozenset[str]] = frozenset({"logs"})

    def find_or_create(self, inputs: MonitoringAgentArgs) -> tuple[str, MonitoringAgentOutputs]:
        """Configure it on every host; what a killed run did is done again."""
        return "monitoring-agent", self._bring(inputs, {})

    def update_in_place(
        self, state: ResourceState[MonitoringAgentArgs, MonitoringAgentOutputs], inputs: MonitoringAgentArgs
    ) -> MonitoringAgentOutputs:
        """Configure it where it is not as declared, and remove it from hosts that are declared no more."""
        return self._bring(inputs, state.outputs.results)

    def read_live(
        self, state: ResourceState[MonitoringAgentArgs, MonitoringAgentOutputs]
    ) -> tuple[MonitoringAgentArgs, MonitoringAgentOutputs] | None:
        """What the hosts have now; what was not well stays so, and a host out of reach as it is known."""
        results = dict(state.outputs.results)
        wanted = {name: digest(text) for name, text in state.inputs.wanted.items()}
        asked = {
            name: host.ssh
            for name, host in state.inputs.hosts.items()
            if name in results and results[name].ok
        }
        for name, live in delivery.look(asked).items():
            if live.ok and live.digest != wanted[name]:
                results[name] = MonitoringAgentResult(
                    ok=False,
                    digest=live.digest,
                    message=f"host {name}: its configuration was changed by another hand",
                )
            elif not live.ok and not live.out_of_reach:
                results[name] = MonitoringAgentResult(**asdict(live))
        return state.inputs, MonitoringAgentOutputs(results=results)

    def delete_live(self, state: ResourceState[MonitoringAgentArgs, MonitoringAgentOutputs]) -> None:
        """Stop it on every host and take its configuration away."""
        failed = delivery.remove(state.inputs.runner, state.outputs.results)
        if failed:
            raise CloudError(f"the monitoring agent is not removed: {_named(failed)}")

    def needs_repair(self, outputs: MonitoringAgentOutputs) -> bool:
        """Whether a host is not as declared, or could not be left."""
        return not all(found.ok for found in outputs.results.values())

    def _bring(
        self, inputs: MonitoringAgentArgs, known: Mapping[str, MonitoringAgentResult]
    ) -> MonitoringAgentOutputs:
        concerned = {
            name: text
            for name, text in inputs.wanted.items()
            if not (name in known and known[name].ok and known[name].digest == digest(text))
        }
        results = {name: known[name] for name in inputs.hosts if name not in concerned}
        for name, found in delivery.deliver(inputs.runner, inputs.hosts, concerned).items():
            results[name] = MonitoringAgentResult(**asdict(found))
        for name, message in delivery.remove(inputs.runner, known.keys() - inputs.hosts.keys()).items():
            results[name] = MonitoringAgentResult(ok=False, message=message, leaving=True)
        return MonitoringAgentOutputs(results=results)


def _named(failed: Mapping[str, str]) -> str:
    return "; ".join(f"host {name}: {message}" for name, message in sorted(failed.items()))
