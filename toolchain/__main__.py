"""``python3 -m toolchain install | env | status``: see ``--help``."""

import argparse
import fcntl
import os
import shlex
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from toolchain import engine, kolla, packages, plugins, receipt, venv
from toolchain.failure import Failure
from toolchain.pins import pinned
from toolchain.places import Places
from toolchain.progress import duration, say

# Plugins that only some stacks need, each pinned by its pip package pulumi_NAME.
OPTIONAL = ("command",)


def install(places: Places, *, retry: bool) -> None:
    """Bring everything the program needs to run into ``.cloud``; what is there already is kept."""
    started = time.monotonic()
    with _alone(places):
        plugins.remove_half_made(places)
        program, _ = places.requirements
        packages.install(places.logs)
        with ThreadPoolExecutor(1) as beside:
            kolla_made = beside.submit(kolla.install, places)
            venv.install(places)
            engine.leave_out_logs(places)
            engine.install(pinned(program, "pulumi"), places)
            registry = plugins.Registry()
            plugins.install_openstack(pinned(program, "pulumi_openstack"), registry, places)
            for name in OPTIONAL:
                version = pinned(program, f"pulumi_{name}")
                plugins.install_optional(name, version, registry, places, retry=retry)
            kolla_made.result()
    say(f"ready after {duration(time.monotonic() - started)}")


@contextmanager
def _alone(places: Places) -> Iterator[None]:
    """Hold off a second installation of the same checkout while one is running."""
    places.cloud.mkdir(exist_ok=True)
    with (places.cloud / "toolchain.lock").open("w") as lock:
        os.set_inheritable(lock.fileno(), True)  # see progress.run
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another installation of this checkout is running, waiting for it …")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def environment(places: Places) -> dict[str, str]:
    """Return what a shell needs besides PATH, to run the installed engine."""
    settings = {"PULUMI_HOME": str(places.home), "PULUMI_SKIP_UPDATE_CHECK": "true"}
    settings["PYTHONDONTWRITEBYTECODE"] = (
        ""  # each command starts the program: compiled once, it starts faster
    )
    receipts = [receipt.read(path) for path in sorted(places.receipts.glob("*.json"))]
    if any(found is not None and (not found.had or found.way == engine.MODULES) for found in receipts):
        # Behind mirrors each attempt would cost every command its retries, and end the same way.
        settings["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] = "true"
    return settings


def exports(places: Places) -> str:
    """Return lines for a shell to evaluate."""
    ours = os.pathsep.join(map(str, (places.bin, places.venv / "bin", places.kolla_programs)))
    lines = [f"export {name}={shlex.quote(value)}" for name, value in environment(places).items()]
    return "\n".join([f'export PATH={shlex.quote(ours)}:"$PATH"', *lines])


def status(places: Places) -> None:
    """Print a line for each part: what, which version, how it came here."""
    for name, path in (
        ("python", places.venv / "receipt.json"),
        ("kolla", places.kolla / "receipt.json"),
        *((path.stem, path) for path in sorted(places.receipts.glob("*.json"))),
    ):
        found = receipt.read(path)
        if found is None:
            print(f"{name:18} missing: run python3 -m toolchain install")
        else:
            print(f"{name:18} {found.version:10} {found.way or 'not to be had':14} {found.why}")


def main() -> int:
    """Run one command; return its exit code."""
    parser = argparse.ArgumentParser(prog="python3 -m toolchain", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    installs = commands.add_parser("install", help="bring everything the program needs to run into .cloud")
    installs.add_argument(
        "--retry", action="store_true", help="try again to get what could not be had before"
    )
    commands.add_parser("env", help="print the settings of this toolchain for a shell to evaluate")
    commands.add_parser("status", help="list what is installed, and how it was got")
    given = parser.parse_args()
    places = Places()
    try:
        if given.command == "install":
            install(places, retry=given.retry)
        elif given.command == "env":
            print(exports(places))
        else:
            status(places)
    except Failure as failure:
        say(f"stopped: {failure}")
        return 1
    except KeyboardInterrupt:
        say("interrupted; the next install goes on from here")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
