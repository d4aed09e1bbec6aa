"""The CRUD of a deployment."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pulumi
from pydantic import Field

from dynamic_providers.base import DynamicProvider, DynamicResource, Outputs, ResourceState
from dynamic_providers.kolla_deployment import configuration, lock, removal, shared_files
from dynamic_providers.kolla_deployment.convergence import Convergence, Result, seen
from dynamic_providers.kolla_deployment.deployment import DeployedHost, KollaDeploymentArgs
from dynamic_providers.kolla_deployment.kolla import Kolla


class KollaDeploymentOutputs(Outputs):
    """What the last run found out.

    Attributes:
        results: how each host stands, by name.
        deployed: the hosts as they were declared then, to know how one is removed that is no longer.
        skipped: steps that cannot run here.
        drift: shared files that do not hold what they should.
        written_in: the configdir that they belong to.
    """

    results: dict[str, Result] = Field(default_factory=dict)
    deployed: dict[str, DeployedHost] = Field(default_factory=dict)
    skipped: list[str] = Field(default_factory=list)
    drift: list[str] = Field(default_factory=list)
    written_in: str = ""


State = ResourceState[KollaDeploymentArgs, KollaDeploymentOutputs]


class KollaDeploymentProvider(DynamicProvider[KollaDeploymentArgs, KollaDeploymentOutputs]):
    """Kolla-Ansible's hosts of one stack, converged together, each with its own result."""

    def find_or_create(self, inputs: KollaDeploymentArgs) -> tuple[str, KollaDeploymentOutputs]:
        """Do on each host what its marker says is missing."""
        return inputs.stack, _converge(inputs, KollaDeploymentOutputs())

    def update_in_place(self, state: State, inputs: KollaDeploymentArgs) -> KollaDeploymentOutputs:
        """Remove hosts that are no longer declared, then the same."""
        outputs = _converge(inputs, state.outputs)
        if state.outputs.written_in and state.outputs.written_in != inputs.configdir:
            shared_files.remove(Path(state.outputs.written_in), keep=inputs.rendered())
        return outputs

    def read_live(self, state: State) -> State:
        """Look at the shared files and at each host's marker; a host that is not reached stays as it was."""
        differing = shared_files.differing(state.inputs.rendered())
        results = seen(state.inputs, state.outputs.results, frozenset(state.outputs.skipped))
        return state.found(results=results, drift=[f"{path} was changed or removed" for path in differing])

    def delete_live(self, state: State) -> None:
        """Remove all hosts, then the files they share; in use is an InUseError that names the users."""
        inputs = state.inputs
        with _running(inputs) as kolla:
            removal.remove(kolla, list((state.outputs.deployed | inputs.hosts).values()), inputs.clouds)
        shared_files.remove(Path(inputs.configdir))


@contextmanager
def _running(inputs: KollaDeploymentArgs) -> Iterator[Kolla]:
    """Kolla-Ansible, ready to run, with nobody else running it."""
    configdir, inventory = Path(inputs.configdir), Path(inputs.inventory)
    configuration.require(configdir)
    with lock.held(configdir, inventory) as held:
        yield Kolla(inputs.command, configdir, inventory, held)


def _converge(inputs: KollaDeploymentArgs, olds: KollaDeploymentOutputs) -> KollaDeploymentOutputs:
    gone = [host for name, host in olds.deployed.items() if name not in inputs.hosts]
    with _running(inputs) as kolla:
        shared_files.write(kolla.configdir, inputs.rendered())
        if gone:
            removal.remove(kolla, gone, inputs.clouds)
        convergence = Convergence(inputs, kolla, olds.results)
        results = convergence.run()
    return KollaDeploymentOutputs(
        results=results,
        deployed=inputs.hosts,
        skipped=sorted(convergence.skipped),
        written_in=inputs.configdir,
    )


class KollaDeployment(DynamicResource, module="kolla", name="KollaDeployment"):
    """The hosts of a stack, deployed by Kolla-Ansible and verified.

    A host that fails does not fail the resource, so that the others are in state: look at `results`. The next run
    goes on with the steps that the host itself says are missing. A host that is no longer declared is undeployed,
    and so are all when the resource is deleted. See KollaDeploymentArgs for what it declares.
    """

    made_by = KollaDeploymentProvider

    results: pulumi.Output[dict[str, dict[str, Any]]]
