"""A stack of native and dynamic resources that is up in seconds, and what the cloud holds of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from openstack.connection import Connection


def text(suffix: str, vlan: int, *, changed: bool = False) -> str:
    """Its stack file; CHANGED, some of it is updated and some is added."""
    domain = f"corp-{suffix}"
    names = [f"tests-{suffix}", *([f"more-{suffix}"] if changed else [])]
    description = "changed" if changed else "first"
    sections: dict[str, list[dict[str, Any]]] = {
        "domains": [{"name": domain, "description": description}],
        "projects": [
            {"name": name, "domain": domain, "quota": {"compute": {"instances": 7 if changed else 5}}}
            for name in names
        ],
        "accounts": [
            {
                "name": f"robot-{name}",
                "domain": domain,
                "password": {"generated": 1},
                "access": [{"roles": ["member"], "project": name, "domain": domain}],
                "application_credentials": [{"name": "pipeline", "project": name, "domain": domain}],
            }
            for name in names
        ],
        "networks": [
            {
                "name": f"vms-{suffix}",
                "description": description,
                "segments": [{"physical_network": "physnet1", "vlan": vlan}],
                "subnets": [
                    {"name": f"v4-{number}-{suffix}", "cidr": f"10.197.{number}.0/24"}
                    for number in range(len(names))
                ],
                "shared_with": [{"project": name, "domain": domain} for name in names],
            }
        ],
    }
    config = {f"private-cloud:{key}": value for key, value in sections.items()}
    return yaml.safe_dump(
        {"config": {"private-cloud:openstack": {"cloud": "lab-admin"}, **config}}, sort_keys=False
    )


def held(admin: Connection, suffix: str) -> dict[str, int]:
    """How many the cloud holds of each kind."""
    identity: Any = admin.identity  # the SDK's types have its v2 too
    domains = list(identity.domains(name=f"corp-{suffix}"))
    users = [user for domain in domains for user in identity.users(domain_id=domain.id)]
    networks = list(admin.network.networks(name=f"vms-{suffix}"))
    return {
        "domains": len(domains),
        "projects": len(
            [
                project
                for project in identity.projects()
                if project.name in {f"tests-{suffix}", f"more-{suffix}"}
            ]
        ),
        "users": len(users),
        "credentials": sum(len(list(identity.application_credentials(user.id))) for user in users),
        "networks": len(networks),
        "subnets": sum(len(list(admin.network.subnets(network_id=network.id))) for network in networks),
        "shares": sum(len(list(admin.network.rbac_policies(object_id=network.id))) for network in networks),
    }


def declared(*, changed: bool) -> dict[str, int]:
    """How many there are of each kind where all is as declared."""
    several = 2 if changed else 1
    kinds = ("projects", "users", "credentials", "subnets", "shares")
    return {"domains": 1, "networks": 1, **dict.fromkeys(kinds, several)}


def sweep(admin: Connection, suffix: str) -> None:
    """Removes what a round left that has failed, so that the next one begins with nothing."""
    identity: Any = admin.identity
    for network in admin.network.networks(name=f"vms-{suffix}"):
        admin.network.delete_network(network)
    for domain in identity.domains(name=f"corp-{suffix}"):
        identity.update_domain(domain, enabled=False)
        identity.delete_domain(domain)
