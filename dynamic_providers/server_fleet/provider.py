"""The CRUD of a fleet's servers."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager

import pulumi
from openstack.exceptions import SDKException
from pydantic import Field

from clients import openstack
from clients.errors import CloudError
from clients.progress import log_line
from dynamic_providers.base import DynamicProvider, DynamicResource, Outputs, ResourceState
from dynamic_providers.server_fleet import preflight, probe, strays
from dynamic_providers.server_fleet.declared import ServerFleetArgs
from dynamic_providers.server_fleet.nova import Nova, manners, servers_of
from dynamic_providers.server_fleet.plan import Action, Step, best_first, plan
from dynamic_providers.server_fleet.rollout import Rollout
from dynamic_providers.server_fleet.server import Made, Server


class ServerFleetOutputs(Outputs):
    """How the last run left the fleet.

    Attributes:
        servers: Nova's id of each member.
        addresses: of each member, the first one.
        host_keys: the public SSH keys that each member's console has told.
        known_hosts: the same, for ssh.
        failure: why the run stopped; empty where all went well.
        left: what the next run goes on with; empty for nothing.
        strays: what killed runs left beside the members, and when it was first seen, by id.
    """

    servers: dict[str, str] = Field(default_factory=dict)
    addresses: dict[str, str] = Field(default_factory=dict)
    host_keys: dict[str, list[str]] = Field(default_factory=dict)
    known_hosts: str = ""
    failure: str = ""
    left: str = ""
    strays: dict[str, str] = Field(default_factory=dict)


State = ResourceState[ServerFleetArgs, ServerFleetOutputs]


class ServerFleetProvider(DynamicProvider[ServerFleetArgs, ServerFleetOutputs]):
    """All servers of a fleet. What to do is decided from Nova anew in each run, so a killed one is gone on with.

    A run that stopped, or had no more time, has succeeded for the engine: state is true then, the component fails the
    run with the sentence, and the next one finds what is left.
    """

    replace_on = frozenset({"project_id", "name", "owner_stack"})
    connection_fields = frozenset({"cloud", "credential_id", "credential_secret", "update", "probe"})
    to_do_fields = frozenset({"plan"})

    def needs_repair(self, outputs: ServerFleetOutputs) -> bool:
        """What the last run did not come to."""
        return bool(outputs.failure or outputs.left)

    def find_or_create(self, inputs: ServerFleetArgs) -> tuple[str, ServerFleetOutputs]:
        """Bring the fleet to what is declared; what an interrupted run made is part of it."""
        return f"{inputs.project_id}/{inputs.name}", self._bring(inputs, ServerFleetOutputs())

    def update_in_place(self, state: State, inputs: ServerFleetArgs) -> ServerFleetOutputs:
        """The same."""
        return self._bring(inputs, state.outputs)

    def read_live(self, state: State) -> State | None:
        """The members as Nova has them. Gone is: not one of them."""
        with openstack.connect(state.inputs.cloud) as admin:
            servers = servers_of(admin, state.inputs.project_id, state.inputs.owner_stack, state.inputs.name)
        if not servers:
            return None
        return State(state.id, state.inputs, _found(state.inputs, servers, state.outputs))

    def delete_live(self, state: State) -> None:
        """Delete all servers of the fleet as the administrator, and wait until Nova has.

        The account may have lost its role by now: as a grant that nothing declares any more.
        """
        with openstack.connect(state.inputs.cloud) as admin:
            rollout = Rollout(Nova(admin, admin, state.inputs))
            steps = [Step(one.member, Action.DELETE, "", one) for one in rollout.flights.look()]
            if failed := rollout.flights.bring(steps, lambda _: Made.of(state.inputs.wanted)):
                reasons = "; ".join(f"{member}: {reason}" for member, reason in failed.items())
                raise CloudError(f"fleet {state.inputs.name!r} is not deleted: {reasons}")

    def delete_refusals(self, state: State) -> list[str]:
        """That a server is locked."""
        with openstack.connect(state.inputs.cloud) as admin:
            inputs = state.inputs
            servers = servers_of(admin, inputs.project_id, inputs.owner_stack, inputs.name)
        return [
            f"server {one.name!r} ({one.id}) is locked in Nova: `openstack server unlock {one.id}`, then run this again"
            for one in servers
            if one.locked
        ]

    def _bring(self, inputs: ServerFleetArgs, before: ServerFleetOutputs) -> ServerFleetOutputs:
        with _connected(inputs) as nova:
            rollout = Rollout(nova)
            how = manners(nova.admin, inputs.update, inputs.owner_stack, inputs.wanted.sha256)
            steps = plan(inputs.wanted, inputs.members, rollout.flights.look(), how)
            preflight.check(nova, steps)
            rollout.run(steps)
            servers = rollout.flights.look()
            left_behind = _strays(nova, steps, servers, before.strays)
            found = _found(inputs, servers, before, rollout.flights.host_keys)
        return found.model_copy(
            update={"failure": rollout.failure, "left": rollout.left, "strays": left_behind}
        )


@contextmanager
def _connected(inputs: ServerFleetArgs) -> Iterator[Nova]:
    login = openstack.CredentialLogin(inputs.credential_id, inputs.credential_secret)
    with openstack.connect(inputs.cloud) as admin, openstack.connect(inputs.cloud, login) as own:
        yield Nova(admin, own, inputs)


def _strays(
    nova: Nova, steps: Iterable[Step], servers: Collection[Server], seen: Mapping[str, str]
) -> dict[str, str]:
    """What is left of strays. Where they cannot be looked for, as it was: the servers are done all the same."""
    own = {port for member in nova.args.members for port in member.port_ids if port}
    description = strays.port_description(nova.args.owner_stack, nova.args.name)
    try:
        ports = strays.stray_ports(nova.admin, nova.args.project_id, description, own)
        return strays.collect(nova, steps, ports, strays.stray_allocations(nova, servers), seen)
    except (CloudError, SDKException) as error:
        log_line(f"fleet {nova.args.name}: what killed runs left is not looked for: {error}")
        return dict(seen)


def _found(
    inputs: ServerFleetArgs,
    servers: Iterable[Server],
    before: ServerFleetOutputs,
    keys: Mapping[str, list[str]] | None = None,
) -> ServerFleetOutputs:
    own = {member.name for member in inputs.members}
    best_last = sorted(servers, key=best_first, reverse=True)
    there = {server.member: server for server in best_last if server.member in own}
    host_keys = {
        member: found for member, found in {**before.host_keys, **(keys or {})}.items() if member in there
    }
    addresses = {member: server.addresses[0] for member, server in there.items() if server.addresses}
    return before.model_copy(
        update={
            "servers": {member: server.id for member, server in sorted(there.items())},
            "addresses": dict(sorted(addresses.items())),
            "host_keys": dict(sorted(host_keys.items())),
            "known_hosts": "".join(
                probe.known_hosts(member, addresses[member], found)
                for member, found in sorted(host_keys.items())
                if member in addresses
            ),
        }
    )


class ServerFleet(DynamicResource, module="compute", name="ServerFleet"):
    """The servers of one fleet. See ServerFleetArgs for what it declares.

    It succeeds also where servers failed, so that state tells of the others: look at `failure`.
    """

    made_by = ServerFleetProvider

    servers: pulumi.Output[dict[str, str]]
    addresses: pulumi.Output[dict[str, str]]
    known_hosts: pulumi.Output[str]
    failure: pulumi.Output[str]
    left: pulumi.Output[str]
