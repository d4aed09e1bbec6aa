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
_STEP_S = 0.02
_ANSWERED_S = 0.3  # what takes a service longer is seen in a later step
_SAVED_S = 0.1  # from an answer to the state's save


class TooLateError(Exception):
    """The state had the object before its `up` could be stopped; that goes on."""


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


def stop_after_create(
    up: RunningPulumi, file: Path, type_: str, there: Callable[[], bool], part: str = "engine"
) -> None:
    """Freezes PART of UP when the cloud has made what is of TYPE_, by THERE, and the state's FILE has only its begin.

    The part runs in steps that are shorter than an answer's way to the state's file.

    Raises:
        TooLateError: the moment has passed: take it out of the stack and try again.
    """
    deadline = time.monotonic() + _WAIT_S
    while type_ not in creates_in(file):
        assert up.is_running, "up ended before it was made"
        assert time.monotonic() < deadline, f"no create of {type_}"
        time.sleep(0.002)
    while type_ in creates_in(file):
        time.sleep(_STEP_S)
        up.freeze(part)
        answered = time.monotonic() + _ANSWERED_S
        while True:
            if there():
                time.sleep(_SAVED_S)
                if type_ in creates_in(file):
                    return
                break
            if time.monotonic() > answered:
                break
            time.sleep(0.02)
        up.thaw(part)
    raise TooLateError(type_)
