"""Kills parts of a `pulumi` at random moments; `make repair` and `make up`, as documented, must converge every time.

Each round has a stack of its own. What came of it is a line in a file below .cloud; a run goes on where the last one
stopped, and the same seed gives the same rounds.
"""

from __future__ import annotations

import random
import shutil
import sys
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from tests.lab.cloud_stack import lab_environment
from tests.program_copy import ProgramCopy
from tests.soak import small_stack
from tests.soak.process_tree import VICTIMS, RunningPulumi, ended
from tests.soak.rounds import FOLDER, NotConvergedError, run_all

if TYPE_CHECKING:
    from openstack.connection import Connection

STACK = "soak"
PHASES = {"up": 3.4, "change": 3.1, "destroy": 2.5}
"""What is killed, and the seconds that it takes on two quiet cores."""
_FIRST_VLAN, _VLANS = 900, 50
_ENDS_S = 120
_UP = ("up", "--yes", "--skip-preview", "--stack", STACK)
_DESTROY = ("destroy", "--yes", "--skip-preview", "--stack", STACK)


@dataclass(frozen=True)
class Round:
    """What is killed, and when."""

    number: int
    phase: str
    victim: str
    after_s: float

    @classmethod
    def of(cls, seed: int, number: int) -> Round:
        """The round of this NUMBER, the same for the same SEED."""
        chance = random.Random(f"{seed}/{number}")  # noqa: S311 - no secret
        phase = chance.choice(list(PHASES))
        return cls(number, phase, chance.choice(VICTIMS), round(chance.uniform(0.6, PHASES[phase]), 2))


def main() -> int:
    """Run the command; 0 when every round of this run converged."""
    return run_all(
        "soak-kills", __doc__, "killed", lambda seed, number, admin: run(Round.of(seed, number), seed, admin)
    )


def run(plan: Round, seed: int | str, admin: Connection) -> dict[str, object]:
    """One round; what came of it."""
    suffix = f"k{seed}-{plan.number}"
    began = time.monotonic()
    folder = FOLDER / suffix
    shutil.rmtree(folder, ignore_errors=True)
    small_stack.sweep(admin, suffix)  # of this round, where a run was stopped in its midst
    program = ProgramCopy.make(folder, lab_environment(), cold=True)
    killed, why = False, ""
    try:
        killed = kill(plan, suffix, program)
        converge(plan, suffix, program, admin)
    except (NotConvergedError, AssertionError) as error:
        why = str(error)
        small_stack.sweep(admin, suffix)
    else:
        shutil.rmtree(folder)
    return {**asdict(plan), "killed": killed, "why": why, "seconds": round(time.monotonic() - began)}


def kill(plan: Round, suffix: str, program: ProgramCopy) -> bool:
    """Runs what PLAN says and kills its victim; False where it had ended, or did not run yet."""
    vlan = _FIRST_VLAN + plan.number % _VLANS
    program.stack(STACK, small_stack.text(suffix, vlan))
    if plan.phase != "up":
        program.succeed(*_UP)
    if plan.phase == "change":
        program.file(STACK).write_text(small_stack.text(suffix, vlan, changed=True), encoding="utf-8")
    running = RunningPulumi.start(
        program, program.folder.parent / "killed.log", *(_DESTROY if plan.phase == "destroy" else _UP)
    )
    deadline = time.monotonic() + plan.after_s
    while running.is_running and time.monotonic() < deadline:
        time.sleep(0.01)
    killed = running.kill(plan.victim)
    running.wait(_ENDS_S)
    return killed


def converge(plan: Round, suffix: str, program: ProgramCopy, admin: Connection) -> None:
    """Does what docs/state.md says.

    Raises:
        NotConvergedError: it is not enough.
    """
    changed = plan.phase == "change"
    text = small_stack.text(suffix, _FIRST_VLAN + plan.number % _VLANS, changed=changed)
    repaired = program.repair(STACK)
    if repaired.returncode:
        raise NotConvergedError(f"repair: {repaired.stdout[-1500:]}")
    _must(program, *_UP)
    if "adopt:" in program.file(STACK).read_text(encoding="utf-8"):
        program.file(STACK).write_text(text, encoding="utf-8")
        _must(program, *_UP)
    _must(program, "preview", "--refresh", "--expect-no-changes", "--stack", STACK)
    _must_hold(small_stack.held(admin, suffix), small_stack.declared(changed=changed))
    _must(program, *_DESTROY)
    _must_hold(small_stack.held(admin, suffix), dict.fromkeys(small_stack.declared(changed=changed), 0))
    if not ended(program.folder):
        raise NotConvergedError("something of it still runs")


def _must(program: ProgramCopy, *arguments: str) -> None:
    done = program.pulumi(*arguments)
    if done.returncode:
        raise NotConvergedError(f"pulumi {' '.join(arguments)}: {done.stdout[-1500:]}")


def _must_hold(held: dict[str, int], wanted: dict[str, int]) -> None:
    if held != wanted:
        raise NotConvergedError(f"the cloud has {held}, declared are {wanted}")


if __name__ == "__main__":
    sys.exit(main())
