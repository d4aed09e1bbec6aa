"""The command behind `make adopt`: what the cloud holds becomes stack-file entries, and Pulumi imports it."""

import argparse
import difflib
import sys
from pathlib import Path

from openstack.exceptions import SDKException

from clients.errors import CloudError
from clients.openstack import connect
from operations.adopt.fit import fitting
from operations.adopt.found import LeftOut, Wanted, adopted_ids, managed_ids
from operations.adopt.live import look
from operations.adopt.plan import Plan
from operations.adopt.search import KINDS, search
from operations.command import command, parser_of, say
from operations.engine import Stack
from operations.stack_file.entry import Entry, MissingId
from operations.stack_file.file import StackFile
from operations.stack_file.path import path_of


@command("adopt", SDKException)
def main() -> int:
    """Run the command; 0 when what was found is in the stack's state, or nothing was to be done."""
    return _adopt(_arguments())


def _arguments() -> argparse.Namespace:
    parser = parser_of("adopt", __doc__)
    parser.add_argument(
        "--only", type=_kinds, default=KINDS, help=f"some of {','.join(KINDS)}, with commas; all if left out"
    )
    parser.add_argument("--name", default="*", help="what names must match, such as 'lab-*'")
    parser.add_argument(
        "--declared",
        action="store_true",
        help="only what the file declares already: after a killed `up`, or a lost state",
    )
    parser.add_argument(
        "--no-import", action="store_true", help="write the stack file, and leave the rest to `up`"
    )
    parser.add_argument("--dry-run", action="store_true", help="show what would be written, and stop")
    parser.add_argument("--yes", action="store_true", help="import without asking")
    return parser.parse_args()


def _kinds(text: str) -> tuple[str, ...]:
    kinds = text.split(",")
    if unknown := [kind for kind in kinds if kind not in KINDS]:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} cannot be adopted; give some of {', '.join(KINDS)}")
    return tuple(kinds)


def _adopt(arguments: argparse.Namespace) -> int:
    file = StackFile.read(path_of(arguments.stack))
    stack = Stack(arguments.stack)
    settings = file.settings()
    in_state, in_file = managed_ids(stack.state()), frozenset(adopted_ids(settings))
    with connect(settings.openstack.cloud) as connection:
        wanted = Wanted(settings, arguments.name, in_state | in_file)
        found = search(look(connection), wanted, arguments.only)
    if arguments.declared:
        found = [item for item in found if isinstance(item, MissingId)]
    entries, not_fitting = fitting(file.keys, [item for item in found if isinstance(item, Entry)], Path.cwd())
    missing_ids = [item for item in found if isinstance(item, MissingId)]
    left_out = [*(item for item in found if isinstance(item, LeftOut)), *not_fitting]
    new_file = file.with_additions(entries, missing_ids) if entries or missing_ids else file
    _print_summary(new_file.path.name, entries, missing_ids, left_out)
    if arguments.dry_run:
        say("".join(_added_lines(file, new_file)).rstrip())
        return 0
    if new_file.text != file.text:
        new_file.save()
    elif in_file <= in_state:
        return 0
    if arguments.no_import:
        return 0
    return _import(stack, frozenset(adopted_ids(new_file.settings())), confirmed=arguments.yes)


def _import(stack: Stack, adopted: frozenset[str], *, confirmed: bool) -> int:
    plan = _planned(stack, adopted)
    if plan.changes:
        say(
            f"Pulumi would not only import; nothing was done. Make {stack.name}'s stack file say what is there, or "
            "run `pulumi up` yourself if this is meant:"
        )
        say("\n".join(f"  - {sentence}" for sentence in plan.changes))
        return 1
    say(f"Pulumi would import {len(plan.imports)} and change nothing:")
    say("\n".join(f"  = {title}" for title in plan.imports))
    if not confirmed and not sys.stdin.isatty():
        say("Nobody is here to ask: run `pulumi up`, or this with --yes (YES=1).")
        return 0
    if not stack.up(confirmed=confirmed):
        return 1
    after = _planned(stack, adopted)
    if after.imports or after.changes:
        say("The preview after it is not empty:")
        say("\n".join(f"  - {line}" for line in (*after.imports, *after.changes)))
        return 1
    say("The preview after it is empty. What was adopted is protected while its `adopt` stands in the file.")
    return 0


def _planned(stack: Stack, adopted: frozenset[str]) -> Plan:
    plan, errors = stack.preview()
    if errors:
        raise CloudError(
            "pulumi preview fails; the stack file stays as written. It says:\n" + "\n".join(errors)
        )
    return Plan.of(plan, adopted)


def _print_summary(
    name: str, entries: list[Entry], missing_ids: list[MissingId], left_out: list[LeftOut]
) -> None:
    if not entries and not missing_ids:
        say("There is nothing to add to the stack file.")
    for entry in entries:
        say(f"  + {entry.title}")
    for missing in missing_ids:
        say(f"  + the id of {missing.title}, which {name} declares already")
    for item in left_out:
        say(f"  - {item}")


def _added_lines(old: StackFile, new: StackFile) -> list[str]:
    before, after = (file.text.splitlines(keepends=True) for file in (old, new))
    return list(difflib.unified_diff(before, after, old.path.name, new.path.name))


if __name__ == "__main__":
    sys.exit(main())
