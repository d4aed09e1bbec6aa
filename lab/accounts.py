"""The lab's accounts in Keystone, each with the roles its work needs and no more; find-or-create throughout."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from lab.admin_connection import admin_connection
from lab.configuration import File
from lab.settings import REGION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from openstack.identity.v3._proxy import Proxy

    from lab.settings import Lab

DOMAIN = "default"  # the id that `keystone-manage bootstrap` gives the domain named Default


@dataclass(frozen=True)
class Account:
    """A user of the Default domain, and its roles on that domain's project `service`."""

    name: str
    roles: tuple[str, ...]
    purpose: str


ACCOUNTS = (
    Account("glance", ("service",), "Glance checks its callers' tokens"),
    # Nova lets the role `service` tell it of ports, but finds servers of other projects only for an administrator.
    Account("neutron", ("service", "admin"), "Neutron checks its callers' tokens, and tells Nova of ports"),
    Account("placement", ("service",), "Placement checks its callers' tokens"),
    Account("nova", ("service",), "Nova checks tokens, claims resources and binds ports"),
    Account("cinder", ("service",), "Cinder checks tokens and asks where images are"),
    Account("image-import", ("service", "member"), "registers images by location"),
    Account("ci-runner", (), "a service account that the stack gives a role in another domain"),
)
# Name and type in the catalogue, whose port, and the path. Clients look for volumes by the one type or the other.
ENDPOINTS = (
    ("glance", "image", "glance", ""),
    ("neutron", "network", "neutron", ""),
    ("placement", "placement", "placement", ""),
    ("nova", "compute", "nova", "/v2.1"),
    ("cinder", "block-storage", "cinder", "/v3"),
    ("cinderv3", "volumev3", "cinder", "/v3"),
)


def clouds(lab: Lab, secrets: Mapping[str, str]) -> File:
    """Render clouds.yaml (JSON is YAML), every name qualified by its domain."""

    def cloud(user: str, project: str, project_domain: str) -> dict[str, Any]:
        return {
            "auth": {
                "auth_url": lab.url(lab.ports.keystone, "/v3"),
                "username": user,
                "user_domain_name": "Default",
                "password": secrets[f"keystone/{user}"],
                "project_name": project,
                "project_domain_name": project_domain,
            },
            "region_name": REGION,
            "identity_api_version": "3",
            "interface": "public",
        }

    entries = {
        "lab-admin": cloud("admin", "admin", "Default"),
        "lab-image-import": cloud("image-import", "service", "Default"),
        "lab-ci-runner": cloud("ci-runner", "development", "corp"),
    }
    return File(lab.clouds, json.dumps({"clouds": entries}, indent=2) + "\n")


def ensure(lab: Lab, secrets: Mapping[str, str]) -> None:
    """Make the project `service`, the accounts, their roles, and the catalogue; safe to repeat."""
    clouds(lab, secrets).write()
    with admin_connection(lab) as cloud:
        identity = cast("Proxy", cloud.identity)
        project = identity.find_project("service", domain_id=DOMAIN) or identity.create_project(
            name="service", domain_id=DOMAIN, description="The services' own accounts"
        )
        roles = {role.name: role.id for role in identity.roles()}
        users = {user.name: user for user in identity.users(domain_id=DOMAIN)}
        granted = {
            (row.user["id"], row.role["id"])
            for row in identity.role_assignments(scope_project_id=project.id)
            if row.user
        }
        for account in ACCOUNTS:
            user = users.get(account.name) or identity.create_user(
                name=account.name,
                domain_id=DOMAIN,
                password=secrets[f"keystone/{account.name}"],
                description=account.purpose,
            )
            for role in account.roles:
                if (user.id, roles[role]) not in granted:
                    identity.assign_project_role_to_user(project, user, roles[role])
        catalogue(identity, lab)


def catalogue(identity: Any, lab: Lab) -> None:
    """Register the services' endpoints."""
    services = {service.type: service for service in identity.services()}
    endpoints = {(row.service_id, row.interface): row for row in identity.endpoints()}
    for name, kind, port, path in ENDPOINTS:
        service = services.get(kind) or identity.create_service(name=name, type=kind)
        url = lab.url(getattr(lab.ports, port), path)
        for interface in ("public", "internal"):
            known = endpoints.get((service.id, interface))
            if known is None:
                identity.create_endpoint(
                    service_id=service.id, interface=interface, url=url, region_id=REGION
                )
            elif known.url != url:
                identity.update_endpoint(known, url=url)
