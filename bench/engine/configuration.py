"""A plan as a Terraform configuration, with the arguments that this program's components give."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bench.engine.plan import DNS, GRANTEE

if TYPE_CHECKING:
    from bench.engine.plan import Block, Plan

SOURCE = "terraform-provider-openstack/openstack"
Resources = dict[str, dict[str, dict[str, Any]]]
"""Arguments by type and name."""


def configuration(plan: Plan, cloud: str, password: str) -> str:
    """Return main.tf.json. Names are looked up once each, as this program does.

    Raises:
        ValueError: the plan has resources that Terraform's provider lacks.
    """
    if plan.dynamic:
        raise ValueError("Terraform's provider has no counterpart of the dynamic resources")
    resources: Resources = {}
    for block in plan.blocks:
        for kind, named in _resources(block, password).items():
            resources.setdefault(kind, {}).update(named)
    roles = sorted({role for block in plan.blocks for role in block.roles})
    default = "${data.openstack_identity_project_v3.default.id}"
    written = {
        "terraform": {"required_providers": {"openstack": {"source": SOURCE}}},
        "provider": {"openstack": {"cloud": cloud}},
        "data": {
            "openstack_identity_project_v3": {"default": {"name": "Default", "is_domain": True}},
            "openstack_identity_user_v3": {"grantee": {"name": GRANTEE, "domain_id": default}},
            "openstack_identity_role_v3": {role: {"name": role} for role in roles},
        },
        "resource": resources,
    }
    return json.dumps(written, indent=1) + "\n"


def _resources(block: Block, password: str) -> Resources:
    default = "${data.openstack_identity_project_v3.default.id}"
    project_id = f"${{openstack_identity_project_v3.{block.name}.id}}"
    network_id = f"${{openstack_networking_network_v2.{block.name}.id}}"
    return {
        "openstack_identity_project_v3": {
            block.name: {
                "name": block.name,
                "description": "bench-engine",
                "domain_id": default,
                "is_domain": False,
                "enabled": True,
            }
        },
        "openstack_identity_user_v3": {
            block.name: {
                "name": block.name,
                "domain_id": default,
                "password": password,
                "enabled": True,
                "ignore_change_password_upon_first_use": True,
                "ignore_password_expiry": True,
            }
        },
        "openstack_identity_role_assignment_v3": {
            f"{block.name}-{role}": {
                "user_id": "${data.openstack_identity_user_v3.grantee.id}",
                "project_id": project_id,
                "role_id": f"${{data.openstack_identity_role_v3.{role}.id}}",
            }
            for role in block.roles
        },
        "openstack_networking_network_v2": {
            block.name: {
                "name": block.name,
                "description": "bench-engine",
                "admin_state_up": True,
                "shared": False,
                "port_security_enabled": True,
                "segments": [
                    {
                        "physical_network": "physnet1",
                        "network_type": "vlan",
                        "segmentation_id": block.vlan,
                    }
                ],
            }
        },
        "openstack_networking_subnet_v2": {
            subnet.name: {
                "name": subnet.name,
                "network_id": network_id,
                "cidr": str(subnet.cidr),
                "ip_version": 4,
                "gateway_ip": subnet.gateway,
                "enable_dhcp": True,
                "dns_nameservers": list(DNS),
                "allocation_pool": [dict(zip(("start", "end"), subnet.pool, strict=True))],
            }
            for subnet in block.subnets
        },
        "openstack_networking_rbac_policy_v2": {
            block.name: {
                "action": "access_as_shared",
                "object_type": "network",
                "object_id": network_id,
                "target_tenant": project_id,
            }
        },
    }
