"""A security group in Neutron: its rules read and changed, and who uses it.

API: https://docs.openstack.org/api-ref/network/v2/ (security groups and their rules). Requests are made at the REST
level, because the SDK fills in the project of the caller's own login.
"""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from requests import Response

from clients import exact
from clients.neutron.security_group_rules import Rule
from clients.openstack import Connection, answered

MOST_NAMED = 5


def get(conn: Connection, group_id: str) -> dict[str, Any] | None:
    """The group as Neutron has it; None where it is gone."""
    answer = conn.network.get(f"/security-groups/{group_id}")
    found = answered(answer, "Neutron", f"read security group {group_id}", HTTPStatus.NOT_FOUND)
    return found.get("security_group")


def rules(conn: Connection, group_id: str) -> dict[str, Rule] | None:
    """The group's rules by their ids; None where the group is gone."""
    group = get(conn, group_id)
    if group is None:
        return None
    return {rule["id"]: Rule.of_neutron(rule, group_id) for rule in group["security_group_rules"]}


def bring_to(conn: Connection, group_id: str, project_id: str, wanted: Iterable[Rule]) -> None:
    """Add what is missing, then remove what is not wanted: what stays is let through all the while."""
    live = rules(conn, group_id) or {}
    declared = set(wanted)
    for rule in sorted(declared - set(live.values())):
        body = {"security_group_rule": rule.for_neutron(group_id, project_id)}
        answer = conn.network.post("/security-group-rules", json=body)
        if answer.status_code != HTTPStatus.CONFLICT or not _is_there(answer):
            answered(answer, "Neutron", f"add a rule to security group {group_id}")
    kept: set[Rule] = set()
    for rule_id, rule in live.items():
        if rule in declared and rule not in kept:
            kept.add(rule)
            continue
        answer = conn.network.delete(f"/security-group-rules/{rule_id}")
        answered(answer, "Neutron", f"remove a rule from security group {group_id}", HTTPStatus.NOT_FOUND)


def namesakes(conn: Connection, group: Mapping[str, Any]) -> list[str]:
    """The ids of other groups in the project of GROUP that have its name: Neutron allows several."""
    project_id, name = group["project_id"], group["name"]
    answer, found = exact.listed(conn.network, "security-groups", {"project_id": project_id, "name": name})
    answered(answer, "Neutron", f"list the security groups of project {project_id}")
    return [other["id"] for other in found if other["id"] != group["id"]]


def users(conn: Connection, group_id: str) -> str:
    """The servers and other ports that use the group, for people; empty where there are none."""
    answer = conn.network.get("/ports", params={"security_groups": group_id})
    ports = answered(answer, "Neutron", f"list the ports of security group {group_id}")["ports"]
    named = [_user(conn, port) for port in ports[:MOST_NAMED]]
    more = len(ports) - len(named)
    return ", ".join(named) + (f" and {more} more port{'s' if more > 1 else ''}" if more else "")


def _user(conn: Connection, port: dict[str, Any]) -> str:
    if not port["device_owner"].startswith("compute:"):
        return f"port {port['name'] or port['id']}"
    answer = conn.compute.get(f"/servers/{port['device_id']}")
    name = answer.json()["server"]["name"] if answer.ok else port["device_id"]
    return f"server {name} (port {port['id']})"


def _is_there(answer: Response) -> bool:
    """Whether this conflict is that the rule is there already, and not a quota."""
    return bool(answer.json().get("NeutronError", {}).get("type") == "SecurityGroupRuleExists")
