"""Virtual environments of exact pins; the program's has Debian's bindings to Ceph besides."""

import shutil
import subprocess
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from toolchain import receipt
from toolchain.failure import Failure
from toolchain.places import Places
from toolchain.progress import run, say

# Not whichever python3 runs this: the linked modules are built for this one.
PYTHON = "/usr/bin/python3"
DEBIAN_MODULES = Path("/usr/lib/python3/dist-packages")
# Of Debian 12 and 13: for each there are bindings to Ceph. Named, because the pins are tried with these.
VERSIONS = ("3.11", "3.13")
Run = Callable[[Sequence[str], str], None]
"""Runs a command under a label, and raises a Failure where it fails."""

# Not on PyPI.
LINKED = ("rados.*.so", "rbd.*.so")


def key(folder: Path, pins: Iterable[Path]) -> str:
    """Return what an environment depends on: the pins, the Python, and its own place."""
    return receipt.fingerprint(python_version(), str(folder), files=pins)


def is_current(folder: Path, pins: Iterable[Path]) -> bool:
    """Whether an environment is whole and made from the present pins."""
    return receipt.current(folder / "receipt.json", key(folder, pins)) is not None


def python_version() -> str:
    """Return the version of Debian's Python.

    Raises:
        Failure: it is missing, or none that the pins are for.
    """
    try:
        answer = subprocess.run([PYTHON, "-V"], capture_output=True, text=True, check=False)
    except OSError as error:
        raise Failure(
            f"{PYTHON} does not run ({error.strerror}): the toolchain runs on Debian 12 and 13"
        ) from error
    version = answer.stdout.strip().removeprefix("Python ")
    if _minor(version) not in VERSIONS:
        raise Failure(
            f"{PYTHON} is {version or 'no Python'}, needed is {' or '.join(VERSIONS)}: the toolchain runs on Debian 12 "
            "and 13"
        )
    return version


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def install(places: Places) -> None:
    """Make the program's environment; see `make`.

    Raises:
        Failure: pip failed, or Debian's modules are not where they belong.
    """
    make(places.venv, places.requirements, "Python", shown(places.logs), finish=link_debian_modules)


def shown(logs: Path) -> Run:
    """Return what runs a step with a line for a person, its output in a file in LOGS."""
    return lambda command, label: run(command, label, logs / f"{label.replace(' ', '-')}.log")


def make(folder: Path, pins: Sequence[Path], what: str, run: Run, *, finish: Callable[[Path], None]) -> None:
    """Make an environment by RUN anew if its pins changed, so that what they no longer name is gone too.

    ``what`` names it to a person; ``finish`` is run on the whole environment before its receipt is written.

    Raises:
        Failure: pip failed.
    """
    written = folder / "receipt.json"
    if is_current(folder, pins):
        say(f"{what} environment: pins unchanged, kept")
        return
    if folder.exists():
        say(f"{what} environment: made anew, its pins or its Python changed")
        written.unlink(missing_ok=True)
        shutil.rmtree(folder)
    python = folder / "bin" / "python"
    run([PYTHON, "-m", "venv", str(folder)], f"{what} environment")
    files = [part for file in pins for part in ("-r", str(file))]
    pip = [str(python), "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    run([*pip, *files], f"{what} packages")
    finish(folder)
    receipt.Receipt(key(folder, pins), python_version(), "pip", "", (str(python),)).write(written)


def link_debian_modules(venv: Path) -> None:
    """Link Debian's rados and rbd into an environment, and nothing else of Debian's.

    Raises:
        Failure: one of them is missing.
    """
    packages = venv / "lib" / f"python{_minor(python_version())}" / "site-packages"
    for pattern in LINKED:
        found = sorted(DEBIAN_MODULES.glob(pattern))
        if not found:
            raise Failure(f"{DEBIAN_MODULES / pattern} is missing: install python3-rados and python3-rbd")
        for module in found:
            link = packages / module.name
            link.unlink(missing_ok=True)
            link.symlink_to(module)
