"""Have somebody's machine made anew: `make fleet-renew PERSON=anna` asks in the owner's place, and runs `up`."""

import sys

from clients.errors import CloudError
from clients.names import folded
from clients.openstack import answered, connect
from components.compute.people import there
from config.errors.issues import nearest
from config.settings import NAMESPACE, Settings
from dynamic_providers.server_fleet.declared import OWNER
from dynamic_providers.server_fleet.server import RENEW, Server
from operations.command import command, parser_of, say
from operations.stack_file.file import StackFile
from operations.stack_file.path import path_of


def ask(settings: Settings, owner_stack: str, person: str) -> list[str]:
    """Mark the machines of PERSON; their names.

    Raises:
        CloudError: there is none, or Nova refuses.
    """
    with connect(settings.openstack.cloud) as admin:
        servers = [server for spec in settings.fleets for server in there(spec, admin, owner_stack)[0]]
        own = [server for server in servers if folded(_owner(server)) == folded(person)]
        if not own:
            owners = sorted({_owner(server) for server in servers} - {""})
            hint = nearest(person, owners) or f"; known are {', '.join(owners) or 'none'}"
            raise CloudError(f"{person!r} has no machine of a fleet{hint}")
        for server in own:
            body = {"metadata": {RENEW: "yes"}}
            answer = admin.compute.post(f"/servers/{server.id}/metadata", json=body)
            answered(answer, "Nova", f"set metadata of {server.name}")
    return [server.name for server in own]


def _owner(server: Server) -> str:
    return server.metadata.get(OWNER, "")


@command("fleet-renew")
def main() -> int:
    """Mark them, and say what that does."""
    parser = parser_of("fleet-renew", __doc__)
    parser.add_argument("--person", required=True, help="the account of the machine's owner")
    arguments = parser.parse_args()
    settings = StackFile.read(path_of(arguments.stack)).settings()
    names = ask(settings, f"{NAMESPACE}/{arguments.stack}", arguments.person)
    say(f"{', '.join(names)}: made anew by the next `up`; what is outside of /home is lost then")
    return 0


if __name__ == "__main__":
    sys.exit(main())
