"""Text files in folders that people share with us: written whole or not at all, told from others by their first line."""

from pathlib import Path

from clients import files, regular_file
from clients.errors import CloudError

MARKER = "# Made by private-cloud with Pulumi: change the stack file, not this one."


def require_ours(path: Path) -> None:
    """Refuse a file of that name which somebody else made."""
    text = read(path)
    if text is not None and text.partition("\n")[0] != MARKER:
        raise CloudError(
            f"{path} is there and was not made by this program (its first line is not {MARKER!r}); move it away, its"
            " content is declared in the stack file now"
        )


def write(path: Path, text: str) -> None:
    """Write the marker and TEXT, for everybody to read; a killed run leaves the former file, and at most one `.new`."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.replace(path, _whole(text))
    except OSError as error:
        raise CloudError(
            f"{path} cannot be written ({error.strerror}); give the account that runs pulumi a folder that it may"
            " write to"
        ) from None


def differs(path: Path, text: str) -> str | None:
    """How the file is not the one that was written with TEXT, as a sentence; None if it is."""
    found = read(path)
    if found is None:
        return f"{path} is gone"
    return None if found == _whole(text) else f"{path} was edited by hand"


def remove(path: Path) -> bool:
    """Remove the file; gone already is success. False, and it stays, where somebody else's is in its place."""
    files.unfinished(path).unlink(missing_ok=True)
    text = read(path)
    if text is not None and text.partition("\n")[0] != MARKER:
        return False
    path.unlink(missing_ok=True)
    return True


def read(path: Path) -> str | None:
    """The file's whole text; None where there is none."""
    try:
        return regular_file.text(path, errors="surrogateescape")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise CloudError(
            f"{path} cannot be read ({error.strerror}); move it away, its content is declared in the stack file"
        ) from None


def _whole(text: str) -> str:
    return f"{MARKER}\n{text}"
