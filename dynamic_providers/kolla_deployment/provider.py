"""The CRUD of a deployment, as a table of contents; the work is in the modules beside this one."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from clients.ssh import SshHost
from dynamic_providers.base import DynamicProvider, Inputs, Outputs, ResourceState
from dynamic_providers.kolla_deployment import configuration, departure, lock, shared_files
from dynamic_providers.kolla_deployment.clouds import Clouds
from dynamic_providers.kolla_deployment.convergence import Convergence, Result, seen
from dynamic_providers.kolla_deployment.deployment import DeclaredHost, Deployment
from dynamic_providers.kolla_deployment.kolla import Kolla

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class HostArgs(BaseModel):
    """What a deployment is told of one host.

    Attributes:
        address: of its SSH server.
        roles: Kolla's groups that it is in.
        fingerprint: of its own part of the inventory; a change has it deployed anew.
        removal: whether a host that goes is refused while in use, or drained.
        osd_disks: paths of its disks for Ceph.
        labels: for Ceph's orchestrator.

    None of them may be left out: a default that is in state and not in what is declared would be a difference.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    address: str
    roles: list[str]
    fingerprint: str
    removal: Literal["refuse", "drain"]
    osd_disks: list[str]
    labels: dict[str, str]


class KollaDeploymentArgs(Inputs):
    """What a deployment declares.

    Attributes:
        stack: whose hosts these are; stands in their markers.
        hosts: by name; each has its own file in the inventory already.
        user: the account on every host, root or one with sudo that asks nothing.
        port: of their SSH servers.
        private_key_file: that account's key.
        configdir: folder of globals.yml and passwords.yml, which are read and never written.
        config_folder: Kolla's node_custom_config, which gets service_config.
        inventory: the folder; host keys are pinned below it.
        command: Kolla-Ansible's program.
        container_engine: docker or podman.
        steps: Kolla-Ansible's commands, in their order.
        globals: Kolla's variables as YAML, delivered as configdir/globals.d/private-cloud.yml.
        service_config: texts by their path in config_folder.
        cloud: entry of clouds.yaml with an administrator's login.
        ceph_user: cephx user without ``client.``; left out where no Ceph is looked at.
        ceph_conf: path of ceph.conf.
    """

    stack: str = Field(min_length=1)
    hosts: dict[str, HostArgs]
    user: str = Field(min_length=1)
    port: int
    private_key_file: str = Field(min_length=1)
    configdir: str = Field(min_length=1)
    config_folder: str = Field(min_length=1)
    inventory: str = Field(min_length=1)
    command: str = "kolla-ansible"
    container_engine: Literal["docker", "podman"] = "docker"
    steps: list[str] = Field(min_length=1)
    globals: str = ""
    service_config: dict[str, str] = Field(default_factory=dict)
    cloud: str = Field(min_length=1)
    ceph_user: str | None = None
    ceph_conf: str | None = None

    @property
    def clouds(self) -> Clouds:
        """OpenStack and Ceph."""
        return Clouds(self.cloud, self.ceph_user, self.ceph_conf)

    @property
    def deployment(self) -> Deployment:
        """What is wanted of the hosts."""
        return Deployment(
            self.stack,
            {name: self.declared(name, host) for name, host in sorted(self.hosts.items())},
            tuple(self.steps),
            self.container_engine,
            self.globals,
            self.service_config,
            self.clouds,
        )

    def declared(self, name: str, host: HostArgs) -> DeclaredHost:
        """One host, with the way to it."""
        pinned = Path(self.inventory, ".known_hosts.d", name)
        way = SshHost(name, host.address, self.port, self.user, Path(self.private_key_file), pinned)
        return DeclaredHost(way, frozenset(host.roles), host.fingerprint, host.labels, host.removal)

    def rendered(self) -> dict[Path, str]:
        """The files that all hosts share."""
        return shared_files.rendered(
            command=self.command,
            configdir=Path(self.configdir),
            config_folder=Path(self.config_folder),
            inventory=Path(self.inventory),
            variables=self.globals,
            service_config=self.service_config,
        )


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
    deployed: dict[str, HostArgs] = Field(default_factory=dict)
    skipped: list[str] = Field(default_factory=list)
    drift: list[str] = Field(default_factory=list)
    written_in: str = ""


