"""The Pulumi engine, as a person would call it, for one stack of the folder that this process is in."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import Any

from operations.adopt.entry import AdoptError, grant_id

_INHERITED_GRANT = "openstack:identity/inheritRoleAssignment:InheritRoleAssignment"


@dataclass(frozen=True)
class Stack:
    """A stack, whose backend and passphrase the environment gives, as Pulumi has it."""

    name: str

    def managed_ids(self) -> frozenset[str]:
        """The ids of what the stack's state holds.

        Raises:
            AdoptError: there is no such stack, or its state cannot be read.
        """
        done = self._pulumi("stack", "export")
        if done.returncode != 0:
            raise AdoptError(f"the state of stack {self.name!r} cannot be read: {done.stderr.strip()}")
        resources = (json.loads(done.stdout).get("deployment") or {}).get("resources") or []
        return frozenset(
            grant_id(resource["id"], inherited=resource["type"] == _INHERITED_GRANT)
            for resource in resources
            if resource.get("id")
        )

    def preview(self) -> dict[str, Any]:
        """What `pulumi preview --json` says.

        Raises:
            AdoptError: it fails; with the errors that it gives.
        """
        done = self._pulumi("preview", "--json")
        try:
            said: dict[str, Any] = json.loads(done.stdout)
        except ValueError:
            said = {}
        if done.returncode != 0:
            told = [
                entry["message"].strip()
                for entry in said.get("diagnostics") or []
                if entry.get("severity") == "error"
            ]
            raise AdoptError(
                "pulumi preview fails; the stack file stays as written. It says:\n"
                + "\n".join(told or [(done.stderr or done.stdout).strip()])
            )
        return said

    def up(self, *, confirmed: bool) -> bool:
        """`pulumi up` at this terminal, which shows its preview and asks unless CONFIRMED; whether it succeeded."""
        how = ["--yes", "--skip-preview"] if confirmed else []
        return subprocess.run(["pulumi", "up", "--stack", self.name, *how], check=False).returncode == 0

    def _pulumi(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["pulumi", *arguments, "--stack", self.name, "--non-interactive", "--color=never"],
            capture_output=True,
            text=True,
            check=False,
        )
