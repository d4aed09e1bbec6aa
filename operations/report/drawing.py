"""The drawing of a cloud, as an SVG that stands in the page: where everything is, and what connects it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from operations.report import shapes
from operations.report.drawing_rights import draw_rights
from operations.report.long_lists import changed_first, cut, listed
from operations.report.shapes import HEAD, LINE, Box, group, head, text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from operations.report.cloud_map import CloudMap, DrawnDomain, DrawnHost, DrawnImage, DrawnNetwork

Thing = TypeVar("Thing")

WIDTH = 1180
MOST_WIRES = 80
"""Lines between projects, networks and hosts; with more, none can be followed, and none is drawn."""

MOST_ROWS = 40
"""Projects in a domain, or subnets in a network; with more, those that change come first, and the rest is counted."""

MOST_IN_ORDER = 40
"""Networks or hosts in the stack file's order; with more, those that change come first."""

_DOMAINS, _NETWORKS, _HOSTS = (10, 270), (370, 375), (835, 335)  # x and width of the columns
_TOP, _GAP = 48, 20
_HOST_HIGH = 104
_BADGE, _HOST_LETTERS = 26, 40  # letters
_GENERATION, _ARROW, _GENERATION_HIGH = 190, 24, 54
_A_ROW = (WIDTH - 40) // (_GENERATION + _ARROW)


@dataclass
class _Sheet:
    """What is drawn so far, and where the wires may start."""

    parts: list[str] = field(default_factory=list)
    wires: list[str] = field(default_factory=list)
    projects: dict[str, tuple[float, float]] = field(default_factory=dict)
    trunks: dict[int, list[tuple[float, float]]] = field(default_factory=dict)


def drawing(cloud: CloudMap) -> str:
    """The SVG of CLOUD."""
    if cloud.is_empty:
        return shapes.svg(
            WIDTH, 60, text("This stack declares nothing that could be drawn.", 10, 36, 80, "note")
        )
    sheet = _Sheet()
    networks = changed_first(cloud.networks, MOST_IN_ORDER)
    hosts = changed_first(cloud.hosts, MOST_IN_ORDER)
    bottom = max(
        _column("Domains and projects", _DOMAINS, cloud.domains, _domain, sheet),
        _column("Networks, their VLANs and subnets", _NETWORKS, networks, _network, sheet),
        _column("Hosts, each with a bond of two links", _HOSTS, hosts, _host, sheet),
    )
    if len(sheet.wires) > MOST_WIRES:
        left_out = (
            f"{len(sheet.wires)} lines between projects, networks and hosts are left out: too many to follow."
        )
        sheet.parts.append(text(left_out, 10, bottom + 4, 200, "note"))
        sheet.wires.clear()
        bottom += 24
    bottom = _images(cloud, sheet, bottom)
    rights, bottom = draw_rights(cloud.rights, bottom, WIDTH)
    sheet.parts += rights
    return shapes.svg(WIDTH, bottom + 10, "".join([*sheet.wires, *sheet.parts]))


def _column(
    title: str,
    at: tuple[float, float],
    things: Sequence[Thing],
    draw: Callable[[Thing, float, _Sheet], float],
    sheet: _Sheet,
) -> float:
    """THINGS one below the other, and where they end."""
    if things:
        sheet.parts.append(head(title, at[0], 24))
    y = float(_TOP)
    for thing in things:
        y = draw(thing, y, sheet) + _GAP
    return y


def _domain(domain: DrawnDomain, y: float, sheet: _Sheet) -> float:
    projects, more = cut(domain.projects, MOST_ROWS)
    box = Box(*_DOMAINS, y, _high(len(projects) + bool(more)), domain.mark)
    parts = [box.draw("domain"), box.title(domain.name)]
    for project in domain.projects:  # a wire of one that is left out starts at the line that counts it
        sheet.projects[f"{project.name}@{domain.name}"] = (box.right, box.row_y(len(projects)) - 4)
    for number, project in enumerate(projects):
        parts.append(box.row(number, f"▪ {project.name}", project.mark))
        sheet.projects[f"{project.name}@{domain.name}"] = (box.right, box.row_y(number) - 4)
    if more:
        parts.append(box.row(len(projects), more, None, "note"))
    if not domain.projects:
        parts.append(box.row(0, domain.note or "no projects of this stack", None, "note"))
    sheet.parts.append(group(f"domain {domain.name}", parts, domain.mark))
    return box.bottom


