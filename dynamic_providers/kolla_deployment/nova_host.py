"""What Nova and Placement know of one host: its services, its instances, its resource providers.

API: https://docs.openstack.org/api-ref/compute/ at microversion 2.59 (Queens), and /placement/. REST level, at that one
microversion: the SDK's calls (4.22) take the newest that both know, where actions and fields are others, and its
`enable_service` and `disable_service` are none of any since 2.53.
"""

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from clients import exact
from clients.errors import InUseError
from clients.openstack import Connection, answered

if TYPE_CHECKING:
    from openstack.compute.v2.migration import Migration
    from openstack.compute.v2.server import Server
    from openstack.compute.v2.service import Service

MICROVERSION = "2.59"
REASON = "private-cloud: this host is being removed"
"""Why a service is disabled or an agent set down, so that only what was done here is undone here."""
_PAGE = 500


def services(conn: Connection, host: str | None = None) -> list["Service"]:
    """All of Nova's services, or those of one host."""
    from openstack.compute.v2.service import Service

    rows = _listed(conn, "os-services", {"host": host} if host else {}, "list its services")
    return [Service(**row) for row in rows]


def is_up(service: "Service") -> bool:
    """Whether it reported lately and is not forced down."""
    return bool(service.state == "up" and not service.is_forced_down)


def computes(conn: Connection, host: str) -> list["Service"]:
    """The host's compute service: one, or none."""
    return [service for service in services(conn, host) if service.binary == "nova-compute"]


def disable(conn: Connection, host: str) -> None:
    """Let nothing new come to the host; what somebody else has disabled keeps its reason.

    To a host that is down nothing comes, and Nova would wait a minute for its answer.
    """
    for service in computes(conn, host):
        if service.status == "enabled" and is_up(service):
            _set(conn, service, {"status": "disabled", "disabled_reason": REASON})


def enable(conn: Connection, service: "Service") -> None:
    """Let instances come to it again."""
    _set(conn, service, {"status": "enabled"})


def instances(conn: Connection, host: str) -> list["Server"]:
    """The instances of all projects on the host, by name."""
    from openstack.compute.v2.server import Server

    found: list[Server] = []
    marker: dict[str, str] = {}
    while True:
        answer = conn.compute.get(
            "/servers/detail",
            params={"all_tenants": "1", "host": host, "limit": str(_PAGE), **marker},
            microversion=MICROVERSION,
        )
        rows = answered(answer, "Nova", f"list the instances on {host}")["servers"]
        found += [Server(**row) for row in exact.only(rows, {"OS-EXT-SRV-ATTR:host": host})]
        if len(rows) < _PAGE:
            break
        marker = {"marker": rows[-1]["id"]}
    return sorted(found, key=lambda one: (str(one.name), str(one.id)))


def instance(conn: Connection, id_: str) -> "Server | None":
    """The instance as it is now; None where it is gone."""
    from openstack.compute.v2.server import Server

    answer = conn.compute.get(f"/servers/{id_}", microversion=MICROVERSION)
    found = answered(answer, "Nova", f"show instance {id_}", HTTPStatus.NOT_FOUND)
    return Server(**found["server"]) if found else None


def unconfirmed(conn: Connection, host: str) -> list["Migration"]:
    """The migrations away from the host that somebody has to confirm or revert: until then instances keep their place.

    Their type is ``migration`` (an administrator's) or ``resize`` (to another flavor, its project's).
    """
    from openstack.compute.v2.migration import Migration

    doing = f"list the migrations from {host}"
    rows = _listed(conn, "os-migrations", {"source_compute": host, "status": "finished"}, doing)
    return [Migration(**row) for row in rows]


def act(conn: Connection, id_: str, action: dict[str, Any], doing: str) -> None:
    """Have Nova do something with an instance."""
    answered(
        conn.compute.post(f"/servers/{id_}/action", json=action, microversion=MICROVERSION), "Nova", doing
    )


def forget(conn: Connection, host: str) -> None:
    """Delete the records of the host's services, and what Placement still holds of it. Gone is success.

    Nova deletes the resource provider with the compute service; one that it left, as it does where Placement
    did not answer, is deleted after it.

    Raises:
        InUseError: the resource provider has allocations; they are named by their consumers.
        CloudError: Nova refuses, as it does while instances or migrations are on the host.
    """
    for service in services(conn, host):
        answer = conn.compute.delete(f"/os-services/{service.id}", microversion=MICROVERSION)
        answered(answer, "Nova", f"delete the record of {service.binary} on {host}", HTTPStatus.NOT_FOUND)
    found = answered(conn.placement.get("/resource_providers"), "Placement", "list its resource providers")
    for provider in found["resource_providers"]:
        if provider["name"].partition(".")[0] != host:  # a hypervisor's name may have a domain
            continue
        answer = conn.placement.delete(f"/resource_providers/{provider['uuid']}")
        if answer.status_code == HTTPStatus.CONFLICT:
            url = f"/resource_providers/{provider['uuid']}/allocations"
            used = answered(conn.placement.get(url), "Placement", f"list the allocations on {host}")
            raise InUseError(
                f"Placement's resource provider {provider['name']} still has allocations, of"
                f" {', '.join(sorted(used['allocations']))}: if Nova has no such instance elsewhere, delete them with"
                " `openstack resource provider allocation delete`"
            )
        answered(answer, "Placement", f"delete resource provider {provider['name']}", HTTPStatus.NOT_FOUND)


def _set(conn: Connection, service: "Service", body: dict[str, str]) -> None:
    answer = conn.compute.put(f"/os-services/{service.id}", json=body, microversion=MICROVERSION)
    answered(answer, "Nova", f"make {service.binary} on {service.host} {body['status']}")


def _listed(conn: Connection, collection: str, exactly: dict[str, str], doing: str) -> list[dict[str, Any]]:
    answer, rows = exact.listed(conn.compute, collection, exactly, microversion=MICROVERSION)
    answered(answer, "Nova", doing)
    return rows
