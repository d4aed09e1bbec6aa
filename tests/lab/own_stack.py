"""A stack of a test's own, up against the real lab beside whatever else is there."""

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import openstack
import yaml

from tests.lab.cloud_stack import lab_environment
from tests.program_copy import ProgramCopy

STACK = "own"
Config = dict[str, Any]


@dataclass(frozen=True)
class OwnStack:
    """A stack and the program it was made by."""

    program: ProgramCopy

    @cached_property
    def admin(self) -> openstack.connection.Connection:
        """The administrator's connection."""
        return openstack.connect(cloud="lab-admin")

    @property
    def outputs(self) -> dict[str, Any]:
        """The stack's outputs."""
        found: dict[str, Any] = json.loads(
            self.program.succeed("stack", "output", "--json", "--stack", STACK)
        )
        return found

    def declare(self, config: Config) -> None:
        """Writes CONFIG, the stack file's keys without their namespace."""
        keys = {f"private-cloud:{key}": value for key, value in config.items()}
        text = yaml.safe_dump({"config": deepcopy(keys)}, sort_keys=False)  # a copy: no aliases in the file
        self.program.file(STACK).write_text(text, encoding="utf-8")

    def up(self, *arguments: str) -> str:
        """Makes what is declared so."""
        return self.program.succeed("up", "--yes", "--skip-preview", "--stack", STACK, *arguments)

    def preview_is_empty(self, *arguments: str) -> None:
        """Fails if an up would change anything."""
        self.program.succeed("preview", "--expect-no-changes", "--diff", "--stack", STACK, *arguments)

    def planned(self, *arguments: str) -> dict[tuple[str, str], set[str]]:
        """What an up would do to each resource, by its type's last word and its name: create, update, …

        Components are left out: they are what the program is made of, and nothing in the cloud.
        """
        printed = self.program.succeed("preview", "--json", "--stack", STACK, *arguments)
        found: dict[tuple[str, str], set[str]] = {}
        for step in json.loads(printed)["steps"]:
            kinds, _, name = step["urn"].rpartition("::")
            kind = re.split(r"[$]|::", kinds)[-1]
            if step["op"] != "same" and not kind.startswith("private-cloud:"):
                found.setdefault((kind.rpartition(":")[2], name), set()).add(step["op"])
        return found


@contextmanager
def own_stack(folder: Path, config: Config) -> Iterator[OwnStack]:
    """A stack that CONFIG declares, up; destroyed afterwards."""
    environment = lab_environment()
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    stack = OwnStack(ProgramCopy.make(folder, environment))
    stack.program.stack(STACK, "config: {}\n")
    stack.declare(config)
    try:
        stack.up()
        yield stack
    finally:
        stack.program.succeed("state", "unprotect", "--all", "--yes", "--stack", STACK)
        stack.program.succeed("destroy", "--yes", "--skip-preview", "--stack", STACK)
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
