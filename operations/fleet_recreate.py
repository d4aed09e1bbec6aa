"""Have a fleet made anew: `make fleet-recreate NAME=nightly` writes today's date into the stack file, and runs `up`.

The same date twice changes nothing, so that a schedule may ask as often as it likes.
"""

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

from config.errors.issues import nearest
from config.load import SettingsError
from operations.adopt.entry import AdoptError
from operations.adopt.stack_file import StackFile


class NoFleetError(Exception):
    """Why no fleet was marked, as a sentence."""


def mark(path: Path, name: str, day: str) -> bool:
    """Write DAY as the `recreate` of the fleet NAME into the stack file at PATH; whether that changed it.

    Raises:
        NoFleetError: there is no such fleet.
        AdoptError, SettingsError: the file cannot be read or written, or has mistakes.
    """
    file = StackFile.read(path)
    fleets = file.settings().fleets
    names = [fleet.name for fleet in fleets]
    if name not in names:
        hint = nearest(name, names) or f"; known are {', '.join(names) or 'none'}"
        raise NoFleetError(f"{path.name} has no fleet {name!r}{hint}")
    index = names.index(name)
    if fleets[index].recreate == day:
        return False
    file.with_text(("fleets", index), "recreate", day).save()
    return True


def main() -> int:
    """Mark it, and say what that does."""
    parser = argparse.ArgumentParser(prog="make fleet-recreate", description=__doc__)
    parser.add_argument("--stack", required=True, help="the stack, whose file is Pulumi.STACK.yaml")
    parser.add_argument("--name", required=True, help="the fleet's")
    arguments = parser.parse_args()
    path = Path(f"Pulumi.{arguments.stack}.yaml")
    day = datetime.now(UTC).date().isoformat()
    try:
        changed = mark(path, arguments.name, day)
    except (AdoptError, NoFleetError, SettingsError) as problem:
        sys.stderr.write(f"fleet-recreate: {problem}\n")
        return 1
    done = f"is {day!r} now" if changed else f"was {day!r} already: whatever is left to do is done"
    sys.stdout.write(f"{path.name}: recreate of fleet {arguments.name!r} {done}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
