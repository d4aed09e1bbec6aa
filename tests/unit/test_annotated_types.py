"""config/fields.py: the first and the last value of each kind of number."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from config.errors.issues import INVALID
from config.fields import LARGEST_NUMBER, Mtu, Port, Size, VlanId


@pytest.mark.parametrize(
    ("kind", "first", "last"),
    [(VlanId, 1, 4094), (Mtu, 68, 65535), (Port, 1, 65535), (Size, 0, LARGEST_NUMBER)],
    ids=["VLAN ID", "MTU", "port", "size"],
)
def test_a_number_is_one_from_the_first_to_the_last(kind: Any, first: int, last: int) -> None:
    numbers: TypeAdapter[int] = TypeAdapter(kind)
    assert [numbers.validate_python(number) for number in (first, last)] == [first, last]
    for wrong in (first - 1, last + 1):
        with pytest.raises(ValidationError) as caught:
            numbers.validate_python(wrong)
        assert caught.value.errors()[0]["type"] == INVALID
