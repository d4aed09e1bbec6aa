"""The engine: an installed one that matches, else the official release, else built from modules."""

import os
import platform
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from toolchain import golang, modules, receipt, release
from toolchain.failure import Failure, Unavailable
from toolchain.places import Places
from toolchain.progress import say
from toolchain.receipt import Receipt

INSTALLED, RELEASE, MODULES = "installed", "release", "modules"
NO_LOGS = """\
This file is where Pulumi would make a folder for the debug log that it writes of every command, asked for or not: a third
of the engine's processor time in an empty preview (docs/engine.md). To have that log, put a folder in place of this file.
"""


def install(version: str, places: Places) -> Receipt:
    """Bring the engine of this version into ``.cloud/engine/bin``; keep it if nothing changed.

    Raises:
        Failure: a checksum did not match, or no way is left.
    """
    written = places.receipts / "engine.json"
    kept = receipt.read(written)
    if kept is not None and kept.way and receipt.current(written, _key(kept.way, version, places)):
        say(f"engine: pulumi {version} kept ({kept.why})")
        return kept
    with staging(places) as folder:
        way, why = _get(version, folder, places)
        for name in release.PROGRAMS:
            place(folder / name, places.bin / name)
    made = Receipt(
        _key(way, version, places), version, way, why,
        tuple(str(places.bin / name) for name in release.PROGRAMS),
    )  # fmt: skip
    made.write(written)
    say(f"engine: pulumi {version}, {why}")
    return made


def leave_out_logs(places: Places) -> None:
    """Have Pulumi write no log of each command, for which it has no switch; a folder that is there stays."""
    logs = places.home / "logs"
    if not logs.exists():
        logs.parent.mkdir(parents=True, exist_ok=True)
        logs.write_text(NO_LOGS, encoding="utf-8")


def _get(version: str, folder: Path, places: Places) -> tuple[str, str]:
    """Fill the folder by the first way that is open; return its name, and why it was taken."""
    try:
        found = matching(version, places)
    except Unavailable as closed:
        not_installed = str(closed)
    else:
        for name in release.PROGRAMS:
            (folder / name).symlink_to(found / name)
        return INSTALLED, f"already installed in {found}"
    say(f"no installed engine: {not_installed}")
    try:
        release.fetch(version, folder)
    except Unavailable as closed:
        say(f"no official release: {closed}")
        go = golang.choose()
        modules.build(version, go, folder, places)
        return (
            MODULES,
            f"built from the Go module mirror with Go {go.version}, because {not_installed} and {closed}",
        )
    return RELEASE, f"official release from {release.address()}, because {not_installed}"


def matching(version: str, places: Places) -> Path:
    """Return the folder of an installed engine of exactly this version.

    Raises:
        Unavailable: none is on PATH, it is another version, or its Python side is missing.
    """
    own = places.cloud.resolve()  # what this toolchain has made, and what the tests make of that
    others = [part for part in os.get_exec_path() if part and not Path(part).resolve().is_relative_to(own)]
    found = shutil.which("pulumi", path=os.pathsep.join(others))
    if found is None:
        raise Unavailable("no pulumi is on PATH")
    program = Path(found).resolve()
    says = version_of(program)
    if says != f"v{version}":
        raise Unavailable(f"{found} is {says or 'no pulumi that runs'}, needed is v{version}")
    lacking = [name for name in release.PROGRAMS if not (program.parent / name).exists()]
    if lacking:
        raise Unavailable(f"{found} has no {' and no '.join(lacking)} beside it")
    return program.parent


def version_of(program: Path) -> str | None:
    """Return what a pulumi program says its version is."""
    try:
        answer = subprocess.run(
            [program, "version"],
            capture_output=True, text=True, check=False, timeout=30,
            env={**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"},
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() or None


def _key(way: str, version: str, places: Places) -> str:
    """Return what this way's result depends on.

    The Go that built it is none of it: two shells with different PATHs would take turns to rebuild.
    """
    parts = [way, version, platform.machine(), str(places.checkout)]
    if way == INSTALLED:
        program = places.bin / "pulumi"
        if program.exists():
            state = program.stat()
            parts += [str(program.resolve()), str(state.st_size), str(state.st_mtime_ns)]
        return receipt.fingerprint(*parts)
    parts.append(release.address())
    if way == RELEASE:
        return receipt.fingerprint(*parts)
    return receipt.fingerprint(*parts, files=modules.sources())


@contextmanager
def staging(places: Places) -> Iterator[Path]:
    """Give a folder for half-made things, on the file system of what they become; it is gone afterwards."""
    places.staging.mkdir(parents=True, exist_ok=True)
    folder = Path(mkdtemp(dir=places.staging))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def place(made: Path, final: Path) -> None:
    """Move a finished file to where it belongs, in one step."""
    if not made.exists():
        raise Failure(f"{made.name} was not made: the toolchain has a fault")
    final.parent.mkdir(parents=True, exist_ok=True)
    made.replace(final)
