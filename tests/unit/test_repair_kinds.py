"""Every resource type that a stack can make is in the table that says how it comes back after a kill."""

from operations.repair.kinds import AFTER_A_KILL
from tests.schema import dynamic_types, native_types


def test_every_type_that_a_stack_can_make_has_a_way_back_after_a_kill() -> None:
    assert native_types()
    assert set(AFTER_A_KILL) == native_types() | set(dynamic_types())
