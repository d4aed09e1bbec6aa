"""Field types of a stack file, each with the sentence for a wrong value."""

import json
import re
import unicodedata
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path, PurePath
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo

from config.errors.issues import ValidationIssues, invalid

ROOT = "root"
"""The key of the validation context under which the project's folder is given."""


def from_the_projects_folder(path: PurePath, info: ValidationInfo) -> Path:
    """PATH, absolute: a relative one is the project folder's, which the validation's context gives."""
    return Path((info.context or {}).get(ROOT, ".")).absolute() / path


ProjectPath = Annotated[Path, AfterValidator(from_the_projects_folder)]
CephConf = Annotated[
    Path | None,
    Field(description="the path of ceph.conf; left out, CEPH_CONF of the environment or /etc/ceph/ceph.conf"),
]

IpAddr = IPv4Address | IPv6Address
IpNet = IPv4Network | IPv6Network

_LONGEST_NAME = 255  # what Keystone, Neutron and Glance keep of most names
_LONGEST_PROJECT_NAME = 64  # keystone/resource/schema.py: projects, and domains, which are projects
_LONGEST_PHYSICAL_NETWORK = 64  # neutron_lib/api/definitions/provider_net.py
_MOST_TEXT_BYTES = 65535  # a TEXT column of MariaDB: Keystone's descriptions, Glance's properties
_LONGEST_LINE = 255  # Neutron's descriptions (DESCRIPTION_FIELD_SIZE)
_LONGEST_NOTE = 10_000  # in Keystone's JSON beside other things of a user, with up to 6 bytes a character
_LONGEST_EMAIL = 254  # RFC 5321, 4.5.3.1.3, without the angle brackets
_MOST_SENT_BYTES = 100_000  # oslo.middleware's max_request_body_size is 114688; the rest needs room
_LONGEST_CREDENTIAL_NAME = 240  # leaves room for /SERIAL in 255
# keystone/application_credential/backends/sql.py; the schema takes 225 of both.
_LONGEST_RULE_SERVICE, _LONGEST_RULE_PATH = 64, 128
_LAST_OF_THE_BMP = 0xFFFF  # the services' tables are utf8mb3
LARGEST_NUMBER = 2**31 - 1
"""What an INT column of Nova, Neutron, Cinder and Glance holds."""

_LAST_VLAN = 4094  # IEEE 802.1Q: 0 is priority tagging, 4095 is reserved
_LONGEST_TAG = 255  # neutron/extensions/tagging.py


def cidr_or_error(value: object, alternative: str = "") -> IpNet:
    """VALUE as a CIDR; ALTERNATIVE is what else would be right, for the sentence."""
    if not isinstance(value, str) or "/" not in value:
        if isinstance(value, IPv4Network | IPv6Network):
            return value
        raise invalid(f"{value!r} is not a CIDR; give one such as '10.20.0.0/24'{alternative}")
    try:
        return ip_network(value)
    except ValueError:
        pass
    try:
        network = ip_network(value, strict=False)
    except ValueError:
        raise invalid(f"{value!r} is not a CIDR; give one such as '10.20.0.0/24'{alternative}") from None
    raise invalid(f"{value!r} has host bits set; the network is '{network}'")


def ip_address_or_error(value: object, alternative: str = "") -> IpAddr:
    """VALUE as an IP address; ALTERNATIVE is what else would be right, for the sentence."""
    if isinstance(value, IPv4Address | IPv6Address):
        return value
    if isinstance(value, str):
        try:
            return ip_address(value)
        except ValueError:
            pass
    raise invalid(f"{value!r} is not an IP address; give one such as '10.20.0.53'{alternative}")


def _name(value: str) -> str:
    if not value or len(value) > _LONGEST_NAME or value != value.strip() or not value.isprintable():
        raise invalid(
            f"{value!r} is not a name; give 1 to {_LONGEST_NAME} printable characters, no space at either end"
        )
    return _storable(value)


