"""A rule of a security group: what is let through, from or to which remote side."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationInfo

from clients.neutron.security_group_rules import (
    PROTOCOLS,
    SAME_GROUP,
    Direction,
    Ethertype,
    Rule,
    canonical_cidr,
    canonical_protocol,
)
from config.errors.issues import invalid, nearest
from config.fields import IpNet, Name, between, cidr_or_error
from config.spec import Problems, Spec, checking

ANY = "any"
_WITH_PORTS = ("tcp", "udp", "sctp", "dccp", "udplite")
ICMP = ("icmp", "ipv6-icmp")
_LAST_PROTOCOL = 255
_LAST_PORT = 65535
_ETHERTYPES: tuple[Ethertype, ...] = ("IPv4", "IPv6")


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


def _ethertype(value: object) -> object:
    found = {ethertype.lower(): ethertype for ethertype in _ETHERTYPES}.get(str(value).lower())
    if not found:
        raise invalid(f"{value!r} is not an ethertype; give 'IPv4' or 'IPv6'")
    return found


def _remote(value: object) -> object:
    return value if value == SAME_GROUP else cidr_or_error(value, f", or '{SAME_GROUP}'")


def _remote_or_group(value: object) -> object:
    if isinstance(value, dict | SecurityGroupReference):
        return SecurityGroupReference.model_validate(value)
    return value if value == SAME_GROUP else cidr_or_error(value, f", '{SAME_GROUP}' or {{group: NAME}}")


IcmpValue = Annotated[int, between(0, 255, "is not an ICMP type or code; give a number")]


class SecurityGroupReference(Spec):
    """Another security group of the same project."""

    group: Name = Field(
        description="the name of a security group that this file declares in the same project"
    )


Remote = IpNet | Literal["same-group"]
RemoteOrGroup = Remote | SecurityGroupReference


class RuleSpec(Spec):
    """Something that is let through, from or to a remote side, which subclasses say."""

    protocol: Annotated[str, BeforeValidator(_protocol)] = Field(
        description="'tcp', 'udp', 'icmp', 'ipv6-icmp', …, a number from 1 to 255, or 'any'"
    )
    remote: Any
    ethertype: Annotated[Ethertype | None, BeforeValidator(_ethertype)] = Field(
        None, description="'IPv4' or 'IPv6', where the remote side is a group; left out, both"
    )
    ports: Annotated[str | None, BeforeValidator(_ports)] = Field(
        None, description="a port or range of ports, such as '22' or '8000-8100'; left out, all"
    )
    icmp_type: IcmpValue | None = Field(None, description="the ICMP type, such as 8 for echo; left out, all")
    icmp_code: IcmpValue | None = Field(
        None, description="the ICMP code of that type, such as 4; left out, all"
    )

    @checking("remote")
    def _family_of_the_protocol(cls, remote: RemoteOrGroup, info: ValidationInfo) -> Problems:
        protocol = info.data.get("protocol")
        if protocol is None or isinstance(remote, str | SecurityGroupReference):
            return
        only = family_of(protocol)
        if only and only != f"IPv{remote.version}":
            other = "ipv6-icmp" if protocol == "icmp" else f"an {only} address"
            yield f"{remote} is no {only}, and {protocol} is {only} only; give {other}"

    @checking("ethertype")
    def _family_of_the_others(cls, ethertype: Ethertype | None, info: ValidationInfo) -> Problems:
        protocol, remote = info.data.get("protocol"), info.data.get("remote")
        if ethertype is None or protocol is None or remote is None:
            return
        by_protocol = family_of(protocol)
        by_remote = None if isinstance(remote, str | SecurityGroupReference) else f"IPv{remote.version}"
        for what, only in ((f"remote {remote}", by_remote), (f"protocol {protocol}", by_protocol)):
            if only and only != ethertype:
                yield f"{what} is {only} only; give {only!r}, or drop this"
                return

    @checking("ports")
    def _protocol_has_ports(cls, ports: str | None, info: ValidationInfo) -> Problems:
        protocol = info.data.get("protocol")
        if ports and protocol and protocol not in _WITH_PORTS:
            yield f"protocol {protocol!r} has no ports; drop them, or give {', '.join(_WITH_PORTS)}"

    @checking("icmp_type", "icmp_code")
    def _protocol_has_types(cls, value: int | None, info: ValidationInfo) -> Problems:
        protocol = info.data.get("protocol")
        if value is not None and protocol and protocol not in ICMP:
            yield f"protocol {protocol!r} has no ICMP types; drop this, or give {' or '.join(ICMP)}"

    @checking("icmp_code")
    def _code_of_a_type(cls, code: int | None, info: ValidationInfo) -> Problems:
        if code is not None and info.data.get("icmp_type", code) is None:
            yield "an ICMP code belongs to a type; give icmp_type too, such as 3"

    def rules(self, direction: Direction, group_ids: Mapping[str, str]) -> Iterator[Rule]:
        """Neutron's rules for this: one for each IP version that it is about. GROUP_IDS are by name."""
        if self.ports:
            first, _, last = self.ports.partition("-")
            port_range: tuple[int | None, int | None] = (int(first), int(last or first))
            if port_range == (1, _LAST_PORT):
                port_range = (None, None)
        else:
            port_range = (self.icmp_type, self.icmp_code)
        remote: RemoteOrGroup = self.remote
        group = group_ids[remote.group] if isinstance(remote, SecurityGroupReference) else None
        for ethertype in self._families():
            yield Rule(
                direction=direction,
                ethertype=ethertype,
                protocol=None if self.protocol == ANY else self.protocol,
                port_min=port_range[0],
                port_max=port_range[1],
                cidr=None if isinstance(remote, str) or group else canonical_cidr(str(remote)),
                group=SAME_GROUP if isinstance(remote, str) else group,
            )

    def _families(self) -> tuple[Ethertype, ...]:
        if not isinstance(self.remote, str | SecurityGroupReference):
            return ("IPv4",) if self.remote.version == 4 else ("IPv6",)  # noqa: PLR2004 - IP's version
        only = self.ethertype or family_of(self.protocol)
        return (only,) if only else _ETHERTYPES


class SecurityGroupRuleSpec(RuleSpec):
    """A rule of a default security group."""

    remote: Annotated[Remote, BeforeValidator(_remote)] = Field(
        description="the other side: a CIDR, '0.0.0.0/0' and '::/0' for everybody, or 'same-group'"
    )


class NamedSecurityGroupRuleSpec(RuleSpec):
    """A rule of another security group, whose remote side may be one more group of its project."""

    remote: Annotated[RemoteOrGroup, BeforeValidator(_remote_or_group)] = Field(
        description="the other side: a CIDR, '0.0.0.0/0' and '::/0' for everybody, 'same-group', or {group: NAME}"
    )


def family_of(protocol: str) -> Ethertype | None:
    """The only IP version that PROTOCOL is for, None where it is for both."""
    if protocol == "icmp":
        return "IPv4"
    return "IPv6" if protocol.startswith("ipv6-") else None
