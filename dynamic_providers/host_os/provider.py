"""The CRUD of the hosts' OS images, as a table of contents; the work is in the modules beside this one."""

from dataclasses import asdict
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from clients.progress import tell
from dynamic_providers.base import DynamicProvider, Inputs, Outputs, ResourceState
from dynamic_providers.host_os import rollout
from dynamic_providers.host_os.upgrade import HostOsHost, Rules


class HostOsArgs(Inputs):
    """What the OS images of a stack's hosts declare.

    Attributes:
        hosts: all hosts of the stack, in the order in which they are upgraded.
        cloud: entry of clouds.yaml with an administrator's login.
        on_failure: of an image that does not prove itself.
        wait: seconds for a restart, and as many again for the containers.
        may_interrupt: "control-plane" and "instances", as far as a restart may interrupt them.
    """

    hosts: list[HostOsHost]
    cloud: str = Field(min_length=1)
    on_failure: Literal["rollback", "stop"] = "rollback"
    wait: float = Field(900, gt=0)
    may_interrupt: list[Literal["control-plane", "instances"]] = Field(default_factory=list)


class HostOsResult(BaseModel):
    """How a host was left; see `rollout.Found`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    ok: bool
    image: str | None = None
    digest: str | None = None
    serial: int | None = None
    message: str | None = None
    untouched: bool = False


class HostOsOutputs(Outputs):
    """What the hosts have booted.

    Attributes:
        results: by host, of those that declare an image.
    """

    results: dict[str, HostOsResult]

    @property
    def found(self) -> dict[str, rollout.Found]:
        """The results for the modules beside this one."""
        return {name: rollout.Found(**found.model_dump()) for name, found in self.results.items()}

    @property
    def serials(self) -> dict[str, int]:
        """How far each host has come."""
        return {name: found.serial for name, found in self.results.items() if found.serial is not None}


class HostOsProvider(DynamicProvider[HostOsArgs, HostOsOutputs]):
    """The OS images of all hosts of a stack: one rollout."""

    inputs_model = HostOsArgs
    outputs_model = HostOsOutputs
    reached_by: ClassVar[frozenset[str]] = frozenset({"cloud", "on_failure", "wait", "may_interrupt"})

    def find_or_create(self, inputs: HostOsArgs) -> tuple[str, HostOsOutputs]:
        """Bring every host to its image; hosts that have booted it already are left alone."""
        return "host-os", self._roll_out(inputs, {})

    def update_in_place(
        self, state: ResourceState[HostOsArgs, HostOsOutputs], inputs: HostOsArgs
    ) -> HostOsOutputs:
        """Bring those hosts to their images that have not booted them."""
        return self._roll_out(inputs, state.outputs.serials)

    def read_live(
        self, state: ResourceState[HostOsArgs, HostOsOutputs]
    ) -> tuple[HostOsArgs, HostOsOutputs] | None:
        """What the hosts have booted now, by whoever's hand."""
        return state.inputs, _outputs(rollout.look(state.inputs.hosts, state.outputs.found))

    def delete_live(self, state: ResourceState[HostOsArgs, HostOsOutputs]) -> None:
        """Nothing to remove: a host keeps what it has booted."""

    def needs_repair(self, outputs: HostOsOutputs) -> bool:
        """Whether a host has not come to its image, or has left it."""
        return not all(found.ok for found in outputs.results.values())

    def _roll_out(self, inputs: HostOsArgs, serials: dict[str, int]) -> HostOsOutputs:
        rules = Rules(roll_back=inputs.on_failure == "rollback", wait=inputs.wait, tell=tell)
        return _outputs(
            rollout.roll_out(
                inputs.hosts, serials, rules, may_interrupt=inputs.may_interrupt, cloud=inputs.cloud
            )
        )


def _outputs(found: dict[str, rollout.Found]) -> HostOsOutputs:
    return HostOsOutputs(results={name: HostOsResult(**asdict(each)) for name, each in found.items()})
