"""Who depends on what: the questions that rules ask of the live cloud, each answered with names or with why not."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from openstack.block_storage.v3.volume import Volume
from openstack.compute.v2.server import Server
from openstack.network.v2.port import Port

from operations.report.live import Live
from operations.report.risk import Fact, NotKnown

_NEUTRONS_OWN = ("network:dhcp", "network:distributed")  # Neutron removes these with their network


Thing = TypeVar("Thing")


@dataclass(frozen=True)
class Dependents:
    """What depends on a thing of LIVE."""

    live: Live

    def of_network(self, network_id: str) -> tuple[Fact, ...]:
        """Ports, instances and projects on a network; Neutron's own ports are none."""
        return self._of_ports(self._ports(lambda port: port.network_id == network_id))

    def of_subnet(self, subnet_id: str) -> tuple[Fact, ...]:
        """The same, on one subnet."""
        return self._of_ports(
            self._ports(lambda port: subnet_id in {address["subnet_id"] for address in port.fixed_ips or ()})
        )

    def of_share(self, network_id: str, project_id: str) -> tuple[Fact, ...]:
        """A project's own ports and instances on a network that is shared with it."""
        return self._of_ports(
            self._ports(lambda port: port.network_id == network_id and port.project_id == project_id)
        )

    def of_security_group(self, group_id: str) -> tuple[Fact, ...]:
        """Ports and instances that a security group guards."""
        return self._of_ports(self._ports(lambda port: group_id in (port.security_group_ids or ())))[:2]

    def of_server_group(self, group_id: str) -> Fact:
        """The instances in a server group."""
        members = self.live.server_group(group_id)
        if isinstance(members, NotKnown):
            return Fact("instances", members)
        names = {server.id: server.name or server.id for server in _all(self.live.servers)}
        return Fact.of("instances", {id_: names.get(id_, id_) for id_ in members})

    def of_project(self, project_id: str) -> tuple[Fact, ...]:
        """What a project has, and who has roles on it."""
        live = self.live
        return (
            Fact.of("instances", _named(live.servers, lambda server: server.project_id == project_id)),
            Fact.of("volumes", _named(live.volumes, lambda volume: volume.project_id == project_id)),
            Fact.of("ports", _ids(self._ports(lambda port: port.project_id == project_id))),
            self.users_of(project_id),
        )

    def of_domain(self, domain_id: str) -> tuple[Fact, ...]:
        """The projects of a domain, what is in them, and the domain's users."""
        live = self.live
        projects = live.projects
        if isinstance(projects, NotKnown):
            inside: frozenset[str] | NotKnown = projects
        else:
            inside = frozenset(project.id for project in projects if project.domain_id == domain_id)
        return (
            Fact.of("projects", _named(projects, lambda project: project.domain_id == domain_id)),
            Fact.of("instances", _in(live.servers, inside)),
            Fact.of("volumes", _in(live.volumes, inside)),
            Fact.of("users", live.users(domain_id), named=False),
        )

    def of_images(self, image_ids: Iterable[str]) -> tuple[Fact, ...]:
        """Instances and volumes that were made from one of these images."""
        ids = frozenset(image_ids)
        volumes, servers = self.live.volumes, self.live.servers
        through = (
            frozenset(
                attachment["server_id"]
                for volume in volumes
                if _image_of(volume) in ids
                for attachment in volume.attachments or ()
            )
            if not isinstance(volumes, NotKnown)
            else frozenset()
        )
        instances = _named(servers, lambda server: _image_of(server) in ids or server.id in through)
        if isinstance(volumes, NotKnown) and not isinstance(instances, NotKnown):
            booted_from_volume = any(not _image_of(server) for server in _all(servers))
            if booted_from_volume:
                instances = NotKnown(f"some start from volumes, and {volumes.reason}")
        return (
            Fact.of("instances", instances),
            Fact.of("volumes", _named(volumes, lambda volume: _image_of(volume) in ids)),
        )

    def on_host(self, host: str) -> Fact:
        """The instances on a host."""
        return self.on_hosts([host])

    def on_hosts(self, hosts: Iterable[str]) -> Fact:
        """The instances on any of these hosts."""
        wanted = frozenset(hosts)
        return Fact.of("instances", _named(self.live.servers, lambda server: _host_of(server) in wanted))

    def clones(self, pool: str, user: str, conf: str | None, image_ids: Iterable[str]) -> Fact:
        """What in Ceph was cloned from these images."""
        found: list[str] = []
        for image_id in image_ids:
            clones = self.live.clones(pool, user, conf, image_id)
            if isinstance(clones, NotKnown):
                return Fact("clones in Ceph", clones)
            found += clones
        return Fact.of("clones in Ceph", found)

    def users_of(self, scope_id: str) -> Fact:
        """Who has roles on a project or domain: users, and the members of groups, each once."""
        grants = self.live.grants
        if isinstance(grants, NotKnown):
            return Fact("users", grants)
        users: set[str] = set()
        for grant in grants:
            if grant.scope_id != scope_id:
                continue
            if grant.principal_kind == "user":
                users.add(grant.principal_id)
                continue
            members = self.live.members(grant.principal_id)
            if isinstance(members, NotKnown):
                return Fact("users", members)
            users |= set(members)
        return Fact.of("users", users, named=False)

    def members_of(self, kind: str, principal_id: str) -> Fact:
        """How many a user or group is."""
        if kind == "user":
            return Fact.of("users", [principal_id], named=False)
        return Fact.of("users", self.live.members(principal_id), named=False)

    def project_name(self, project_id: str) -> str:
        """The name of a project, or its id."""
        return next(
            (project.name for project in _all(self.live.projects) if project.id == project_id), project_id
        )

    def _ports(self, wanted: Callable[[Port], bool]) -> tuple[Port, ...] | NotKnown:
        ports = self.live.ports
        if isinstance(ports, NotKnown):
            return ports
        return tuple(port for port in ports if port.device_owner not in _NEUTRONS_OWN and wanted(port))

    def _of_ports(self, ports: tuple[Port, ...] | NotKnown) -> tuple[Fact, ...]:
        if isinstance(ports, NotKnown):
            return tuple(Fact(what, ports) for what in ("instances", "ports", "projects"))
        devices = frozenset(
            port.device_id for port in ports if (port.device_owner or "").startswith("compute:")
        )
        names = {server.id: server.name or server.id for server in _all(self.live.servers)}
        projects = {port.project_id for port in ports if port.project_id}
        return (
            Fact.of("instances", {device: names.get(device, device) for device in devices}),
            Fact.of("ports", _ids(ports)),
            Fact.of("projects", {project: self.project_name(project) for project in projects}),
        )


