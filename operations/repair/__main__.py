"""The command behind `make repair`: after it, `up` goes on where a killed one stopped. Safe to repeat."""

import sys
from pathlib import Path

from clients.errors import CloudError
from operations.command import command, parser_of, say
from operations.repair.left_behind import end, orphans, remove_torn_notes
from operations.repair.locked_stack import LockedStack
from operations.repair.planned import Pending, pending_in, urns_in
from operations.repair.takeover import look
from operations.stack_file.path import path_of


@command("repair")
def main() -> int:
    """Run the command; 0 when `up` can go on, 1 as long as a person has something to decide."""
    parser = parser_of("repair", __doc__)
    parser.add_argument(
        "--force", action="store_true", help="remove a lock that was taken on another machine too"
    )
    arguments = parser.parse_args()
    stack = LockedStack(arguments.stack)
    for file in remove_torn_notes():
        say(f"The killed pulumi was writing {file.name}, and left it empty: removed, pulumi makes it anew.")
    unlock(stack, force=arguments.force)
    unresolved = resolve(stack, pending_in(stack.state()))
    if unresolved:
        say(f"Stack {stack.name} is not locked, but not repaired yet:")
        say("\n".join(f"  - {sentence}" for sentence in unresolved))
        return 1
    say(f"Stack {stack.name} is not locked, and nothing is pending: go on with `make up STACK={stack.name}`.")
    return 0


def unlock(stack: LockedStack, *, force: bool) -> None:
    """Removes the lock of a pulumi that is gone.

    Raises:
        CloudError: it is not gone, or nobody can tell.
    """
    found = stack.locks()
    for lock in found:
        say(f"Stack {stack.name} is locked by {lock}.")
        if lock.is_ours and lock.lives():
            raise CloudError(
                f"process {lock.pid} still runs on this machine; wait until it ends, or interrupt it with "
                f"`kill -INT {lock.pid}`: then it saves what it has done and unlocks by itself. Nothing was changed"
            )
        if not lock.is_ours and not force:
            raise CloudError(
                f"that is another machine, {lock.host}: see there that process {lock.pid} is gone (a CI job: that it "
                f"has ended), then `make repair STACK={stack.name} FORCE=1`. Nothing was changed"
            )
    if not found:
        return
    left_running = orphans(Path.cwd())
    for orphan in left_running:
        say(f"Ending what it left running: process {orphan.pid}, {' '.join(orphan.info['cmdline'])}")
    if still := end(left_running):
        raise CloudError(
            f"process {still[0].pid} does not end; end it, then repeat this. Nothing was changed"
        )
    stack.cancel()
    say("That process is gone: its lock is removed.")


def resolve(stack: LockedStack, operations: list[Pending]) -> list[str]:
    """Has state and stack file know what the cloud has; a sentence each for what a person has to decide.

    Raises:
        CloudError: the cloud cannot be asked, or an import or refresh fails.
    """
    if operations:
        say("When it was killed:")
    for operation in operations:
        say(f"  - {operation}")
    say(f"Looking on the cloud for what {path_of(stack.name)} declares and the state does not know.")
    findings = look(stack, operations)
    if findings.imports:
        stack.take_over(findings.imports)
    for item in findings.imports:
        say(f"  = {item}: it was just being created, and is in the state now")
    if findings.claimed:
        findings.file.save()
    for item in findings.claimed:
        say(f"  + {item}: its id is in {findings.file.path.name} now, see below")
    before = urns_in(stack.state())
    say("Reading anew what the state has.")
    stack.settle(forget_creates=not findings.unresolved)
    for urn in sorted(before - urns_in(stack.state())):
        thing = f"{urn.split('::')[2].rpartition(':')[2]} {urn.rpartition('::')[2]}"
        say(
            f"  - {thing} is gone from the cloud: the state forgets it, the next up makes it if it is declared"
        )
    if findings.claimed:
        say(
            f"The state has no create of {', '.join(item.name for item in findings.claimed)} under way: an up that failed "
            f"may have made it, or somebody else. So the next `make up STACK={stack.name}` imports it and PROTECTS it. Is "
            "it this stack's? After that up take its `adopt` line out: one more up ends the protection. Is it not? "
            "Take the line out now, and give yours another name."
        )
    return findings.unresolved


if __name__ == "__main__":
    sys.exit(main())
