"""A stack that a killed run left locked, or with operations that did not end."""

import json
import tempfile
from pathlib import Path

from operations.engine import Stack
from operations.repair.lock import Lock, locks_in
from operations.repair.pending import stack_urn
from operations.repair.planned import Import, import_file

_NOTHING = "urn:pulumi:nothing::nothing::nothing::nothing"


class RepairError(Exception):
    """Why the stack is not repaired, as a sentence that says what to do."""


class LockedStack(Stack):
    """What repairing asks of the engine."""

    def locks(self) -> list[Lock]:
        """Who holds the lock, asked of Pulumi itself, so that every kind of backend is understood.

        A refresh of the stack's own resource, which is nothing in any cloud, takes the lock and changes nothing;
        where the stack is locked, Pulumi refuses it and says by whom.

        Raises:
            EngineError: its state cannot be read.
            RepairError: Pulumi fails for another reason.
        """
        urn = stack_urn(self.state())
        done = self.run(
            "refresh", "--yes", "--skip-preview", "--skip-pending-creates", "--target", urn or _NOTHING
        )
        found = locks_in(done.stderr + done.stdout)
        if done.returncode and not found and urn:
            raise RepairError(f"pulumi fails: {(done.stderr or done.stdout).strip()}")
        return found

    def cancel(self) -> None:
        """Removes the lock.

        Raises:
            RepairError: it cannot be removed.
        """
        done = self.run("cancel", "--yes")
        if done.returncode:
            raise RepairError(f"`pulumi cancel` fails: {(done.stderr or done.stdout).strip()}")

    def take_over(self, imports: list[Import]) -> None:
        """Has the state know IMPORTS, unprotected, as if it had seen their creates end; the cloud is only read.

        Raises:
            RepairError: Pulumi cannot import them.
        """
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "import.json"
            file.write_text(json.dumps(import_file(imports)), encoding="utf-8")
            how = ("--protect=false", "--generate-code=false", "--yes", "--skip-preview")
            done = self.run("import", "--file", str(file), *how)
        if done.returncode:
            raise RepairError(f"`pulumi import` fails: {(done.stdout + done.stderr).strip()}")

    def settle(self, *, forget_creates: bool) -> None:
        """Has the state learn what the cloud has of everything in it and, with FORGET_CREATES, forget the creates under way.

        Everything, because an operation whose plugin alone was killed is not under way: the engine takes it for failed,
        and keeps what the cloud may have removed or changed all the same.

        Raises:
            RepairError: something cannot be read.
        """
        creates = "--clear-pending-creates" if forget_creates else "--skip-pending-creates"
        done = self.run("refresh", "--yes", "--skip-preview", creates)
        if done.returncode:
            raise RepairError(f"`pulumi refresh` fails: {(done.stdout + done.stderr).strip()}")