def _storable(value: str) -> str:
    """VALUE as it is sent, if the services' tables can hold it.

    They are utf8mb3, and a connection error is what they answer. Accents are composed (NFC): Pulumi's OpenStack plugin
    sends them so, whatever it is given.
    """
    strange = next((sign for sign in value if ord(sign) > _LAST_OF_THE_BMP or sign == "\0"), None)
    if strange:
        raise invalid(
            f"{value[:60]!r} has {strange!r} (U+{ord(strange):04X}), which the services' tables cannot hold; leave it out"
        )
    return unicodedata.normalize("NFC", value)


def matching(pattern: str, sentence: str) -> AfterValidator:
    """Refuse a text that does not fully match PATTERN; SENTENCE follows the text, and says what would be right."""
    expression = re.compile(pattern)

    def check(value: str) -> str:
        if not expression.fullmatch(value):
            raise invalid(f"{value!r} {sentence}")
        return value

    return AfterValidator(check)


def between(first: int, last: int, sentence: str) -> AfterValidator:
    """Refuse a number that is not one from FIRST to LAST; SENTENCE follows it, and begins to say what would be right."""

    def check(value: int) -> int:
        if not first <= value <= last:
            raise invalid(f"{value} {sentence} from {first} to {last}")
        return value

    return AfterValidator(check)


def rising_from_one(least: int) -> AfterValidator:
    """Refuse a list that is not of LEAST rising numbers from 1, or more of them."""

    def check(values: tuple[int, ...]) -> tuple[int, ...]:
        if list(values) != sorted(set(values)) or len(values) < least or min(values, default=1) < 1:
            raise invalid(
                f"{list(values)} are not serials; give rising numbers from 1, such as [1] or [1, 2]"
            )
        return values

    return AfterValidator(check)


def each_once(kind: str, key: Callable[[Any], object] = lambda value: value) -> AfterValidator:
    """Refuses in a list what stands in it before already: a KIND, of which KEY gives what is its own."""

    def check(values: tuple[object, ...]) -> tuple[object, ...]:
        issues = ValidationIssues()
        keys = list(map(key, values))
        for index, value in enumerate(keys):
            if value in keys[:index]:
                shown = repr(value) if isinstance(value, str) else value
                issues.add((index,), f"{kind} {shown} is given twice; give it once")
        issues.raise_if_any()
        return values

    return AfterValidator(check)


def _at_most(longest: int, of: str) -> AfterValidator:
    def check(value: str) -> str:
        if len(value) > longest:
            raise invalid(
                f"{value[:30]!r}… has {len(value)} characters, and {of} has at most {longest}; shorten it"
            )
        return _storable(value)

    return AfterValidator(check)


def _text(value: str) -> str:
    size = len(value.encode())
    if size > _MOST_TEXT_BYTES:
        raise invalid(
            f"{value[:30]!r}… has {size} bytes, and the service keeps at most {_MOST_TEXT_BYTES}; shorten it"
        )
    return _storable(value)


def _keystone_text(value: str) -> str:
    escaped = 5 * sum(map(value.count, "<>&"))  # as Go writes JSON
    sent = len(json.dumps(value, ensure_ascii=False).encode()) + escaped
    if sent > _MOST_SENT_BYTES:
        raise invalid(
            f"{value[:30]!r}… has {sent} bytes in a request, and Keystone takes {_MOST_SENT_BYTES} of them; shorten it"
        )
    return _text(value)


def _ceph_user(value: str) -> str:
    if value.startswith("client."):
        raise invalid(f"{value!r} has 'client.' before it; give {value.removeprefix('client.')!r}")
    return _name(value)


