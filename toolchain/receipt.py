"""What was installed, and from which inputs: the reason why a second install does nothing."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Receipt:
    """One installed part, or one that could not be had (then ``way`` is empty and ``why`` the reason)."""

    key: str
    version: str
    way: str
    why: str
    files: tuple[str, ...] = ()

    @property
    def had(self) -> bool:
        """Whether the part is there."""
        return bool(self.way)

    def write(self, path: Path) -> None:
        """Write it in one step: a receipt is whole, or it is not there."""
        path.parent.mkdir(parents=True, exist_ok=True)
        half = path.with_suffix(".half")
        half.write_text(json.dumps(asdict(self), indent=2) + "\n")
        half.replace(path)


def read(path: Path) -> Receipt | None:
    """Read a receipt; None if there is none, or none that this version of the toolchain wrote."""
    try:
        fields = json.loads(path.read_text())
        return Receipt(**{**fields, "files": tuple(fields["files"])})
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return None


def current(path: Path, key: str) -> Receipt | None:
    """Return the receipt if its inputs are still the same and its files are still there."""
    found = read(path)
    if found is None or found.key != key or not all(Path(file).exists() for file in found.files):
        return None
    return found


def fingerprint(*parts: str, files: Iterable[Path] = ()) -> str:
    """Return a key that changes with any of the texts, and with any file's name or content."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{len(part)}:{part}".encode())
    for file in sorted(files, key=lambda file: file.name):
        content = file.read_bytes()
        digest.update(f"{len(file.name)}:{file.name}{len(content)}:".encode() + content)
    return digest.hexdigest()[:20]
