"""The lanes of `make test`: every test file is in one, and what they say last adds up."""

from pathlib import Path

from tests import lanes


def test_every_test_file_of_the_lab_runs_in_one_place():
    placed = [path for paths in lanes.lanes().values() for path in paths if path.parent == lanes.LAB]
    assert sorted([*placed, *lanes.ALONE]) == sorted(Path("tests/lab").glob("test_*.py"))


def test_the_total_counts_errors_as_failures():
    closings = [
        "==== 2 failed, 8 passed, 1 skipped in 3.10s ====",
        "=== 5 passed, 1 error in 70.00s (0:01:10) ===",
        "",
    ]
    assert lanes.total(closings) == "13 passed, 3 failed, 1 skipped"
