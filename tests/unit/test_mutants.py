"""tests/mutants: every seeded fault still fits the code, and somebody claims to notice it."""

import ast
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from tests.mutants.mutant import ROOT, Mutant, TableError
from tests.mutants.table import MUTANTS
from tests.python_source import tree

FEWEST = 40


def test_there_are_enough_and_each_is_another() -> None:
    assert len(MUTANTS) >= FEWEST
    assert [mutant for mutant, count in Counter(MUTANTS).items() if count > 1] == []


@cache
def code(path: Path) -> str:
    """What Python makes of a file of the checkout."""
    return ast.dump(tree((ROOT / path).read_text(encoding="utf-8")))


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.symbol)
def test_a_mutant_changes_what_its_symbol_does(mutant: Mutant) -> None:
    assert ast.dump(tree(mutant.mutated())) != code(mutant.path)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.symbol)
def test_the_tests_that_claim_to_notice_it_are_there(mutant: Mutant) -> None:
    assert mutant.test_words
    for word in mutant.test_words:
        path, _, name = word.partition("::")
        text = (ROOT / path).read_text(encoding="utf-8")
        assert not name or f"def {name}(" in text
        assert Path(path).parts[:2] in {("tests", "unit"), ("tests", "engine")}, "the lab is not up there"


@pytest.mark.parametrize(
    "symbol", ["clients.exact:gone", "clients.exact:Row.gone", "tests.mutants.mutant:Mutant.gone"]
)
def test_a_symbol_that_is_not_there_is_a_mistake(symbol: str) -> None:
    with pytest.raises(TableError, match="0 times"):
        Mutant(symbol, "", "", "").mutated()


def test_a_text_that_is_not_there_once_is_a_mistake() -> None:
    with pytest.raises(TableError, match="0 times"):
        Mutant("clients.exact:only", "no such text", "", "").mutated()
    with pytest.raises(TableError, match="3 times"):
        Mutant("clients.exact:only", "field", "", "").mutated()
