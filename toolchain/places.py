"""Where the toolchain puts what it makes, all of it under the checkout's ignored ``.cloud``."""

from dataclasses import dataclass
from pathlib import Path

SOURCES = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Places:
    """The folders and files of one checkout."""

    checkout: Path = SOURCES.parent

    @property
    def cloud(self) -> Path:
        """Everything generated."""
        return self.checkout / ".cloud"

    @property
    def venv(self) -> Path:
        """The program's virtual environment."""
        return self.cloud / "venv"

    @property
    def kolla(self) -> Path:
        """Kolla-Ansible's virtual environment."""
        return self.cloud / "kolla"

    @property
    def kolla_programs(self) -> Path:
        """Those of its programs that belong on PATH; its Python does not."""
        return self.kolla / "programs"

    @property
    def go_venv(self) -> Path:
        """A virtual environment that holds nothing but Go, made only where the system's is too old."""
        return self.cloud / "go"

    @property
    def engine(self) -> Path:
        """Everything about the engine."""
        return self.cloud / "engine"

    @property
    def bin(self) -> Path:
        """The engine's programs; first on PATH."""
        return self.engine / "bin"

    @property
    def home(self) -> Path:
        """Pulumi's home, with its plugins."""
        return self.engine / "home"

    @property
    def receipts(self) -> Path:
        """What was installed, from which inputs."""
        return self.engine / "receipts"

    @property
    def logs(self) -> Path:
        """Output of the programs that were run, one file each."""
        return self.engine / "log"

    @property
    def staging(self) -> Path:
        """Half-made things; on the same file system as what they become."""
        return self.engine / "staging"

    @property
    def requirements(self) -> tuple[Path, Path]:
        """The pins of the program, and those of its tests."""
        return self.checkout / "requirements.txt", self.checkout / "tests" / "requirements.txt"

    @property
    def kolla_requirements(self) -> Path:
        """The pins of Kolla-Ansible."""
        return SOURCES / "kolla-requirements.txt"
