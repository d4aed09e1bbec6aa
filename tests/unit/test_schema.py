"""What stacks of version 1 rely on stays as it is, or changes on purpose."""

from typing import Any

import yaml

from tests import schema

HOW = (
    "what stacks rely on has changed. If that is meant: say under [Unreleased] of CHANGELOG.md what it is and how a stack "
    "comes from the old to the new (an alias, `renamed_from`, a step by hand), then run `make schema`"
)


def test_keys_outputs_and_names_in_state_are_those_that_are_pinned() -> None:
    pinned: dict[str, Any] = yaml.safe_load(schema.FILE.read_text(encoding="utf-8"))
    found = schema.schema()
    assert found == pinned, HOW
    assert len(found["keys of the stack file"]) > 40
    assert len(found["dynamic resources in state"]) > 10
