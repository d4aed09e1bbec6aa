"""Who has which machine, and what waits for whom: `make fleet-status`; `make fleet-notice` gives it to the stack file's command.

Read from the cloud, and nothing changed. The command `notice` of a fleet gets one line of JSON on its standard input for each
person whose machine waits for something, or who left.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields

from openstack.connection import Connection

from clients.errors import CloudError
from clients.openstack import connect
from components.compute.people import there
from config.fleet import FleetSpec
from config.image import ImageSpec
from config.settings import NAMESPACE
from dynamic_providers.server_fleet.declared import LEFT, OWNER
from dynamic_providers.server_fleet.nova import manners
from dynamic_providers.server_fleet.server import LEASE
from operations.command import command, parser_of
from operations.stack_file.file import StackFile
from operations.stack_file.path import path_of

_SHOWN = 12


@dataclass(frozen=True)
class Machine:
    """One row.

    Attributes:
        person: the owner's account; empty for a numbered server.
        state: Nova's word.
        image: how the digest of its image begins.
        next_image: how that of the declared image begins, if that is another.
        deadline: the day on which it is made anew from that, asked for or not; empty for none.
        lease: until when it is leased.
        left: the day on which its owner was found gone.
        gone_after: the day until which machine and home of somebody who left are kept.
    """

    fleet: str
    person: str
    machine: str
    state: str
    image: str
    next_image: str = ""
    deadline: str = ""
    lease: str = ""
    left: str = ""
    gone_after: str = ""

    @property
    def is_concerned(self) -> bool:
        """Whether something is going to happen to it."""
        return bool(self.person and (self.next_image or self.left))


def machines(spec: FleetSpec, image: ImageSpec, admin: Connection, owner_stack: str) -> Iterator[Machine]:
    """The servers of a fleet, by name."""
    how = manners(admin, spec.update_mode, owner_stack, image.sha256, keep_days=spec.keep_days)
    servers, _ = there(spec, admin, owner_stack)
    for server in sorted(servers, key=lambda one: one.member):
        digest = server.made.sha256 if server.made else "not known"
        waits = digest != image.sha256 and not server.metadata.get(LEFT)
        left = server.metadata.get(LEFT, "")
        yield Machine(
            fleet=spec.name,
            person=server.metadata.get(OWNER, ""),
            machine=server.name,
            state=server.status,
            image=digest[:_SHOWN],
            next_image=image.sha256[:_SHOWN] if waits else "",
            deadline=str(how.deadline or "") if waits else "",
            lease=server.metadata.get(LEASE, ""),
            left=left,
            gone_after=str(how.kept_until(left)) if left else "",
        )


def table(rows: Sequence[Machine]) -> str:
    """ROWS under their headings."""
    names = [field.name for field in fields(Machine)]
    cells = [
        [name.replace("_", " ") for name in names],
        *([getattr(row, name) for name in names] for row in rows),
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells)
    return "".join(f"{line.rstrip()}\n" for line in lines)


def deliver(command: Sequence[str], rows: Sequence[Machine]) -> None:
    """Give those of ROWS that are concerned to COMMAND.

    Raises:
        CloudError: it cannot be run, or fails.
    """
    lines = "".join(json.dumps(asdict(row), ensure_ascii=False) + "\n" for row in rows if row.is_concerned)
    if not lines:
        return
    try:
        done = subprocess.run(command, input=lines, text=True, check=False)
    except OSError as error:
        raise CloudError(f"the notice was not delivered: {error}; correct notice") from None
    if done.returncode:
        raise CloudError(f"the notice was not delivered: {command[0]} exits with {done.returncode}")


@command("fleet-status")
def main() -> int:
    """Print the table, and deliver the notices if they are asked for."""
    parser = parser_of("fleet-status", __doc__)
    parser.add_argument("--notice", action="store_true", help="give it to the command of each fleet")
    arguments = parser.parse_args()
    settings = StackFile.read(path_of(arguments.stack)).settings()
    images = {image.name: image for image in settings.images}
    with connect(settings.openstack.cloud) as admin:
        found = {
            spec.name: list(machines(spec, images[spec.image], admin, f"{NAMESPACE}/{arguments.stack}"))
            for spec in settings.fleets
        }
    sys.stdout.write(table([row for rows in found.values() for row in rows]))
    for spec in settings.fleets if arguments.notice else ():
        if spec.notice:
            deliver(spec.notice, found[spec.name])
    return 0


if __name__ == "__main__":
    sys.exit(main())
