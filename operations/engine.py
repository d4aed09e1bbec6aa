"""The Pulumi engine, as a person would call it, for one stack of the folder that this process is in."""

import json
import os
import subprocess
from dataclasses import dataclass
from typing import Any

from clients.errors import CloudError


@dataclass(frozen=True)
class Stack:
    """A stack, whose backend and passphrase the environment gives, as Pulumi has it."""

    name: str

    def state(self) -> dict[str, Any]:
        """What `pulumi stack export` says; reading takes no lock.

        Raises:
            CloudError: there is no such stack, or its state cannot be read.
        """
        done = self.run("stack", "export")
        if done.returncode:
            raise CloudError(f"the state of stack {self.name!r} cannot be read: {done.stderr.strip()}")
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def preview(self, *arguments: str) -> tuple[dict[str, Any], list[str]]:
        """What `pulumi preview --json` says, with ARGUMENTS besides, and why it fails; no reason where it does not."""
        return self._planned("preview", *arguments)

    def refreshed(self, *arguments: str) -> tuple[dict[str, Any], list[str]]:
        """What a refresh would find, as the JSON of a preview, and why it fails; nothing is saved."""
        return self._planned("refresh", "--preview-only", *arguments)

    def _planned(self, *arguments: str) -> tuple[dict[str, Any], list[str]]:
        done = self.run(*arguments, "--json")
        try:
            answer: dict[str, Any] = json.loads(done.stdout)
        except ValueError:
            answer = {}
        if not done.returncode:
            return answer, []
        errors = [
            entry["message"].strip()
            for entry in answer.get("diagnostics") or []
            if entry.get("severity") == "error"
        ]
        return answer, errors or [(done.stderr or done.stdout).strip()]

    def up(self, *, confirmed: bool) -> bool:
        """`pulumi up` at this terminal, which shows its preview and asks unless CONFIRMED; whether it succeeded."""
        how = ["--yes", "--skip-preview"] if confirmed else []
        return subprocess.run(["pulumi", "up", "--stack", self.name, *how], check=False).returncode == 0

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs pulumi with ARGUMENTS for this stack; asks nobody."""
        return subprocess.run(
            ["pulumi", *arguments, "--stack", self.name, "--non-interactive", "--color=never"],
            # Without the first pulumi does not know --event-log.
            env={**os.environ, "PULUMI_DEBUG_COMMANDS": "true", "PULUMI_SKIP_UPDATE_CHECK": "true"},
            capture_output=True,
            text=True,
            check=False,
        )
