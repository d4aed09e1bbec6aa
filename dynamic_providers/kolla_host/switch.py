"""Open vSwitch's tables as ``ovs-vsctl --format=json`` prints them, and what a host's links lack in them.

The host image makes bridge ``br-link`` with one port of both links, and VLANs as tags or trunks of other ports.
"""

from collections.abc import Collection, Sequence
from typing import Any

BRIDGE = "br-link"

Row = dict[str, Any]


def problems(tables: dict[str, Any], links: Sequence[str], vlans: Sequence[int]) -> list[str]:
    """What differs from what is declared, each a clause; nothing where all is there.

    Args:
        tables: bridge, port and interface, each with its headings and data.
        links: the two network interfaces of the bond.
        vlans: what the bridge has to carry.
    """
    bridge = next((row for row in _rows(tables["bridge"]) if row["name"] == BRIDGE), None)
    if bridge is None:
        return [f"Open vSwitch has no bridge {BRIDGE}"]
    names = {row["_uuid"]: row["name"] for row in _rows(tables["interface"])}
    ports = {
        frozenset(names[uuid] for uuid in _set(row["interfaces"])): row
        for row in _rows(tables["port"])
        if row["_uuid"] in _set(bridge["ports"])
    }
    bonds = [port for interfaces, port in ports.items() if set(links) <= interfaces]
    if not bonds:
        return [_no_bond(links, set().union(*ports))]
    others = [port for port in ports.values() if port not in bonds and port["name"] != BRIDGE]
    missing = [
        str(vlan)
        for vlan in vlans
        if not (_carries(bonds[0], vlan) and any(_carries(port, vlan) for port in others))
    ]
    return [f"{_are('VLAN', missing)} not on {BRIDGE}"] if missing else []


def dead_links(tables: dict[str, Any], links: Sequence[str]) -> list[str]:
    """Those of the links that have no carrier."""
    state = {row["name"]: row["link_state"] for row in _rows(tables["interface"])}
    return [link for link in links if state.get(link) == "down"]


def _no_bond(links: Sequence[str], there: Collection[str]) -> str:
    missing = [link for link in links if link not in there]
    if missing:
        return f"{_are('link', missing)} not in the bond of {BRIDGE}"
    return f"links {' and '.join(links)} are in {BRIDGE}, but not as one bond"


def _carries(port: Row, vlan: int) -> bool:
    tag, trunks = _set(port["tag"]), _set(port["trunks"])
    return vlan in tag or vlan in trunks or not (tag or trunks)  # with neither: all VLANs


def _rows(table: dict[str, Any]) -> list[Row]:
    return [
        {heading: _plain(value) for heading, value in zip(table["headings"], row, strict=True)}
        for row in table["data"]
    ]


def _plain(value: Any) -> Any:
    """A value of the OVSDB protocol (RFC 7047, 5.1): a UUID as text, a set as a list."""
    match value:
        case ["uuid", uuid]:
            return uuid
        case ["set", members]:
            return [_plain(member) for member in members]
        case _:
            return value


def _set(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]  # a set of one comes as its member


def _are(kind: str, names: Sequence[str]) -> str:
    return f"{kind} {names[0]} is" if len(names) == 1 else f"{kind}s {' and '.join(names)} are"
