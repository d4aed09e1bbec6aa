"""The rules of a project's default security group."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from clients.neutron.security_group_rules import (
    PROTOCOLS,
    SAME_GROUP,
    Direction,
    Ethertype,
    Rule,
    canonical_cidr,
    canonical_protocol,
)
from config.errors.issues import ValidationIssues, invalid, nearest
from config.fields import IpNet, cidr_or_error
from config.spec import Spec

NEUTRON, CLOSED = "neutron", "closed"
ANY = "any"
_WITH_PORTS = ("tcp", "udp", "sctp", "dccp", "udplite")
_ICMP = ("icmp", "ipv6-icmp")
_LAST_PROTOCOL = 255
_LAST_PORT = 65535
_LAST_ICMP_TYPE = 255


def _protocol(value: object) -> str:
    text = str(value).lower()
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise invalid(f"{value!r} is not a protocol; give 'tcp', 'udp', 'icmp', a number from 1, or '{ANY}'")
    if text == ANY or text in PROTOCOLS or text == "icmpv6":
        return canonical_protocol(text) or ANY
    if text.isdecimal() and 1 <= int(text) <= _LAST_PROTOCOL:
        return canonical_protocol(str(int(text))) or ANY
    hint = nearest(text, PROTOCOLS) or f"; give 'tcp', 'udp', 'icmp', a number from 1 to 255, or '{ANY}'"
    raise invalid(f"{value!r} is not a protocol{hint}")


def _ports(value: object) -> object:
    if value is None:
        return None
    first, dash, last = str(value).partition("-")
    if not dash:
        last = first
    if not (first.isdecimal() and last.isdecimal()) or isinstance(value, bool):
        raise invalid(f"{value!r} is not a port or a range of ports; give one such as '22' or '8000-8100'")
    if not 1 <= int(first) <= int(last) <= _LAST_PORT:
        raise invalid(f"{value!r} is no range of ports; give numbers from 1 to {_LAST_PORT}, the lower first")
    return str(value)


def _remote(value: object) -> object:
    return value if value == SAME_GROUP else cidr_or_error(value, f", or '{SAME_GROUP}'")


class SecurityGroupRuleSpec(Spec):
    """Something that is let through, from or to a remote side."""

    protocol: Annotated[str, BeforeValidator(_protocol)] = Field(
        description="'tcp', 'udp', 'icmp', 'ipv6-icmp', …, a number from 1 to 255, or 'any'"
    )
    remote: Annotated[IpNet | Literal["same-group"], BeforeValidator(_remote)] = Field(
        description="the other side: a CIDR, '0.0.0.0/0' and '::/0' for everybody, or 'same-group'"
    )
    ports: Annotated[str | None, BeforeValidator(_ports)] = Field(
        None, description="a port or range of ports, such as '22' or '8000-8100'; left out, all"
    )
    icmp_type: int | None = Field(None, description="the ICMP type, such as 8 for echo; left out, all")

    @field_validator("remote")
    @classmethod
    def _family_of_the_protocol(
        cls, remote: IpNet | Literal["same-group"], info: ValidationInfo
    ) -> IpNet | Literal["same-group"]:
        protocol = info.data.get("protocol")
        if protocol is None or isinstance(remote, str):
            return remote
        only = _family_of(protocol)
        if only and only != f"IPv{remote.version}":
            other = "ipv6-icmp" if protocol == "icmp" else f"an {only} address"
            raise invalid(f"{remote} is no {only}, and {protocol} is {only} only; give {other}")
        return remote

    @field_validator("ports")
    @classmethod
    def _protocol_has_ports(cls, ports: str | None, info: ValidationInfo) -> str | None:
        protocol = info.data.get("protocol")
        if ports and protocol and protocol not in _WITH_PORTS:
            raise invalid(f"protocol {protocol!r} has no ports; drop them, or give {', '.join(_WITH_PORTS)}")
        return ports

    @field_validator("icmp_type")
    @classmethod
    def _protocol_has_types(cls, icmp_type: int | None, info: ValidationInfo) -> int | None:
        protocol = info.data.get("protocol")
        if icmp_type is None or not protocol:
            return icmp_type
        if protocol not in _ICMP:
            raise invalid(f"protocol {protocol!r} has no ICMP types; drop this, or give {' or '.join(_ICMP)}")
        if not 0 <= icmp_type <= _LAST_ICMP_TYPE:
            raise invalid(f"{icmp_type} is not an ICMP type; give a number from 0 to {_LAST_ICMP_TYPE}")
        return icmp_type

    def rules(self, direction: Direction) -> Iterator[Rule]:
        """Neutron's rules for this: one for each IP version that it is about."""
        if self.ports:
            first, _, last = self.ports.partition("-")
            port_range: tuple[int | None, int | None] = (int(first), int(last or first))
            if port_range == (1, _LAST_PORT):
                port_range = (None, None)
        else:
            port_range = (self.icmp_type, None)
        for ethertype in self._families():
            yield Rule(
                direction=direction,
                ethertype=ethertype,
                protocol=None if self.protocol == ANY else self.protocol,
                port_min=port_range[0],
                port_max=port_range[1],
                cidr=None if isinstance(self.remote, str) else canonical_cidr(str(self.remote)),
                group=SAME_GROUP if isinstance(self.remote, str) else None,
            )

    def _families(self) -> tuple[Ethertype, ...]:
        if not isinstance(self.remote, str):
            return ("IPv4",) if self.remote.version == 4 else ("IPv6",)  # noqa: PLR2004 - IP's version
        only = _family_of(self.protocol)
        return (only,) if only else ("IPv4", "IPv6")


