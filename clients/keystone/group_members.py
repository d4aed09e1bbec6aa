"""The accounts in a group, wherever Keystone keeps them: in its own tables, or in the directory of a domain.

API: https://docs.openstack.org/api-ref/identity/v3/ (list users in group).
"""

from clients import exact
from clients.errors import CloudError
from clients.keystone.domain import domain_id
from clients.openstack import Connection, answered


def accounts_in(conn: Connection, group: str, domain: str) -> list[str]:
    """The names of the accounts in GROUP of DOMAIN that may log in.

    An empty group is refused: most often a filter or the attribute of members is wrong.

    Raises:
        CloudError: who they are is not known.
    """
    in_domain = domain_id(conn, domain)
    if in_domain is None:
        raise CloudError(f"there is no domain {domain!r} yet")
    doing = f"list the accounts in group {group!r} of domain {domain!r} (is its directory down?)"
    found, groups = exact.listed(conn.identity, "groups", {"name": group}, {"domain_id": in_domain})
    answered(found, "Keystone", doing)
    if not groups:
        raise CloudError(f"there is no group {group!r} in domain {domain!r}")
    answer = conn.identity.get(f"/groups/{groups[0]['id']}/users")
    users = answered(answer, "Keystone", doing)["users"]
    accounts = [user["name"] for user in users if user.get("enabled", True)]
    if not accounts:
        raise CloudError(f"group {group!r} of domain {domain!r} has nobody in it")
    return accounts