def _network(network: DrawnNetwork, y: float, sheet: _Sheet) -> float:
    subnets, more = cut(network.subnets, MOST_ROWS)
    box = Box(*_NETWORKS, y, _high(len(subnets) + bool(more)), network.mark)
    badge = f"VLAN {listed([*map(str, network.vlans)], _BADGE)}" if network.vlans else "no VLAN"
    parts = [box.draw("network"), box.title(network.name, badge)]
    parts += [
        box.row(number, f"{subnet.cidr}  {subnet.name}", subnet.mark) for number, subnet in enumerate(subnets)
    ]
    if more:
        parts.append(box.row(len(subnets), more, None, "note"))
    if not network.subnets:
        parts.append(box.row(0, "no subnets", None, "note"))
    if network.shared:
        parts.append(shapes.dot(box.x, box.title_y - 4, "shared with everyone"))
    on = f" on {', '.join(network.physical)}" if network.physical else ""
    sheet.parts.append(group(f"network {network.name}, {badge}{on}", parts, network.mark))
    for vlan in network.vlans:
        sheet.trunks.setdefault(vlan, []).append((box.right, box.title_y - 4))
    for project in network.shared_with:
        if project in sheet.projects:
            sheet.wires.append(shapes.wire(sheet.projects[project], (box.x, box.title_y - 4)))
    return box.bottom


def _host(host: DrawnHost, y: float, sheet: _Sheet) -> float:
    box = Box(*_HOSTS, y, _HOST_HIGH, host.mark)
    parts = [
        box.draw("host"),
        box.title(host.name),
        box.row(0, f"{host.address}  {listed(host.roles, _HOST_LETTERS - len(host.address))}", None),
        shapes.bond(box, host.links, host.bond_mode),
    ]
    mode = f", {host.bond_mode}" if host.bond_mode else ""
    sheet.parts.append(group(f"host {host.name}, bond of {' and '.join(host.links)}{mode}", parts, host.mark))
    for vlan in host.vlans:
        sheet.wires += [shapes.wire(start, (box.x, box.title_y - 4)) for start in sheet.trunks.get(vlan, ())]
    return box.bottom


def _images(cloud: CloudMap, sheet: _Sheet, y: float) -> float:
    if not cloud.images:
        return y
    sheet.parts.append(head("Images and their lineage", _DOMAINS[0], y + 14))
    y += 28
    for image in cloud.images:
        y = _image(image, y, sheet) + _GAP
    return y


def _image(image: DrawnImage, y: float, sheet: _Sheet) -> float:
    rows = max(1, -(-len(image.generations) // _A_ROW))
    box = Box(_DOMAINS[0], WIDTH - 20, y, HEAD + _GENERATION_HIGH * rows, image.mark)
    parts = [box.draw("image"), box.title(image.name)]
    for index, (id_, what) in enumerate(image.generations):
        left = box.x + 14 + (index % _A_ROW) * (_GENERATION + _ARROW)
        top = y + HEAD + _GENERATION_HIGH * (index // _A_ROW)
        if index % _A_ROW:
            parts.append(shapes.arrow(left - _ARROW + 3, top + 21))
        parts.append(shapes.generation(left, top, _GENERATION, (id_, what)))
    sheet.parts.append(group(f"image {image.name}, {len(image.generations)} generations", parts, image.mark))
    return box.bottom


def _high(rows: int) -> float:
    return HEAD + LINE * max(rows, 1) + 10