def _family_of(protocol: str) -> Ethertype | None:
    """The only IP version that PROTOCOL is for, None where it is for both."""
    if protocol == "icmp":
        return "IPv4"
    return "IPv6" if protocol.startswith("ipv6-") else None


def _egress(value: object) -> object:
    if isinstance(value, str):
        if value not in {"all", "none"}:
            raise invalid(f"{value!r} is not known here; give 'all', 'none', or a list of rules")
        return None if value == "all" else ()
    return value


class DefaultSecurityGroupSpec(Spec):
    """All rules of a project's default security group."""

    ingress: tuple[SecurityGroupRuleSpec, ...] = Field(
        (), description="a list of rules: what is let in; left out, nothing"
    )
    egress: Annotated[tuple[SecurityGroupRuleSpec, ...] | None, BeforeValidator(_egress)] = Field(
        None, description="'all', 'none' or a list of rules: what is let out; left out, 'all'"
    )

    @field_validator("ingress", "egress")
    @classmethod
    def _each_rule_once(
        cls, rules: tuple[SecurityGroupRuleSpec, ...] | None
    ) -> tuple[SecurityGroupRuleSpec, ...] | None:
        issues = ValidationIssues()
        seen: set[Rule] = set()
        for index, rule in enumerate(rules or ()):
            meant = set(rule.rules("ingress"))
            if meant <= seen:
                issues.add((index,), "a rule before lets the same through; drop one of them")
            seen |= meant
        issues.raise_if_any()
        return rules

    @property
    def rules(self) -> frozenset[Rule]:
        """Neutron's rules for it."""
        found = {rule for declared in self.ingress for rule in declared.rules("ingress")}
        if self.egress is None:
            found |= {
                Rule(direction="egress", ethertype="IPv4"),
                Rule(direction="egress", ethertype="IPv6"),
            }
        else:
            found |= {rule for declared in self.egress for rule in declared.rules("egress")}
        return frozenset(found)


def _default_group(value: Any) -> Any:
    if isinstance(value, str):
        if value not in {NEUTRON, CLOSED}:
            hint = (
                nearest(value, (NEUTRON, CLOSED)) or f"; give '{NEUTRON}', '{CLOSED}' or {{ingress, egress}}"
            )
            raise invalid(f"{value!r} is not known here{hint}")
        return None if value == NEUTRON else DefaultSecurityGroupSpec()
    return value


DefaultGroup = Annotated[DefaultSecurityGroupSpec | None, BeforeValidator(_default_group)]
"""'neutron' (None: left alone), 'closed' (nothing in, everything out), or {ingress, egress}."""
