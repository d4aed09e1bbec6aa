"""clients/names.py: names that a service treats as one fold to the same text."""

import pytest

from clients.names import folded


@pytest.mark.parametrize("other", ["DEBIAN", "Debian", "débian", "debian ", "ｄebian"])  # noqa: RUF001
def test_names_that_differ_in_case_accent_width_or_trailing_blanks_fold_to_the_same(other: str) -> None:
    assert folded(other) == folded("debian")


@pytest.mark.parametrize("other", ["debian-12", "debia", " debian", "ubuntu"])
def test_other_names_stay_apart(other: str) -> None:
    assert folded(other) != folded("debian")


@pytest.mark.parametrize(
    ("one", "other"),
    [("straße", "strase"), ("ırmak", "irmak"), ("łódź", "lodz"), ("٣", "3")],  # noqa: RUF001
)
def test_letters_and_digits_that_a_collation_takes_for_plain_ones_fold_to_those(one: str, other: str) -> None:
    assert folded(one) == folded(other)
