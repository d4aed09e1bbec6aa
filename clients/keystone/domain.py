"""The id of a domain by its name.

API: https://docs.openstack.org/api-ref/identity/v3/ (list domains).
"""

from clients import exact
from clients.openstack import Connection, answered


def domain_id(conn: Connection, name: str) -> str | None:
    """The id of the domain NAME; None for one that is yet to be made.

    Raises:
        CloudError: Keystone does not tell.
    """
    answer, domains = exact.listed(conn.identity, "domains", {"name": name})
    answered(answer, "Keystone", f"look for domain {name!r}")
    return str(domains[0]["id"]) if domains else None
