"""The tables of docs/settings.md: every field of the stack file, and what changing it does, from the code.

`make docs` writes them. A table stands between two lines, the first of which names its Spec:

    <!-- fields: SubnetSpec -->
    <!-- end -->
"""

import re
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from clients.errors import CloudError
from config.settings import Settings
from config.spec import Spec

PAGE = Path(__file__).parents[1] / "docs" / "settings.md"
HEAD = "| key | what it gives | left out | changing it |\n|---|---|---|---|\n"
AS_ITS_OWN_TABLE_SAYS = "as its own table says"
_LAST = ("protected", "adopt")

TABLE = re.compile(
    r"(?<=<!-- fields: )(?P<spec>\w+)(?P<mark> -->\n)(?P<table>.*?)(?=<!-- end -->)", re.DOTALL
)


def specs() -> dict[str, type[Spec]]:
    """Every Spec that a stack file can hold, by name, Settings first."""
    found: dict[str, type[Spec]] = {}
    waiting: list[type[Spec]] = [Settings]
    while waiting:
        spec = waiting.pop(0)
        assert found.setdefault(spec.__name__, spec) is spec, f"two Specs are called {spec.__name__}"
        for field in spec.model_fields.values():
            waiting += [inner for inner in _specs_in(field.annotation) if inner not in found.values()]
    return found


def with_tables(page: str) -> str:
    """PAGE with every table written anew.

    Raises:
        CloudError: if a table names no Spec that a stack file can hold.
    """
    known = specs()

    def table(match: re.Match[str]) -> str:
        name = match["spec"]
        if name not in known:
            raise CloudError(
                f"docs/settings.md has a table for {name!r}, which no stack file holds; "
                f"known are {', '.join(known)}"
            )
        return f"{name}{match['mark']}{HEAD}{''.join(_rows(known[name]))}"

    return TABLE.sub(table, page)


def _specs_in(annotation: Any) -> Iterator[type[Spec]]:
    if isinstance(annotation, type) and issubclass(annotation, Spec):
        yield annotation
    elif get_origin(annotation) in {tuple, list, dict, Union, UnionType, Annotated}:
        for part in get_args(annotation):
            yield from _specs_in(part)


def _rows(spec: type[Spec]) -> Iterator[str]:
    for name, field in sorted(
        spec.model_fields.items(), key=lambda item: item[0] in _LAST and _LAST.index(item[0]) + 1
    ):
        key = field.alias or name
        cells = (f"`{key}`", field.description or "", _left_out(field), _changing(spec, name, field))
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def _left_out(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    default = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(default, bool):
        return str(default).lower()
    return "-" if default is None or default in ("", (), {}) else f"`{default}`"


def _changing(spec: type[Spec], name: str, field: FieldInfo) -> str:
    if name not in spec.effects and any(_specs_in(field.annotation)):
        return AS_ITS_OWN_TABLE_SAYS
    return spec.effect_of(name).value


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
