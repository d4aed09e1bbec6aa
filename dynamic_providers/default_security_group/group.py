"""The default security group in Neutron: found or made, and given back.

API: https://docs.openstack.org/api-ref/network/v2/ (security groups, default rules).
"""

from collections.abc import Iterable
from http import HTTPStatus

from clients import exact
from clients.errors import CloudError
from clients.neutron.security_group_rules import NEUTRONS_OWN, Rule
from clients.neutron.security_groups import bring_to
from clients.openstack import Connection, answered

NAME = "default"


def ensure(conn: Connection, project_id: str) -> str:
    """The group's id. Neutron makes the group when an administrator lists those of the project.

    Raises:
        CloudError: there is none, and this account may not have it made.
    """
    answer, found = exact.listed(conn.network, "security-groups", {"project_id": project_id, "name": NAME})
    answered(answer, "Neutron", f"list the security groups of {project_id}")
    if not found:
        raise CloudError(
            f"project {project_id} has no default security group, and Neutron made none for this account; "
            "give openstack.cloud an account that Neutron's policy lets create_default_security_group"
        )
    return str(found[0]["id"])


def give_back(conn: Connection, group_id: str, project_id: str) -> None:
    """Leave the group to Neutron again.

    One that nothing uses is deleted: Neutron makes it anew with its own rules when it is next needed, and
    nothing stays of a project that goes. One in use gets Neutron's own rules.
    """
    if not _named_by_other_groups(conn, group_id):
        answer = conn.network.delete(f"/security-groups/{group_id}")
        if answer.status_code != HTTPStatus.CONFLICT:
            answered(answer, "Neutron", f"delete {group_id}", HTTPStatus.NOT_FOUND)
            return
    bring_to(conn, group_id, project_id, _template(conn))


def _named_by_other_groups(conn: Connection, group_id: str) -> bool:
    """Whether a rule of another group lets this one in or out: it would go with this group."""
    answer = conn.network.get("/security-group-rules", params={"remote_group_id": group_id})
    found = answered(answer, "Neutron", f"list the rules that name {group_id}")["security_group_rules"]
    return any(rule["security_group_id"] != group_id for rule in found)


def _template(conn: Connection) -> Iterable[Rule]:
    answer = conn.network.get("/default-security-group-rules", params={"used_in_default_sg": "true"})
    if answer.status_code == HTTPStatus.NOT_FOUND:  # before Neutron 23 (2023.2) it could not be changed
        return NEUTRONS_OWN
    found = answered(answer, "Neutron", f"read the template of {NAME}")["default_security_group_rules"]
    return {Rule.of_neutron(rule, "PARENT") for rule in found if rule["used_in_default_sg"]}
