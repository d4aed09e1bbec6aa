"""Rounds of a soak: seeded, each a line in a file below .cloud, so that a run goes on where the last one stopped."""

from __future__ import annotations

import argparse
import json
import os
from typing import TYPE_CHECKING

import openstack

from tests.lab.cloud_stack import lab_environment
from tests.program_copy import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from openstack.connection import Connection

FOLDER = ROOT / ".cloud" / "soak"


class NotConvergedError(Exception):
    """What is not as documented."""


def run_all(
    name: str, about: str | None, counted: str, one: Callable[[int, int, Connection], dict[str, object]]
) -> int:
    """Run `make NAME`: rounds of ONE, by seed and number, until so many are COUNTED; 0 when all of this run converged."""
    parser = argparse.ArgumentParser(prog=f"make {name}", description=about)
    parser.add_argument("--seed", type=int, default=1, help="the rounds' seed")
    parser.add_argument("--count", type=int, default=20, help=f"how many {counted} of this seed in all")
    arguments = parser.parse_args()
    results = FOLDER / name / f"seed-{arguments.seed}.jsonl"
    results.parent.mkdir(parents=True, exist_ok=True)
    lines = results.read_text(encoding="utf-8").splitlines() if results.exists() else []
    done = [json.loads(line) for line in lines]
    os.environ.update(lab_environment())
    admin = openstack.connect(cloud="lab-admin")
    failed, count, number = 0, sum(result[counted] for result in done), len(done)
    while count < arguments.count:
        result = one(arguments.seed, number, admin)
        line = json.dumps(result, ensure_ascii=False)
        with results.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")
        say(line)
        count += int(bool(result[counted]))
        failed += result["why"] != ""
        number += 1
    say(
        f"{count} {counted} of seed {arguments.seed}; {failed} rounds of this run did not converge; see {results}"
    )
    return 1 if failed else 0


def say(text: str) -> None:
    """Tell a person."""
    print(text, flush=True)  # noqa: T201 - its output is its interface