def _named(things: tuple[Any, ...] | NotKnown, wanted: Callable[[Any], bool]) -> dict[str, str] | NotKnown:
    if isinstance(things, NotKnown):
        return things
    return {thing.id: thing.name or thing.id for thing in things if wanted(thing)}


def _in(
    things: tuple[Server | Volume, ...] | NotKnown, projects: frozenset[str] | NotKnown
) -> dict[str, str] | NotKnown:
    if isinstance(projects, NotKnown):
        return projects
    return _named(things, lambda thing: thing.project_id in projects)


def _image_of(thing: Server | Volume) -> str:
    """The id of the image that it was made from; empty for none, as of an instance that starts from a volume."""
    if isinstance(thing, Server):
        return (thing.image or {}).get("id") or ""
    return (thing.volume_image_metadata or {}).get("image_id") or ""


def _host_of(server: Server) -> str:
    return (server.compute_host or server.hypervisor_hostname or "").partition(".")[0]


def _all(things: tuple[Thing, ...] | NotKnown) -> tuple[Thing, ...]:
    return () if isinstance(things, NotKnown) else things


def _ids(ports: tuple[Port, ...] | NotKnown) -> tuple[str, ...] | NotKnown:
    return ports if isinstance(ports, NotKnown) else tuple(port.id for port in ports)
