"""The real program in a folder of its own, run by the real Pulumi engine with its own state."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
ENGINE = ROOT / ".cloud" / "engine"


@dataclass(frozen=True)
class ProgramCopy:
    """A project folder: everything but the stack files is a link to the checkout, which stays untouched."""

    folder: Path
    environment: Mapping[str, str]

    @classmethod
    def make(cls, folder: Path, environment: Mapping[str, str]) -> "ProgramCopy":
        """Makes FOLDER; ENVIRONMENT is added to this process's, without its OS_ and PULUMI_ variables."""
        project, state = folder / "project", folder / "state"
        project.mkdir(parents=True)
        state.mkdir()
        for name in (
            ".cloud",
            "Pulumi.yaml",
            "__main__.py",
            "clients",
            "components",
            "dynamic_providers",
            "operations",
            "policy",
        ):
            (project / name).symlink_to(ROOT / name)
        inherited = {
            key: value for key, value in os.environ.items() if not key.startswith(("OS_", "PULUMI_"))
        }
        path = os.pathsep.join(
            [str(ENGINE / "bin"), str(ROOT / ".cloud" / "venv" / "bin"), inherited["PATH"]]
        )
        own = {
            "PATH": path,
            "PULUMI_HOME": str(ENGINE / "home"),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_BACKEND_URL": state.as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": "test",
        }
        return cls(project, {**inherited, **own, **environment})

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
        python = str(ROOT / ".cloud" / "venv" / "bin" / "python")
        return self._run(python, "-m", "operations.adopt", "--stack", stack, *arguments, timeout=300)

    def repair(self, stack: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs the command behind `make repair`; what it prints is in `stdout`."""
        python = str(ROOT / ".cloud" / "venv" / "bin" / "python")
        return self._run(python, "-m", "operations.repair", "--stack", stack, *arguments, timeout=300)

    def looks_before_destroy(self, stack: str) -> subprocess.CompletedProcess[str]:
        """Runs the look behind `make destroy`; what it prints is in `stdout`."""
        python = str(ROOT / ".cloud" / "venv" / "bin" / "python")
        return self._run(python, "-m", "operations.destroy", "--stack", stack, timeout=300)

    def report(self, stack: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs the command behind `make report`; what it prints is in `stdout`."""
        python = str(ROOT / ".cloud" / "venv" / "bin" / "python")
        return self._run(python, "-m", "operations.report", "--stack", stack, *arguments, timeout=300)

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
