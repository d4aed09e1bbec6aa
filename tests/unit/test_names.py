"""clients/names.py: names that a service treats as one fold to the same text."""

import pytest

from clients.names import folded


@pytest.mark.parametrize("other", ["DEBIAN", "Debian", "débian", "debian ", "ｄebian"])  # noqa: RUF001
def test_names_that_differ_in_case_accent_width_or_trailing_blanks_fold_to_the_same(other: str) -> None:
    assert folded(other) == folded("debian")


@pytest.mark.parametrize("other", ["debian-12", "debia", " debian", "ubuntu"])
def test_other_names_stay_apart(other: str) -> None:
    assert folded(other) != folded("debian")
