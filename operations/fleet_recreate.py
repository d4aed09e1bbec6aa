"""Have a fleet made anew: `make fleet-recreate NAME=nightly` writes today's date into the stack file, and runs `up`.

The same date twice changes nothing, so that a schedule may ask as often as it likes.
"""

import sys
from datetime import UTC, datetime
from pathlib import Path

from clients.errors import CloudError
from config.errors.issues import nearest
from operations.command import command, parser_of, say
from operations.stack_file.file import StackFile
from operations.stack_file.path import path_of


def mark(path: Path, name: str, day: str) -> bool:
    """Write DAY as the `recreate` of the fleet NAME into the stack file at PATH; whether that changed it.

    Raises:
        CloudError: there is no such fleet, or the file cannot be read or written, or has mistakes.
    """
    file = StackFile.read(path)
    fleets = file.settings().fleets
    names = [fleet.name for fleet in fleets]
    if name not in names:
        hint = nearest(name, names) or f"; known are {', '.join(names) or 'none'}"
        raise CloudError(f"{path.name} has no fleet {name!r}{hint}")
    index = names.index(name)
    if fleets[index].recreate == day:
        return False
    file.with_text(("fleets", index), "recreate", day).save()
    return True


@command("fleet-recreate")
def main() -> int:
    """Mark it, and say what that does."""
    parser = parser_of("fleet-recreate", __doc__)
    parser.add_argument("--name", required=True, help="the fleet's")
    arguments = parser.parse_args()
    path = path_of(arguments.stack)
    day = datetime.now(UTC).date().isoformat()
    changed = mark(path, arguments.name, day)
    done = f"is {day!r} now" if changed else f"was {day!r} already: whatever is left to do is done"
    say(f"{path.name}: recreate of fleet {arguments.name!r} {done}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
