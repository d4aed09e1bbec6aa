"""A mutant: one small seeded fault, and the tests that claim to cover the code it is in."""

from __future__ import annotations

import ast
import shlex
from dataclasses import dataclass
from pathlib import Path

from tests.python_source import tree

ROOT = Path(__file__).parents[2]


class TableError(Exception):
    """An entry of the table does not fit the code any more; the text says why."""


@dataclass(frozen=True)
class Mutant:
    """A fault that a careless colleague might make.

    Attributes:
        symbol: what it is in, as MODULE:NAME: a function, a class, a method, or something assigned.
        before: the text that it replaces; once in the symbol's source.
        after: the text in its place.
        tests: the tests that claim to cover it, as the words after `pytest`.
    """

    symbol: str
    before: str
    after: str
    tests: str

    @property
    def test_words(self) -> list[str]:
        """The tests, one word each."""
        return shlex.split(self.tests)

    @property
    def path(self) -> Path:
        """The symbol's file, from the project's folder."""
        folder = Path(*self.symbol.partition(":")[0].split("."))
        module = folder.with_suffix(".py")
        return module if (ROOT / module).is_file() else folder / "__init__.py"

    def mutated(self) -> str:
        """The text of that file with the fault in it.

        Raises:
            TableError: there is no such symbol, or BEFORE is not in it, or more than once.
        """
        text = (ROOT / self.path).read_text(encoding="utf-8")
        first, last = _lines_of(tree(text), self.symbol)
        lines = text.splitlines(keepends=True)
        source = "".join(lines[first - 1 : last])
        if source.count(self.before) != 1:
            raise TableError(
                f"{self.symbol} has {self.before!r} {source.count(self.before)} times; it has to be once"
            )
        faulty = source.replace(self.before, self.after)
        return "".join([*lines[: first - 1], faulty, *lines[last:]])


def _lines_of(module: ast.Module, symbol: str) -> tuple[int, int]:
    """The first and last line of SYMBOL, decorators included."""
    here: ast.AST = module
    for name in symbol.partition(":")[2].split("."):
        found = [node for node in ast.iter_child_nodes(here) if name in _names(node)]
        if len(found) != 1:
            raise TableError(f"{symbol} is there {len(found)} times; it has to be once")
        here = found[0]
    assert isinstance(here, ast.stmt)
    decorators = getattr(here, "decorator_list", [])
    return min(node.lineno for node in (here, *decorators)), here.end_lineno or here.lineno


def _names(node: ast.AST) -> set[str]:
    """What NODE defines or assigns."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return {part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)}
    return set()
