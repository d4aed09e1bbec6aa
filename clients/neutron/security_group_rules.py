"""A security group's rule in one canonical form, so that two that mean the same are equal."""

from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any, Literal

from pydantic import BaseModel

Direction = Literal["ingress", "egress"]
Ethertype = Literal["IPv4", "IPv6"]

SAME_GROUP = "same-group"

PROTOCOLS = {  # the names that Neutron takes (neutron_lib.constants.IP_PROTOCOL_MAP), and IANA's numbers
    "ah": 51,
    "dccp": 33,
    "egp": 8,
    "esp": 50,
    "gre": 47,
    "icmp": 1,
    "igmp": 2,
    "ipip": 4,
    "ipv6-encap": 41,
    "ipv6-frag": 44,
    "ipv6-icmp": 58,
    "ipv6-nonxt": 59,
    "ipv6-opts": 60,
    "ipv6-route": 43,
    "ospf": 89,
    "pgm": 113,
    "rsvp": 46,
    "sctp": 132,
    "tcp": 6,
    "udp": 17,
    "udplite": 136,
    "vrrp": 112,
}
_NAMES = {str(number): name for name, number in PROTOCOLS.items()}
_ICMP_IN_IPV6 = {"icmp", "icmpv6", "ipv6-icmp"}  # Neutron takes all three for the same
_ANY = {None, "", "any", "ip", "hopopt", "0"}


class Rule(BaseModel, frozen=True, extra="forbid"):
    """What is let through.

    Attributes:
        direction: ingress or egress.
        ethertype: IPv4 or IPv6.
        protocol: a name of PROTOCOLS, or another number as text; None for every protocol.
        port_min: the first port; for ICMP the type.
        port_max: the last port; for ICMP the code.
        cidr: who may be on the other side; None for everybody.
        group: likewise, the id of a security group, or "same-group".
        address_group: likewise, the id of an address group.
    """

    direction: Direction
    ethertype: Ethertype
    protocol: str | None = None
    port_min: int | None = None
    port_max: int | None = None
    cidr: str | None = None
    group: str | None = None
    address_group: str | None = None

    def __lt__(self, other: "Rule") -> bool:
        return self._order < other._order

    @property
    def _order(self) -> tuple[tuple[int, str], ...]:
        values = self.model_dump().values()
        return tuple((value, "") if isinstance(value, int) else (-1, value or "") for value in values)

    @classmethod
    def of_neutron(cls, found: Mapping[str, Any], group_id: str) -> "Rule":
        """What Neutron's API says of a rule of the group GROUP_ID, or of its template (PARENT)."""
        ports = (found["port_range_min"], found["port_range_max"])
        if ports == (1, 65535):
            ports = (None, None)
        remote = found.get("remote_group_id")
        return cls(
            direction=found["direction"],
            ethertype=found["ethertype"],
            protocol=canonical_protocol(found["protocol"], found["ethertype"]),
            port_min=ports[0],
            port_max=ports[1],
            cidr=canonical_cidr(found.get("remote_ip_prefix")),
            group=SAME_GROUP if remote in {group_id, "PARENT"} else remote,
            address_group=found.get("remote_address_group_id"),
        )

    def for_neutron(self, group_id: str, project_id: str) -> dict[str, Any]:
        """The body that makes it in the group GROUP_ID of the project PROJECT_ID."""
        return {
            "security_group_id": group_id,
            "project_id": project_id,  # or it would be of the administrator's
            "direction": self.direction,
            "ethertype": self.ethertype,
            "protocol": self.protocol,
            "port_range_min": self.port_min,
            "port_range_max": self.port_max,
            "remote_ip_prefix": self.cidr,
            "remote_group_id": group_id if self.group == SAME_GROUP else self.group,
            "remote_address_group_id": self.address_group,
        }


NEUTRONS_OWN = frozenset(
    Rule(direction=direction, ethertype=ethertype, group=group)
    for ethertype in ("IPv4", "IPv6")
    for direction, group in (("egress", None), ("ingress", SAME_GROUP))
)
"""What Neutron gives a new default group, unless its administrator has changed the template."""


def canonical_protocol(protocol: str | None, ethertype: str | None = None) -> str | None:
    """PROTOCOL, a name or a number as text, under its one name; None for every protocol."""
    if protocol in _ANY:
        return None
    name = _NAMES.get(str(protocol), str(protocol).lower())
    if name == "icmpv6" or (ethertype == "IPv6" and name in _ICMP_IN_IPV6):
        return "ipv6-icmp"
    return name


def canonical_cidr(cidr: str | None) -> str | None:
    """CIDR without host bits; None for everybody."""
    if cidr is None:
        return None
    network = ip_network(cidr, strict=False)
    return str(network) if network.prefixlen else None
