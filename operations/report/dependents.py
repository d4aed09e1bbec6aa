"""Who depends on what: the questions that rules ask of the live cloud, each answered with names or with why not."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from openstack.block_storage.v3.volume import Volume
from openstack.compute.v2.server import Server
from openstack.network.v2.port import Port

from operations.report.live import Live
from operations.report.risk import Fact, NotKnown

_NEUTRONS_OWN = ("network:dhcp", "network:distributed")  # Neutron removes these with their network

Thing = TypeVar("Thing")


class _NotKnownError(Exception):
    """What a fact is counted from is not known."""

    def __init__(self, why: NotKnown) -> None:
        super().__init__(str(why))
        self.why = why


@dataclass(frozen=True)
class Dependents:
    """What depends on a thing of LIVE."""

    live: Live

    def of_network(self, network_id: str) -> tuple[Fact, ...]:
        """Ports, instances and projects on a network; Neutron's own ports are none."""
        return self._of_ports(lambda port: port.network_id == network_id)

    def of_subnet(self, subnet_id: str) -> tuple[Fact, ...]:
        """The same, on one subnet."""
        return self._of_ports(
            lambda port: subnet_id in {address["subnet_id"] for address in port.fixed_ips or ()}
        )

    def of_share(self, network_id: str, project_id: str) -> tuple[Fact, ...]:
        """A project's own ports and instances on a network that is shared with it."""
        return self._of_ports(lambda port: port.network_id == network_id and port.project_id == project_id)

    def of_security_group(self, group_id: str) -> tuple[Fact, ...]:
        """Ports and instances that a security group guards."""
        return self._of_ports(lambda port: group_id in (port.security_group_ids or ()))[:2]

    def of_server_group(self, group_id: str) -> Fact:
        """The instances in a server group."""
        names = self._server_names()
        return _fact(
            "instances",
            lambda: {id_: names.get(id_, id_) for id_ in _known(self.live.server_group(group_id))},
        )

    def of_project(self, project_id: str) -> tuple[Fact, ...]:
        """What a project has, and who has roles on it."""
        live = self.live
        return (
            _fact("instances", lambda: _named(live.servers, lambda server: server.project_id == project_id)),
            _fact("volumes", lambda: _named(live.volumes, lambda volume: volume.project_id == project_id)),
            _fact("ports", lambda: [port.id for port in self._ports() if port.project_id == project_id]),
            self.users_of(project_id),
        )

    def of_domain(self, domain_id: str) -> tuple[Fact, ...]:
        """The projects of a domain, what is in them, and the domain's users."""
        live = self.live

        def projects() -> dict[str, str]:
            return _named(live.projects, lambda project: project.domain_id == domain_id)

        def inside(things: tuple[Server | Volume, ...] | NotKnown) -> dict[str, str]:
            ids = projects()
            return _named(things, lambda thing: thing.project_id in ids)

        return (
            _fact("projects", projects),
            _fact("instances", lambda: inside(live.servers)),
            _fact("volumes", lambda: inside(live.volumes)),
            Fact.of("users", live.users(domain_id), named=False),
        )

    def of_images(self, image_ids: Iterable[str]) -> tuple[Fact, ...]:
        """Instances and volumes that were made from one of these images."""
        ids, volumes = frozenset(image_ids), self.live.volumes

        def instances() -> dict[str, str]:
            servers, through = _known(self.live.servers), set()
            if not isinstance(volumes, NotKnown):
                made = [volume for volume in volumes if _image_of(volume) in ids]
                through = {one["server_id"] for volume in made for one in volume.attachments or ()}
            elif not all(map(_image_of, servers)):
                raise _NotKnownError(NotKnown(f"some start from volumes, and {volumes.reason}"))
            return _named(servers, lambda server: _image_of(server) in ids or server.id in through)

        return (
            _fact("instances", instances),
            _fact("volumes", lambda: _named(volumes, lambda volume: _image_of(volume) in ids)),
        )

    def on_hosts(self, hosts: Iterable[str]) -> Fact:
        """The instances on any of these hosts."""
        wanted = frozenset(hosts)

        def host_of(server: Server) -> str:
            return (server.compute_host or server.hypervisor_hostname or "").partition(".")[0]

        return _fact("instances", lambda: _named(self.live.servers, lambda server: host_of(server) in wanted))

    def clones(self, pool: str, user: str, conf: str | None, image_ids: Iterable[str]) -> Fact:
        """What in Ceph was cloned from these images."""
        asked = (self.live.clones(pool, user, conf, image_id) for image_id in image_ids)
        return _fact("clones in Ceph", lambda: [clone for clones in asked for clone in _known(clones)])

    def users_of(self, scope_id: str) -> Fact:
        """Who has roles on a project or domain: users, and the members of groups, each once."""
        return _fact(
            "users",
            lambda: {
                user
                for grant in _known(self.live.grants)
                if grant.scope_id == scope_id
                for user in self._users(grant.principal_kind, grant.principal_id)
            },
            named=False,
        )

    def members_of(self, kind: str, principal_id: str) -> Fact:
        """How many a user or group is."""
        return _fact("users", lambda: self._users(kind, principal_id), named=False)

    def _users(self, kind: str, principal_id: str) -> tuple[str, ...]:
        return (principal_id,) if kind == "user" else _known(self.live.members(principal_id))

    def _server_names(self) -> dict[str, str]:
        return {} if isinstance(self.live.servers, NotKnown) else _named(self.live.servers)

    def _ports(self) -> list[Port]:
        return [port for port in _known(self.live.ports) if port.device_owner not in _NEUTRONS_OWN]

    def _of_ports(self, wanted: Callable[[Port], bool]) -> tuple[Fact, ...]:
        def ports() -> list[Port]:
            return [port for port in self._ports() if wanted(port)]

        def instances() -> dict[str, str]:
            servers = self._server_names()
            on = {port.device_id for port in ports() if (port.device_owner or "").startswith("compute:")}
            return {device: servers.get(device, device) for device in on}

        def projects() -> dict[str, str]:
            names = {} if isinstance(self.live.projects, NotKnown) else _named(self.live.projects)
            return {
                port.project_id: names.get(port.project_id, port.project_id)
                for port in ports()
                if port.project_id
            }

        return (
            _fact("instances", instances),
            _fact("ports", lambda: [port.id for port in ports()]),
            _fact("projects", projects),
        )


def _fact(what: str, things: Callable[[], Mapping[str, str] | Iterable[str]], *, named: bool = True) -> Fact:
    """The fact that THINGS depend on it, or why that is not known."""
    try:
        return Fact.of(what, things(), named=named)
    except _NotKnownError as error:
        return Fact(what, error.why)


def _known(things: tuple[Thing, ...] | NotKnown) -> tuple[Thing, ...]:
    if isinstance(things, NotKnown):
        raise _NotKnownError(things)
    return things


def _named(
    things: tuple[Any, ...] | NotKnown, wanted: Callable[[Any], bool] = lambda _: True
) -> dict[str, str]:
    """The names of the WANTED of THINGS, by id."""
    return {thing.id: thing.name or thing.id for thing in _known(things) if wanted(thing)}


def _image_of(thing: Server | Volume) -> str:
    """The id of the image that it was made from; empty for none, as of an instance that starts from a volume."""
    if isinstance(thing, Server):
        return (thing.image or {}).get("id") or ""
    return (thing.volume_image_metadata or {}).get("image_id") or ""
