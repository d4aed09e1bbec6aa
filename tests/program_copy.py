"""The real program in a folder of its own, run by the real Pulumi engine with its own state."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.warm import start

ROOT = Path(__file__).parents[1]
ENGINE = ROOT / ".cloud" / "engine"


@dataclass(frozen=True)
class ProgramCopy:
    """A project folder: everything but the stack files is a link to the checkout, which stays untouched."""

    folder: Path
    environment: Mapping[str, str]

    @classmethod
    def make(cls, folder: Path, environment: Mapping[str, str], *, cold: bool = False) -> "ProgramCopy":
        """Makes FOLDER; ENVIRONMENT is added to this process's, without its OS_ and PULUMI_ variables.

        With COLD each command starts all its processes as a person's does (tests/warm/start.py says what differs).
        """
        project, state = folder / "project", folder / "state"
        project.mkdir(parents=True)
        state.mkdir()
        for name in (
            ".cloud",
            "Pulumi.yaml",
            "__main__.py",
            "clients",
            "components",
            "config",
            "dynamic_providers",
            "operations",
            "policy",
            "program",
        ):
            (project / name).symlink_to(ROOT / name)
        inherited = {
            key: value for key, value in os.environ.items() if not key.startswith(("OS_", "PULUMI_"))
        }
        engine, home = ENGINE / "bin", ENGINE / "home"
        if not cold:
            engine = start.folder()
            home = start.home(engine)
        path = os.pathsep.join([str(engine), str(ROOT / ".cloud" / "venv" / "bin"), inherited["PATH"]])
        own = {
            "PATH": path,
            "PULUMI_HOME": str(home),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_BACKEND_URL": state.as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": "test",
        }
        return cls(project, {**inherited, **own, **environment})

    @property
    def cold(self) -> "ProgramCopy":
        """The same project, each of whose commands starts all its processes as a person's does."""
        warm = start.folder()
        environment = dict(self.environment)
        environment["PATH"] = environment["PATH"].replace(str(warm), str(ENGINE / "bin"))
        if environment["PULUMI_HOME"] == str(start.home(warm)):
            environment["PULUMI_HOME"] = str(ENGINE / "home")
        return ProgramCopy(self.folder, environment)

    def stack(self, name: str, text: str) -> None:
        """Makes the stack NAME whose stack file is TEXT."""
        self.file(name).write_text(text, encoding="utf-8")
        self.succeed("stack", "init", name)

    def file(self, stack: str) -> Path:
        """The stack file of STACK."""
        return self.folder / f"Pulumi.{stack}.yaml"

    def pulumi(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs pulumi; what it prints is in `stdout`."""
        return self._run("pulumi", *arguments, "--non-interactive", "--color=never")

    def import_state(self, stack: str, state: str) -> None:
        """Makes STATE, as `pulumi stack export` prints it, the state of STACK."""
        file = self.folder.parent / "imported.json"
        file.write_text(state, encoding="utf-8")
        self.succeed("stack", "import", "--stack", stack, "--file", str(file))

    def adopt(self, stack: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs the command behind `make adopt`; what it prints is in `stdout`."""
        return self._operation("adopt", stack, *arguments)

    def repair(self, stack: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs the command behind `make repair`; what it prints is in `stdout`."""
        return self._operation("repair", stack, *arguments)

    def looks_before_destroy(self, stack: str) -> subprocess.CompletedProcess[str]:
        """Runs the look behind `make destroy`; what it prints is in `stdout`."""
        return self._operation("destroy", stack)

    def report(self, stack: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs the command behind `make report`; what it prints is in `stdout`."""
        return self._operation("report", stack, *arguments)

    def fleet(self, command: str, stack: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs the command behind `make fleet-COMMAND`; what it prints is in `stdout`."""
        return self._operation(f"fleet_{command}", stack, *arguments)

    def _operation(self, name: str, stack: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        python = str(ROOT / ".cloud" / "venv" / "bin" / "python")
        words = ["-m", f"operations.{name}", "--stack", stack, *arguments]
        warm = shutil.which(start.OPERATION, path=self.environment["PATH"])
        return self._run(*([warm] if warm else [python]), *words, timeout=300)

    def _run(self, *command: str, timeout: float = 1500) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.folder,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=timeout,
        )

    def succeed(self, *arguments: str) -> str:
        """Runs pulumi, which must succeed; gives back what it printed."""
        done = self.pulumi(*arguments)
        assert done.returncode == 0, f"pulumi {' '.join(arguments)} failed:\n{done.stdout}"
        return done.stdout
