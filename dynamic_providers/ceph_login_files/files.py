"""Files that hold a login: written whole or not at all, for their owner's eyes only."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from clients import files
from clients.errors import CloudError

MODE = 0o600
FOLDER_MODE = 0o700


def wrong(folder: Path, texts: Mapping[str, str]) -> dict[str, str]:
    """Which of TEXTS, by file name, do not stand in FOLDER like that: what is wrong with each, no content."""
    with _refusals(folder):
        found = {name: _problem(folder / name, text) for name, text in texts.items()}
    return {name: problem for name, problem in found.items() if problem}


def write(folder: Path, texts: Mapping[str, str]) -> None:
    """Make FOLDER and write TEXTS into it, by file name; whoever reads one sees the old or the new text whole."""
    with _refusals(folder):
        folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        for name in wrong(folder, texts):
            files.replace(folder / name, texts[name], MODE)


def remove(folder: Path, names: Collection[str]) -> None:
    """Remove these files, and FOLDER if nothing else is in it; gone already is success."""
    with _refusals(folder):
        for name in names:
            for path in (folder / name, files.unfinished(folder / name)):
                path.unlink(missing_ok=True)
        with suppress(OSError):  # somebody else's files are there too, or it is gone
            folder.rmdir()


def _problem(path: Path, text: str) -> str:
    if path.is_symlink():
        return "is a link"
    if not path.exists():
        return "is missing"
    if not path.is_file():
        return "is not a regular file"
    if path.read_bytes() != text.encode():
        return "says something else"
    mode = path.stat().st_mode & 0o777
    return "" if mode == MODE else f"has mode {mode:04o}"


@contextmanager
def _refusals(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CloudError(
            f"the login's files cannot be kept in '{folder}' ({error.strerror}): let the account that runs pulumi "
            "write there, or name another folder."
        ) from error
