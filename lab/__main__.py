"""The lab's command line: install, up, reinstall, osd, down, status, reset, env."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

from lab import packages, preflight, settings
from lab.hosts import count
from lab.settings import Lab, LabError
from lab.steps import Clock, Step, run
from toolchain.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Callable


def parser() -> argparse.ArgumentParser:
    """Describe the commands."""
    made = argparse.ArgumentParser(
        prog="python -m lab", description="A real cloud on one machine, on loopback."
    )
    commands = made.add_subparsers(dest="command", required=True)
    install_ = commands.add_parser("install", help="Debian packages, and the OpenStack services' environment")
    install_.add_argument(
        "--ceph",
        choices=("pacific", "reef"),
        help="the release of Ceph's daemons, 16.2 or 18.2, from now on; left out: as before, at first pacific",
    )
    up_ = commands.add_parser("up", help="bring up what is not up, repair what is broken; safe to repeat")
    up_.add_argument(
        "--hosts",
        type=int,
        metavar="N",
        help="simulate N bare-metal hosts, from now on; left out: as many as before, at first none",
    )
    reinstall_ = commands.add_parser("reinstall", help="empty a simulated host and its disks, and boot it")
    reinstall_.add_argument("name", help="lab-host-1, …; its SSH key stays the same")
    osd_ = commands.add_parser(
        "osd", help="have a fourth and a fifth OSD join Ceph without weight, or leave it"
    )
    osd_.add_argument("action", choices=("add", "remove"), help="remove: whatever it holds")
    osd_.add_argument("number", type=int, choices=settings.EXTRA_OSDS)
    commands.add_parser("down", help="stop what `up` started")
    commands.add_parser("status", help="a table of services; fails unless all are healthy")
    commands.add_parser("reset", help="down, remove all data and accounts, up; packages and the image stay")
    commands.add_parser("env", help="print `export` lines for a shell")
    return made


def install(lab: Lab, ceph: str | None = None) -> None:
    """Get what is not there; with `ceph`, the daemons of this release."""
    if problems := preflight.root():
        raise LabError("\n".join(problems))
    lab.folder.mkdir(parents=True, exist_ok=True)
    log = lab.folder / "install.log"
    first = "Debian packages for the environment"
    steps = [
        Step(first, lambda: packages.install_debian(log, packages.FOR_THE_ENVIRONMENT)),
        # The environment has its own log, since both are being made at once.
        Step(
            "OpenStack services",
            lambda: packages.install_venv(lab, lab.folder / "install-venv.log"),
            (first,),
        ),
        Step("Debian packages", lambda: packages.install_debian(log), (first,)),
    ]
    if ceph:
        steps.append(Step(f"Ceph {ceph}", lambda: choose_ceph(lab, ceph), ("Debian packages",)))
    clock = Clock()
    run(steps, clock)
    clock.say("The lab's programs are installed.")


def choose_ceph(lab: Lab, release: str) -> None:
    """Have Ceph's daemons of this release."""
    from lab import ceph_release  # noqa: PLC0415 - it needs a Debian package

    ceph_release.choose(lab, release)


def reset(lab: Lab) -> None:
    """Stop, remove data, accounts and logs, and come up anew, with as many hosts as before."""
    from lab import bring_up  # noqa: PLC0415 - `install` runs without the venv

    number = count.recorded(lab)
    bring_up.down(lab)
    for name in ("data", "etc", "run", "log"):
        shutil.rmtree(lab.folder / name, ignore_errors=True)
    state = lab.root / ".cloud" / "state"
    if state.exists():
        print(
            f"The dev stack's state in {state} still speaks of the former cloud: remove it before the next up."
        )
    up(lab, number)


def up(lab: Lab, number: int | None = None) -> None:
    """Come up, and say where; with `number`, so many simulated hosts."""
    from lab import bring_up  # noqa: PLC0415 - `install` runs without the venv

    clock = Clock()
    bring_up.up(lab, clock, number)
    clock.say(f"The lab is up: Keystone at {lab.url(lab.ports.keystone, '/v3')}.")


def reinstall(lab: Lab, name: str) -> None:
    """Have a simulated host as if it was just installed."""
    from lab import bring_up  # noqa: PLC0415 - `install` runs without the venv

    bring_up.reinstall(lab, name)
    print(f"{name} is up, and empty.")


def osd(lab: Lab, action: str, number: int) -> None:
    """Have an OSD join or leave."""
    from lab import bring_up  # noqa: PLC0415 - `install` runs without the venv

    {"add": bring_up.add_osd, "remove": bring_up.remove_osd}[action](lab, number)
    print(f"osd.{number} is {'in, with weight 0' if action == 'add' else 'gone'}.")


def down(lab: Lab) -> None:
    """Stop."""
    from lab import bring_up  # noqa: PLC0415 - `install` runs without the venv

    print("The lab is down." if bring_up.down(lab) else "The lab was not running.")


def status(lab: Lab) -> int:
    """Show the table."""
    from lab import status as show  # noqa: PLC0415 - `install` runs without the venv

    if not (lab.folder / "data").exists():
        print("There is no lab yet: run `python -m lab up`.")
        return 1
    found = show.rows(lab)
    print(show.table(found))
    return 0 if all(row.healthy for row in found) else 1


def environment(lab: Lab) -> None:
    """Print export lines."""
    from lab import environment as shell  # noqa: PLC0415 - read only when asked for

    print(shell.exports(lab))


def into_the_venv(lab: Lab) -> None:
    """Go on under the lab's own interpreter, which has what the services need, unless this is it."""
    python = lab.venv / "bin" / "python"
    if sys.prefix != str(lab.venv) and packages.venv_is_current(lab):
        os.execv(python, [str(python), "-m", "lab", *sys.argv[1:]])  # noqa: S606 - same command, other interpreter


def main() -> int:
    """Run one command; a Failure is a sentence for a person."""
    arguments = parser().parse_args()
    command = arguments.command
    try:
        lab = settings.load(anew=command == "reset")
        if command == "install":
            install(lab, arguments.ceph)
            return 0
        if command in ("up", "status", "reset", "reinstall", "osd"):
            into_the_venv(lab)
        if not find_spec("psutil"):  # of Debian, or of the venv
            raise LabError("\n".join(preflight.installed(lab)))
        if command == "up":
            up(lab, arguments.hosts)
            return 0
        actions: dict[str, Callable[[Lab], int | None]] = {
            "reinstall": lambda lab: reinstall(lab, arguments.name),
            "osd": lambda lab: osd(lab, arguments.action, arguments.number),
            "down": down,
            "status": status,
            "reset": reset,
            "env": environment,
        }
        return actions[command](lab) or 0
    except Failure as problem:
        print(f"lab {command}: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"lab {command}: interrupted; run it again to go on.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
