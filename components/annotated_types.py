"""The kinds of value a stack file is made of, each with the sentence for a wrong one."""

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

from components.problems import refusal

IpAddr = IPv4Address | IPv6Address
IpNet = IPv4Network | IPv6Network

_LONGEST_NAME = 255  # what Keystone, Neutron and Glance keep
_LAST_VLAN = 4094  # IEEE 802.1Q: 0 is priority tagging, 4095 is reserved
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


def cidr_or_refusal(value: object, alternative: str = "") -> IpNet:
    """VALUE as a CIDR; ALTERNATIVE is what else would be right, for the sentence."""
    if not isinstance(value, str) or "/" not in value:
        if isinstance(value, IPv4Network | IPv6Network):
            return value
        raise refusal(f"{value!r} is not a CIDR; give one such as '10.20.0.0/24'{alternative}")
    try:
        return ip_network(value)
    except ValueError:
        pass
    try:
        network = ip_network(value, strict=False)
    except ValueError:
        raise refusal(f"{value!r} is not a CIDR; give one such as '10.20.0.0/24'{alternative}") from None
    raise refusal(f"{value!r} has host bits set; the network is '{network}'")


def ip_address_or_refusal(value: object, alternative: str = "") -> IpAddr:
    """VALUE as an IP address; ALTERNATIVE is what else would be right, for the sentence."""
    if isinstance(value, IPv4Address | IPv6Address):
        return value
    if isinstance(value, str):
        try:
            return ip_address(value)
        except ValueError:
            pass
    raise refusal(f"{value!r} is not an IP address; give one such as '10.20.0.53'{alternative}")


def _vlan_id(value: int) -> int:
    if not 1 <= value <= _LAST_VLAN:
        raise refusal(f"{value} is not a VLAN ID; give a number from 1 to {_LAST_VLAN}")
    return value


def _name(value: str) -> str:
    if not value or len(value) > _LONGEST_NAME or value != value.strip() or not value.isprintable():
        raise refusal(
            f"{value!r} is not a name; give 1 to {_LONGEST_NAME} printable characters, no space at either end"
        )
    return value


def _sha256(value: str) -> str:
    if not _SHA256.fullmatch(value):
        raise refusal(f"{value!r} is not a SHA-256; give its 64 hexadecimal digits, as sha256sum prints them")
    return value.lower()


def _mtu(value: int) -> int:
    smallest, largest = 68, 65535  # RFC 791; Neutron's own bounds
    if not smallest <= value <= largest:
        raise refusal(f"{value} is not an MTU; give the bytes a frame carries, {smallest} to {largest}")
    return value


def _not_negative(value: int) -> int:
    if value < 0:
        raise refusal(f"{value} is negative; give 0 or more")
    return value


Cidr = Annotated[IpNet, BeforeValidator(cidr_or_refusal)]
IpAddress = Annotated[IpAddr, BeforeValidator(ip_address_or_refusal)]
VlanId = Annotated[int, AfterValidator(_vlan_id)]
Name = Annotated[str, AfterValidator(_name)]
Sha256 = Annotated[str, AfterValidator(_sha256)]
Mtu = Annotated[int, AfterValidator(_mtu)]
Size = Annotated[int, AfterValidator(_not_negative)]
