"""Images whose names and stacks Glance takes for the same: each goes when its own resource goes, and never before."""

import pytest

from tests.lab.golden_image import STACK, at_the_lab, glance, inputs, make, provider, second

__all__ = ["at_the_lab", "second"]

OTHERS = [
    {"name": "TEST-golden"},
    {"name": "tést-golden"},
    {"owner_stack": STACK.upper()},
]


@pytest.mark.parametrize(
    "other",
    [pytest.param(other, marks=pytest.mark.nightly if other in OTHERS[1:] else ()) for other in OTHERS],
    ids=["case", "accent", "stack"],  # no name of a stack: it is another in each process of a test run
)
def test_an_image_beside_one_that_glance_takes_for_the_same_leaves_it_alone(second, other):
    """Made, changed, looked at and removed; before, `Debian` made beside `debian` removed that."""
    mine, theirs = inputs(second[0]), inputs(second[0], **other)
    one = make(mine)
    beside = make(theirs)
    try:
        assert one.outs["glance_id"] != beside.outs["glance_id"]
        for result in (one, beside):
            assert glance(result.outs["glance_id"])["status"] == "active"
            assert (provider.read(result.id, result.outs).outs or {})["damage"] == []
        changed = provider.update(beside.id, beside.outs, {**theirs, "min_ram_mb": 64}).outs or {}
        assert glance(one.outs["glance_id"])["min_ram"] == 0
        assert glance(changed["glance_id"])["min_ram"] == 64
        provider.delete(beside.id, changed)
        assert glance(beside.outs["glance_id"]) is None
        assert glance(one.outs["glance_id"])["status"] == "active"
    finally:
        provider.delete(beside.id, beside.outs)
        provider.delete(one.id, one.outs)
    assert glance(one.outs["glance_id"]) is None
