"""The search through a running cloud: what there is for a stack to adopt."""

from operations.adopt import keystone, neutron, nova, security_groups, server_groups
from operations.adopt.found import Found, Wanted
from operations.adopt.live import Live
from operations.stack_file.entry import Entry

_FINDERS = {
    "domains": keystone.domains,
    "projects": keystone.projects,
    "accounts": keystone.accounts,
    "grants": keystone.grants,
    "networks": neutron.networks,
    "security_groups": security_groups.security_groups,
    "flavors": nova.flavors,
    "server_groups": server_groups.server_groups,
}
KINDS = tuple(_FINDERS)
"""The sections of the stack file that can be adopted, in the order in which they are looked for."""


def search(live: Live, wanted: Wanted, kinds: tuple[str, ...]) -> list[Found]:
    """What of KINDS the cloud holds and the stack does not manage."""
    found: list[Found] = []
    for kind, find in _FINDERS.items():
        if kind in kinds:
            found += find(live, wanted, [item for item in found if isinstance(item, Entry)])
    return found
