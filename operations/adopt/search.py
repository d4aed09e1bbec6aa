"""The search through a running cloud: what there is for a stack to adopt."""

from operations.adopt import keystone, neutron, nova, security_groups, server_groups
from operations.adopt.entry import Entry, Found, Wanted
from operations.adopt.live import Live


def search(live: Live, wanted: Wanted, kinds: tuple[str, ...]) -> list[Found]:
    """What of KINDS the cloud holds and the stack does not manage."""
    found: list[Found] = []

    def entries() -> list[Entry]:
        return [item for item in found if isinstance(item, Entry)]

    if "domains" in kinds:
        found += keystone.domains(live, wanted)
    if "projects" in kinds:
        found += keystone.projects(live, wanted)
    if "accounts" in kinds:
        found += keystone.accounts(live, wanted)
    if "grants" in kinds:
        found += keystone.grants(live, wanted, entries())
    if "networks" in kinds:
        found += neutron.networks(live, wanted, entries())
    if "security_groups" in kinds:
        found += security_groups.security_groups(live, wanted, entries())
    if "flavors" in kinds:
        found += nova.flavors(live, wanted, entries())
    if "server_groups" in kinds:
        found += server_groups.server_groups(live, wanted, entries())
    return found