Cidr = Annotated[IpNet, BeforeValidator(cidr_or_error)]
IpAddress = Annotated[IpAddr, BeforeValidator(ip_address_or_error)]
VlanId = Annotated[int, between(1, _LAST_VLAN, "is not a VLAN ID; give a number")]
Name = Annotated[str, AfterValidator(_name)]
FormerName = Annotated[
    Name | None, Field(description="its former name, so that it is renamed and not made anew")
]
ProjectName = Annotated[Name, _at_most(_LONGEST_PROJECT_NAME, "a project's or domain's name")]
PhysicalNetworkName = Annotated[Name, _at_most(_LONGEST_PHYSICAL_NETWORK, "a physical network's name")]
CredentialName = Annotated[Name, _at_most(_LONGEST_CREDENTIAL_NAME, "an application credential's name")]
RuleService = Annotated[Name, _at_most(_LONGEST_RULE_SERVICE, "the service of an access rule")]
RulePath = Annotated[
    str,
    matching("(?s)/.*", "is not a request's path; give one that begins with /, such as '/v2/images'"),
    _at_most(_LONGEST_RULE_PATH, "the path of an access rule"),
]
Line = Annotated[str, _at_most(_LONGEST_LINE, "a description in Neutron")]
Tag = Annotated[
    str,
    matching(r"[^,\s]([^,]*[^,\s])?", "is not a tag; give text without a comma, and no space at either end"),
    _at_most(_LONGEST_TAG, "a tag in Neutron"),
]
DnsDomain = Annotated[
    str,
    BeforeValidator(
        lambda value: f"{value.removesuffix('.')}." if isinstance(value, str) else value
    ),  # Neutron's form
    matching(
        r"(?=.{2,254}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+",
        "is not a DNS domain; give one such as 'vms.corp.example'",
    ),
]
ServiceType = Annotated[
    str,
    matching(
        r"(network|compute|baremetal|volume):[a-z0-9_:.-]*",
        "is not a service type; give the device owner of ports, such as 'compute:nova', or how it begins, 'compute:'",
    ),
]
Note = Annotated[str, _at_most(_LONGEST_NOTE, "the description of a user")]
Email = Annotated[str, _at_most(_LONGEST_EMAIL, "a mail address")]
KeystoneText = Annotated[str, AfterValidator(_keystone_text)]
Text = Annotated[str, AfterValidator(_text)]
Sha256 = Annotated[
    str,
    matching("[0-9a-fA-F]{64}", "is not a SHA-256; give its 64 hexadecimal digits, as sha256sum prints them"),
    AfterValidator(str.lower),
]
Mtu = Annotated[  # RFC 791; Neutron's own bounds
    int, between(68, 65535, "is not an MTU; give the bytes a frame carries,")
]
Size = Annotated[int, between(0, LARGEST_NUMBER, "is out of range; give a whole number")]
AtLeastOne = Annotated[int, between(1, LARGEST_NUMBER, "is out of range; give a whole number")]
Port = Annotated[int, between(1, 65535, "is not a port (most often it is 22); give a number")]
Serials = Annotated[tuple[int, ...], rising_from_one(1)]
PublicSshKey = Annotated[
    str,
    matching(
        r"(ssh-|ecdsa-|sk-)[a-z0-9@.-]+ [A-Za-z0-9+/]+={0,2}( .*)?",
        "is not a public SSH key; give its type and its base64, such as 'ssh-ed25519 AAAA…'",
    ),
]
CephUser = Annotated[str, AfterValidator(_ceph_user)]
HostName = Annotated[
    str,
    matching(  # RFC 1123
        r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?",
        "is not a host's name; give 1 to 63 lower-case letters, digits and hyphens, no hyphen at either end and no domain",
    ),
]
InterfaceName = Annotated[
    str,
    matching(  # Linux: IFNAMSIZ without the end of its text
        r"[A-Za-z0-9][A-Za-z0-9_.-]{0,14}",
        "is not the name of a network interface; give one as `ip link` shows it, such as 'eno1', of at most 15 characters",
    ),
]
ImageReference = Annotated[
    str,
    matching(  # https://github.com/distribution/reference, with a registry
        r"(?a)[a-zA-Z0-9.-]+(:[0-9]{1,5})?(/[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*)+(:\w[\w.-]{0,127}|@sha256:[0-9a-f]{64})?",
        "is not an image's reference; give registry, name and tag or digest, such as 'registry.corp.example/host:2026.47'",
    ),
    matching(
        ".*(:[^/:]+|@.+)",
        "does not say which version; add a tag or a digest at its end, such as ':2026.47'",
    ),
]
