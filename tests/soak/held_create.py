"""A `pulumi up` that is stopped between the cloud's answer to a create and the state's save of it."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.program_copy import ProgramCopy
    from tests.soak.process_tree import RunningPulumi

_WAIT_S = 120
_ASKED_S = 0.01  # from the state's save to the request's being with the plugin
_ANSWERED_S = 4


def state_file(program: ProgramCopy, stack: str) -> Path:
    """Where the file backend of PROGRAM keeps STACK."""
    return program.folder.parent / "state" / ".pulumi" / "stacks" / "private-cloud" / f"{stack}.json"


def creates_in(file: Path) -> set[str]:
    """The types whose create is under way, as the state's FILE has it."""
    try:
        checkpoint: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return set()
    latest = checkpoint["checkpoint"].get("latest") or {}
    return {
        operation["resource"]["type"]
        for operation in latest.get("pending_operations") or []
        if operation["type"] == "creating"
    }


def stop_after_create(up: RunningPulumi, file: Path, type_: str, there: Callable[[], bool]) -> None:
    """Freezes UP when the cloud has made what is of TYPE_, by THERE, and the state's FILE has only its begin.

    Raises:
        AssertionError: the moment has passed; try again with a new stack.
    """
    deadline = time.monotonic() + _WAIT_S
    while type_ not in creates_in(file):
        assert up.is_running, "up ended before it was made"
        assert time.monotonic() < deadline, f"no create of {type_}"
        time.sleep(0.002)
    while type_ in creates_in(file):
        time.sleep(_ASKED_S)
        up.freeze()
        answered = time.monotonic() + _ANSWERED_S
        while time.monotonic() < answered:
            if there():
                assert type_ in creates_in(file), "the state was saved already"
                return
            time.sleep(0.05)
        up.thaw()  # the plugin was not asked yet
    raise AssertionError(f"{type_} was made and saved before it could be stopped")