class KollaDeploymentProvider(DynamicProvider[KollaDeploymentArgs, KollaDeploymentOutputs]):
    """Kolla-Ansible's hosts of one stack, converged together, each with its own result."""

    inputs_model = KollaDeploymentArgs
    outputs_model = KollaDeploymentOutputs

    def needs_repair(self, outputs: KollaDeploymentOutputs) -> bool:
        """A host that failed is tried again by the next run."""
        return bool(outputs.drift) or not all(result.ok for result in outputs.results.values())

    def find_or_create(self, inputs: KollaDeploymentArgs) -> tuple[str, KollaDeploymentOutputs]:
        """Do on each host what its marker says is missing."""
        return inputs.stack, _converge(inputs, KollaDeploymentOutputs())

    def update_in_place(
        self, state: ResourceState[KollaDeploymentArgs, KollaDeploymentOutputs], inputs: KollaDeploymentArgs
    ) -> KollaDeploymentOutputs:
        """Remove hosts that are no longer declared, then the same."""
        outputs = _converge(inputs, state.outputs)
        if state.outputs.written_in and state.outputs.written_in != inputs.configdir:
            shared_files.remove(Path(state.outputs.written_in), keep=inputs.rendered())
        return outputs

    def read_live(
        self, state: ResourceState[KollaDeploymentArgs, KollaDeploymentOutputs]
    ) -> tuple[KollaDeploymentArgs, KollaDeploymentOutputs]:
        """Look at the shared files and at each host's marker; a host that is not reached stays as it was."""
        differing = shared_files.differing(state.inputs.rendered())
        results = seen(state.inputs.deployment, state.outputs.results, frozenset(state.outputs.skipped))
        found = {"results": results, "drift": [f"{path} was changed or removed" for path in differing]}
        return state.inputs, state.outputs.model_copy(update=found)

    def delete_live(self, state: ResourceState[KollaDeploymentArgs, KollaDeploymentOutputs]) -> None:
        """Remove all hosts, then the files they share; in use is an InUseError that names the users."""
        inputs = state.inputs
        with _running(inputs) as kolla:
            departure.run(kolla, _leaving(inputs, state.outputs.deployed | inputs.hosts), inputs.clouds)
        shared_files.remove(Path(inputs.configdir))


@contextmanager
def _running(inputs: KollaDeploymentArgs) -> Iterator[Kolla]:
    """Kolla-Ansible, ready to run, with nobody else running it."""
    configdir, inventory = Path(inputs.configdir), Path(inputs.inventory)
    configuration.require(configdir)
    with lock.held(configdir, inventory) as held:
        yield Kolla(inputs.command, configdir, inventory, held)


def _converge(inputs: KollaDeploymentArgs, olds: KollaDeploymentOutputs) -> KollaDeploymentOutputs:
    gone = {name: host for name, host in olds.deployed.items() if name not in inputs.hosts}
    with _running(inputs) as kolla:
        shared_files.write(kolla.configdir, inputs.rendered())
        if gone:
            departure.run(kolla, _leaving(inputs, gone), inputs.clouds)
        convergence = Convergence(inputs.deployment, kolla, olds.results)
        results = convergence.run()
    return KollaDeploymentOutputs(
        results=results,
        deployed=inputs.hosts,
        skipped=sorted(convergence.skipped),
        written_in=inputs.configdir,
    )


def _leaving(inputs: KollaDeploymentArgs, hosts: Mapping[str, HostArgs]) -> list[departure.LeavingHost]:
    declared = (inputs.declared(name, host) for name, host in hosts.items())
    return [
        departure.LeavingHost(host.roles, host.ssh, host.removal, inputs.container_engine)
        for host in declared
    ]
