"""Rules of security groups: what the whole world can reach."""

from collections.abc import Iterator, Mapping
from ipaddress import ip_network
from typing import Any

from config.resource_types import DEFAULT_SECURITY_GROUP, SECURITY_GROUP_RULE, SECURITY_GROUP_RULES
from policy.declared import UNKNOWN, Declared
from policy.rule import Facts, ResourceRule

LOGINS = {22: "SSH", 3389: "RDP"}
_ANY_PROTOCOL = {None, "", "any", "ip", "0"}
_TCP = {"tcp", "6"}
_WHOLE_GROUPS = frozenset({DEFAULT_SECURITY_GROUP, SECURITY_GROUP_RULES})


def _world(remote: object) -> bool:
    """Whether REMOTE, a CIDR or nothing, is everybody; half of all addresses is as good as all."""
    return not remote or (remote is not UNKNOWN and ip_network(str(remote), strict=False).prefixlen <= 1)


def _reached(rule: Mapping[str, Any], ports: tuple[str, str]) -> Iterator[str]:
    """The logins that RULE, whose first and last port have the keys PORTS, lets in."""
    protocol = rule.get("protocol")
    if protocol not in _ANY_PROTOCOL | _TCP:
        return
    first, last = (rule.get(key) for key in ports)
    if UNKNOWN in {first, last}:
        return
    for port, login in LOGINS.items():
        every_port = protocol in _ANY_PROTOCOL or not (first or last)
        if every_port or int(first or 0) <= port <= int(last or first or 0):
            yield f"{login} (port {port})"


def _open(resource: Declared, _facts: Facts) -> Iterator[str]:
    if resource.type in _WHOLE_GROUPS:
        for rule in resource.entries("rules"):
            limited = rule.get("group") or rule.get("address_group")
            if rule.get("direction") == "ingress" and not limited and _world(rule.get("cidr")):
                for login in _reached(rule, ("port_min", "port_max")):
                    yield f"{login} is open to every {rule.get('ethertype')} address"
    elif resource.text("direction") == "ingress":
        limited = resource.props.get("remoteGroupId") or resource.props.get("remoteAddressGroupId")
        if not limited and _world(resource.props.get("remoteIpPrefix")):
            for login in _reached(resource.props, ("portRangeMin", "portRangeMax")):
                yield f"{login} is open to every {resource.text('ethertype', 'IP')} address"


RULES = (
    ResourceRule(
        name="not-open-to-the-world",
        asks="No security group lets the whole world in on SSH or RDP.",
        reason="There passwords are guessed day and night, and one weak image is enough.",
        remedy="Give the rule the `remote` that needs it: a CIDR or a group.",
        types=_WHOLE_GROUPS | {SECURITY_GROUP_RULE},
        check=_open,
    ),
)
