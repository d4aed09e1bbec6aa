"""A run of this program under watch: everything that its commands print, write or start is kept, and searched then."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from lab.settings import Lab
from tests.lab.leak_watch import LeakWatch
from tests.lab.secret_search import Find, Search, files
from tests.program_copy import ENGINE, ROOT, ProgramCopy

STACK = "canary"
TIMEOUT_S = 1500


@dataclass
class CanaryRun:
    """The run.

    Attributes:
        program: its project, with temporary and home folders of its own.
        watch: what keeps all that is seen.
        meant: the files that hold secrets by right.
        canaries: the secrets by their kind; some are made by the run.
        commands: what was run, in order.
        shown_on_demand: the state as Pulumi shows it to those who ask for its secrets; not kept with the rest.
        output_of_everything: what Pulumi writes with -v=9; not kept with the rest.
    """

    program: ProgramCopy
    lab: Lab
    watch: LeakWatch
    meant: frozenset[Path]
    canaries: dict[str, bytes] = field(repr=False)
    commands: list[str] = field(default_factory=list)
    shown_on_demand: str = field(default="", repr=False)
    output_of_everything: str = field(default="", repr=False)

    @property
    def folder(self) -> Path:
        """Everything of the run is below it."""
        return self.program.folder.parent

    @property
    def state(self) -> Path:
        """The backend's folder."""
        return self.folder / "state"

    @property
    def kolla(self) -> Path:
        """Kolla's folder, where there is one: inventory, kickstarts and variables come and go with hosts."""
        return self.folder / "kolla"

    def pulumi(
        self, *words: str, fails: bool = False, given: str = "", environment: Mapping[str, str] | None = None
    ) -> str:
        """Runs pulumi on the stack; what it prints, which is kept, as is the state it leaves."""
        command = ["pulumi", *words, "--stack", STACK, "--non-interactive", "--color=never"]
        return self.command(*command, fails=fails, given=given, environment=environment)

    def operation(self, name: str, *words: str) -> str:
        """Runs one of operations/ on the stack; what it prints, which is kept."""
        python = str(ROOT / ".cloud" / "venv" / "bin" / "python")
        return self.command(python, "-m", f"operations.{name}", "--stack", STACK, *words)

    def command(
        self, *words: str, fails: bool = False, given: str = "", environment: Mapping[str, str] | None = None
    ) -> str:
        """Runs any command in the project; what it prints, which is kept."""
        text = " ".join(words)
        done = subprocess.run(
            words,
            cwd=self.program.folder,
            env={**self.program.environment, **(environment or {})},
            input=given.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=TIMEOUT_S,
        )
        self.commands.append(text)
        self.watch.keep(f"output of {text}", done.stdout)
        for folder in (self.state, self.kolla):
            self.watch.keep_files(folder, but=self.meant)
        printed = done.stdout.decode(errors="replace")
        assert (done.returncode != 0) is fails, f"{text} ended with {done.returncode}:\n{printed[-8000:]}"
        return printed

    def kill_up(self, once: Callable[[], bool]) -> None:
        """Kills an `up` as soon as ONCE says so; its plugins, in groups of their own, stay."""
        log = self.folder / "killed-up.log"
        with log.open("wb") as file:
            up = subprocess.Popen(
                ["pulumi", "up", "--yes", "--skip-preview", "--stack", STACK, "--non-interactive"],
                cwd=self.program.folder,
                env=dict(self.program.environment),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
            deadline = time.monotonic() + 120
            while not once():
                assert up.poll() is None, log.read_text(encoding="utf-8")
                assert time.monotonic() < deadline
            os.killpg(up.pid, signal.SIGKILL)
            up.wait()

    @property
    def places(self) -> dict[str, Path]:
        """The folders where something of the run may have stayed."""
        return {
            "state": self.state,
            "project": self.program.folder,
            "temporary files": self.folder / "tmp",
            "home": self.folder / "home",
            "engine": ENGINE / "home",
            "logs of Kolla": ROOT / ".cloud" / "log",
            "facts of Ansible": ROOT / ".cloud" / "facts",
            "logs of the cloud": self.lab.log,
        }

    def finds(self) -> list[Find]:
        """Every canary that was seen during the run, or has stayed somewhere but in the files meant for it."""
        elsewhere = [place for place in self.places.values() if self.folder not in place.parents]
        stayed = [find for folder in (self.folder, *elsewhere) for find in self.stayed_in(folder)]
        return [*self.watch.finds(Search(self.canaries)), *stayed]

    def stayed_in(self, folder: Path) -> list[Find]:
        """What has stayed below a folder but in the files meant for it."""
        plugins = files(ENGINE / "home" / "plugins")  # programs, hundreds of megabytes of them
        return Search(self.canaries).in_files(folder, but={*self.meant, *plugins})


@contextmanager
def canary_run(
    lab: Lab, folder: Path, environment: Mapping[str, str], canaries: dict[str, bytes], meant: frozenset[Path]
) -> Iterator[CanaryRun]:
    """A run in FOLDER; what it declares is destroyed afterwards, whatever became of it."""
    own = {"TMPDIR": str(folder / "run" / "tmp"), "HOME": str(folder / "run" / "home")}
    with LeakWatch(folder / "run" / "tmp") as watch:
        program = ProgramCopy.make(folder / "run", {**environment, **own}, cold=True)
        for path in own.values():
            Path(path).mkdir()
        run = CanaryRun(program, lab, watch, meant, canaries)
        program.stack(STACK, "config: {}\n")
        try:
            yield run
        finally:
            program.repair(STACK)
            program.pulumi("state", "unprotect", "--all", "--yes", "--stack", STACK)
            program.succeed("destroy", "--yes", "--skip-preview", "--stack", STACK)
