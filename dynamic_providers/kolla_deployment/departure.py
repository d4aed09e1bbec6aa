"""Takes hosts out of a deployment with Kolla-Ansible, as long as the inventory still knows them."""

from collections.abc import Sequence

from clients.errors import CloudError
from clients.progress import tell
from dynamic_providers.kolla_deployment import removal
from dynamic_providers.kolla_deployment.clouds import Clouds
from dynamic_providers.kolla_deployment.deployment import DeployedHost
from dynamic_providers.kolla_deployment.facts import LOCAL
from dynamic_providers.kolla_deployment.kolla import Kolla

WITHIN_S = 1800.0  # for a host to drain
ROLES = ("control", "network", "compute", "storage", "monitoring")


def run(kolla: Kolla, leaving: Sequence[DeployedHost], clouds: Clouds) -> None:
    """Remove the hosts, all of them or none where one is in use.

    Those that stay are whoever is in the inventory, by whichever hand.

    Raises:
        InUseError: something uses one of them, or they are the last that run the cloud's control plane.
        CloudError: a host could not be removed; the others were.
    """
    if not leaving:
        return
    groups = kolla.groups()
    gone = {host.name for host in leaving} | {LOCAL}
    staying = {
        name: {role for role in ROLES if name in groups.get(role, ())}
        for name in groups.get("baremetal", set()) - gone
    }
    failed = removal.remove(leaving, staying, clouds, destroy=kolla.destroy, within=WITHIN_S, tell=tell)
    if failed:
        told = "; ".join(failed.values())
        raise CloudError(f"not every host could be removed, and the next run tries again: {told}")
