"""What runs on the cloud and whose it is, read and never changed. What nobody says is not known, and never none."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from keystoneauth1.exceptions import ClientException
from openstack.block_storage.v3.volume import Volume
from openstack.compute.v2.server import Server
from openstack.connection import Connection
from openstack.exceptions import SDKException
from openstack.identity.v3.project import Project
from openstack.network.v2.port import Port

from clients import ceph, glance, rbd
from clients.errors import CloudError, InUseError
from clients.keystone.assignment import Place
from dynamic_providers.kolla_deployment import ceph_host
from dynamic_providers.kolla_deployment.ceph_host import Clouds
from operations.report.redaction import text
from operations.report.risk import NotKnown

Thing = TypeVar("Thing")
_NOBODY = NotKnown("the cloud was not asked")
_ADMIN = "admin"


@dataclass(frozen=True)
class Generation:
    """A record of Glance's that holds one content of a golden image."""

    id: str
    stack: str
    image: str
    created: str = ""
    hidden: bool = False


@dataclass(frozen=True)
class Live:
    """The cloud as openstacksdk gives it; each part as a list, or why it is not known."""

    servers: tuple[Server, ...] | NotKnown = _NOBODY
    ports: tuple[Port, ...] | NotKnown = _NOBODY
    volumes: tuple[Volume, ...] | NotKnown = _NOBODY
    projects: tuple[Project, ...] | NotKnown = _NOBODY
    grants: tuple[Place, ...] | NotKnown = _NOBODY
    generations: tuple[Generation, ...] | NotKnown = _NOBODY
    server_group: Callable[[str], tuple[str, ...] | NotKnown] = lambda _group_id: _NOBODY
    """The ids of the servers in a server group."""
    members: Callable[[str], tuple[str, ...] | NotKnown] = lambda _group_id: _NOBODY
    """The ids of a group's users."""
    users: Callable[[str], tuple[str, ...] | NotKnown] = lambda _domain_id: _NOBODY
    """The ids of a domain's users."""
    clones: Callable[[str, str, str | None, str], tuple[str, ...] | NotKnown] = (
        lambda _pool, _user, _conf, _id: _NOBODY
    )
    """What in Ceph rests on an image: by pool, cephx user, ceph.conf and the image's id."""
    osds: Callable[[str, str | None, str], tuple[str, ...] | NotKnown] = lambda _user, _conf, _host: _NOBODY
    """The OSDs with data on a host: by cephx user, ceph.conf and the host's name."""


def look(connection: Connection) -> Live:
    """The cloud of CONNECTION, an administrator's; the callables ask while it is open."""
    refused = _why_not_all(connection)

    def whole(service: str, query: Callable[[], Iterable[Thing]]) -> tuple[Thing, ...] | NotKnown:
        return refused or answer(service, query)

    services: Any = connection  # each looks for its endpoint when it is first named
    identity = services.identity
    return Live(
        servers=whole("Nova", lambda: services.compute.servers(all_projects=True)),
        ports=whole("Neutron", lambda: services.network.ports()),  # noqa: PLW0108 - see above
        volumes=whole("Cinder", lambda: services.block_storage.volumes(all_projects=True)),
        projects=whole("Keystone", identity.projects),
        grants=whole(
            "Keystone",
            lambda: (
                Place.of_keystone(one.user, one.group, one.scope) for one in identity.role_assignments()
            ),
        ),
        generations=whole("Glance", lambda: _generations(connection)),
        server_group=lambda id_: whole("Nova", lambda: services.compute.get_server_group(id_).member_ids),
        members=lambda id_: whole("Keystone", lambda: (user.id for user in identity.group_users(id_))),
        users=lambda id_: whole("Keystone", lambda: (user.id for user in identity.users(domain_id=id_))),
        clones=_clones,
        osds=_osds,
    )


def nobody(reason: str) -> Live:
    """A cloud that cannot be asked at all."""
    why = NotKnown(reason.rstrip(". "))
    parts = dict.fromkeys(("servers", "ports", "volumes", "projects", "grants", "generations"), why)
    return Live(
        **parts,
        server_group=lambda _: why,
        members=lambda _: why,
        users=lambda _: why,
        clones=_clones,
        osds=_osds,
    )


def answer(service: str, query: Callable[[], Iterable[Thing]]) -> tuple[Thing, ...] | NotKnown:
    """All that ASKED gives, or why SERVICE does not say."""
    try:
        return tuple(query())
    except InUseError as error:
        return NotKnown(_first_line(error))
    except (SDKException, ClientException, CloudError) as error:
        return NotKnown(f"{service} does not say: {_first_line(error)}")


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return text(lines[0] if lines else type(error).__name__).rstrip(". ")


def _why_not_all(connection: Connection) -> NotKnown | None:
    """Why the account does not see everybody's: Neutron and Cinder show others' to nobody else, without a word."""
    try:
        session: Any = connection.session
        roles = session.auth.get_access(session).role_names
    except (SDKException, ClientException) as error:
        return NotKnown(f"Keystone does not say: {_first_line(error)}")
    if _ADMIN in {role.lower() for role in roles}:
        return None
    return NotKnown(
        f"the account has no role {_ADMIN}, only {', '.join(sorted(roles)) or 'none'}, and sees its own project's only"
    )


def _generations(connection: Connection) -> Iterable[Generation]:
    for hidden in (False, True):
        for live in connection.image.images(visibility="all", is_hidden=hidden):
            properties = {**(live.properties or {}), **live.to_dict(computed=False)}
            stack = properties.get(glance.TAG_STACK)
            if stack:
                yield Generation(
                    live.id, stack, properties.get(glance.TAG_IMAGE) or "", live.created_at or "", hidden
                )


def _clones(pool: str, user: str, conf: str | None, image_id: str) -> tuple[str, ...] | NotKnown:
    def query() -> Iterable[str]:
        with rbd.pool(pool, user, conf) as opened:
            return rbd.users(opened, image_id)

    return answer("Ceph", query)


def _osds(user: str, conf: str | None, host: str) -> tuple[str, ...] | NotKnown:
    clouds = Clouds("", user, conf or ceph.DEFAULT_CONF)
    return answer("Ceph", lambda: [f"osd.{osd.id}" for osd in ceph_host.osds(clouds, host) if not osd.empty])
