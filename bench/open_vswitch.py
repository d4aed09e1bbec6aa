"""An Open vSwitch of one's own, in a namespace."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Self

from bench.namespace import WITHIN, run, wait_for

if TYPE_CHECKING:
    from types import TracebackType

    from bench.namespace import Namespace

SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"


class OpenVswitch:
    """Open vSwitch with a database and files of its own, in a namespace; stopped after the ``with``."""

    def __init__(self, namespace: Namespace) -> None:
        self._namespace = namespace
        self.folder = Path(tempfile.mkdtemp(prefix="ovs-"))
        self.environment = os.environ | {"OVS_RUNDIR": str(self.folder)}
        self._daemons: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        run("ovsdb-tool", "create", str(self.folder / "conf.db"), SCHEMA)
        listen = f"--remote=punix:{self.folder}/db.sock"
        self._start("ovsdb-server", str(self.folder / "conf.db"), listen)
        wait_for((self.folder / "db.sock").exists, "ovsdb-server listens")
        self.vsctl("--no-wait", "init")
        self._start("ovs-vswitchd", f"unix:{self.folder}/db.sock")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for daemon in reversed(self._daemons):
            daemon.terminate()
            daemon.wait(WITHIN)
        shutil.rmtree(self.folder)

    def vsctl(self, *arguments: str) -> str:
        """Change or read the database."""
        return run("ovs-vsctl", f"--timeout={WITHIN:.0f}", *arguments, environment=self.environment)

    def appctl(self, *arguments: str) -> str:
        """Ask ovs-vswitchd."""
        return run("ovs-appctl", "-t", f"{self.folder}/ovs-vswitchd.ctl", "-T", "5", *arguments)

    def _start(self, program: str, *arguments: str) -> None:
        with (self.folder / f"{program}.log").open("wb") as log:
            # Gone with us, also if we are killed.
            command = ["setpriv", "--pdeathsig", "TERM", *self._namespace.inside(program, *arguments)]
            self._daemons.append(
                subprocess.Popen(
                    [*command, f"--unixctl={self.folder}/{program}.ctl", "--no-chdir"],
                    stdout=log,
                    stderr=log,
                    env=self.environment,
                )
            )
