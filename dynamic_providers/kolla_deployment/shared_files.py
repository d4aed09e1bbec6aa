"""Files that all hosts of a deployment share, written for Kolla-Ansible: its groups, variables and overrides.

A list of them lies beside the configuration: an operator's files are not in it, and never overwritten.
"""

import json
from collections.abc import Collection, Mapping
from pathlib import Path

from clients import files, regular_file
from clients.errors import CloudError

LIST = ".private-cloud-files.json"


def write(configdir: Path, wanted: Mapping[Path, str], keep: Collection[Path] = ()) -> None:
    """Write what differs, and remove what was written before and is no longer wanted, except the files to keep.

    Raises:
        CloudError: a file is there that this program has not made, or a folder cannot be written to.
    """
    listed = written(configdir) - set(keep)
    for path, text in wanted.items():
        if path not in listed and path.exists() and _text(path) != text:
            raise CloudError(
                f"{path} is there and was not made by this program; move it away, or take what declares it out of"
                " the stack file (kolla.globals, kolla.service_config)"
            )
    try:
        _list(configdir, listed | set(wanted))
        for path, text in wanted.items():
            if _text(path) != text:
                path.parent.mkdir(parents=True, exist_ok=True)
                files.replace(path, text)
        for path in listed - set(wanted):
            path.unlink(missing_ok=True)
        _list(configdir, set(wanted))
    except OSError as error:
        raise CloudError(
            f"{error.filename} cannot be written ({error.strerror}): look at its owner"
        ) from error


def remove(configdir: Path, keep: Collection[Path] = ()) -> None:
    """Remove everything that was written, except the files to keep, such as those that another configdir has now."""
    if configdir.is_dir():
        write(configdir, {}, keep)
        (configdir / LIST).unlink(missing_ok=True)


def differing(wanted: Mapping[Path, str]) -> list[Path]:
    """The files that do not hold what they should."""
    return [path for path, text in wanted.items() if _text(path) != text]


def written(configdir: Path) -> set[Path]:
    """The files that this program has made, or was about to."""
    try:
        return {Path(path) for path in json.loads((configdir / LIST).read_text(encoding="utf-8"))}
    except FileNotFoundError:
        return set()


def _list(configdir: Path, paths: set[Path]) -> None:
    files.replace(configdir / LIST, json.dumps(sorted(map(str, paths)), indent=1) + "\n")


def _text(path: Path) -> str | None:
    try:
        return regular_file.text(path, errors="replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CloudError(
            f"{path} cannot be read ({error.strerror}); move it away, or take what declares it out of the stack file"
        ) from None
