"""Who may do what, drawn as boxes in three columns: a box a project or domain, service accounts, Ceph's users."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from operations.report.long_lists import cut, listed
from operations.report.mark import worse
from operations.report.shapes import HEAD, LINE, Box, class_of, group, head, row_room, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from operations.report.mark import Mark
    from operations.report.rights_map import DrawnAccount, DrawnCephUser, DrawnGrant, DrawnPlace, RightsMap

MOST_ROWS = 12
"""Lines in a box; with more, those that change come first, and the last line says how many are left out."""

MOST_BOXES = 60
_COLUMNS, _GAP, _LEFT = 3, 20, 10
_BELOW = "↳ "


@dataclass(frozen=True)
class _Line:
    """A line as it is drawn."""

    words: str
    mark: Mark | None = None
    kind: str = ""


@dataclass(frozen=True)
class _Row:
    """Somebody or something, what there is to say of it, and what happens to it."""

    name: str
    said: tuple[str, ...]
    mark: Mark | None
    behind: str = ""

    def lines(self, wide: float) -> tuple[_Line, ...]:
        """One line where all of it fits into a box of that width, else two."""
        room = row_room(wide, self.mark)
        whole = f"{self.name}: {', '.join(self.said)}{self.behind}" if self.said else self.name
        if len(whole) <= room or not self.said:
            return (_Line(whole, self.mark),)
        below = listed(self.said, row_room(wide, None) - len(_BELOW) - len(self.behind))
        return (
            _Line(f"{self.name}:", self.mark),
            _Line(f"{_BELOW}{below}{self.behind}", kind=class_of(self.mark)),
        )


@dataclass(frozen=True)
class _Content:
    """What stands in a box; WHOLE is what happens to all of it."""

    label: str
    title: str
    badge: str
    kind: str
    rows: tuple[_Row, ...]
    whole: Mark | None = None

    @property
    def mark(self) -> Mark | None:
        """The worst that happens in it."""
        return worse(self.whole, *(row.mark for row in self.rows))


def draw_rights(rights: RightsMap, y: float, width: float) -> tuple[list[str], float]:
    """The SVG of RIGHTS below Y in WIDTH, and where it ends."""
    parts: list[str] = []
    for title, contents in (
        ("Who has which role where", [_accounts(rights.accounts), *map(_place, rights.places)]),
        ("Ceph's users and the pools they may use", [_ceph_user(user) for user in rights.ceph_users]),
    ):
        there = [content for content in contents if content.rows]
        if there:
            parts.append(head(title, _LEFT, y + 14))
            y = _grid(there, y + 30, width, parts)
    return parts, y


def _accounts(accounts: Sequence[DrawnAccount]) -> _Content:
    rows = (_Row(account.name, _credentials(account.credentials), account.mark) for account in accounts)
    return _Content("service accounts", "Service accounts", "", "account", tuple(rows))


def _credentials(number: int) -> tuple[str, ...]:
    return (f"{number} application credential{'' if number == 1 else 's'}",) if number else ()


def _place(place: DrawnPlace) -> _Content:
    badge = "" if "@" in place.name else "domain" if ":" not in place.name else "all of the cloud"
    return _Content(f"roles on {place.name}", place.name, badge, "place", tuple(map(_grant, place.grants)))


def _grant(grant: DrawnGrant) -> _Row:
    below = " (in projects below)" if grant.inherited else ""
    return _Row(f"{grant.kind} {grant.who}", grant.roles, grant.mark, below)


def _ceph_user(user: DrawnCephUser) -> _Content:
    rows = tuple(_Row(pool or "any pool", (may,), None) for pool, may in user.pools)
    return _Content(
        f"Ceph's user {user.name}",
        user.name,
        "",
        "ceph-user",
        rows or (_Row("no pool", (), None),),
        user.mark,
    )


def _grid(contents: Sequence[_Content], y: float, width: float, parts: list[str]) -> float:
    """The boxes of CONTENTS, each in the column that ends highest."""
    kept, left_out = cut(contents, MOST_BOXES)
    wide = (width - 2 * _LEFT - (_COLUMNS - 1) * _GAP) / _COLUMNS
    ends = [y] * _COLUMNS
    for content in kept:
        column = ends.index(min(ends))
        rows, more = cut(content.rows, MOST_ROWS)
        lines = [line for row in rows for line in row.lines(wide)] + (
            [_Line(more, kind="note")] if more else []
        )
        high = HEAD + LINE * len(lines) + 10
        box = Box(_LEFT + column * (wide + _GAP), wide, ends[column], high, content.whole)
        drawn = [box.draw(content.kind), box.title(content.title, content.badge)]
        drawn += [box.row(number, line.words, line.mark, line.kind) for number, line in enumerate(lines)]
        parts.append(group(content.label, drawn, content.whole))
        ends[column] = box.bottom + _GAP
    bottom = max(ends)
    if left_out:
        parts.append(text(left_out, _LEFT, bottom, 200, "note"))
        bottom += _GAP
    return bottom
