"""Writing a file whole: whoever reads it, also after a kill, finds the former text or the new one."""

import os
from pathlib import Path


def replace(path: Path, text: str, mode: int = 0o644) -> None:
    """Write TEXT to PATH with MODE, whatever the umask says; a killed run leaves at most `unfinished(path)`.

    Raises:
        OSError: the folder is not there, or this account cannot write there.
    """
    new = unfinished(path)
    new.unlink(missing_ok=True)  # what a killed run left, perhaps open to others
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        os.fchmod(descriptor, mode)
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    new.replace(path)


def unfinished(path: Path) -> Path:
    """Where a file is written before it is put in place; hidden, so that Ansible does not read it as an inventory."""
    return path.with_name(f".{path.name}.new")
