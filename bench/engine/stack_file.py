"""A plan as a stack file of this program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from bench.engine.plan import DNS, GRANTEE

if TYPE_CHECKING:
    from bench.engine.plan import Block, Plan, Subnet

PASSWORD_VARIABLE = "BENCH_PASSWORD"  # noqa: S105 - the name of a variable


def stack_file(plan: Plan, cloud: str) -> str:
    """Return the file; ``cloud`` is the entry of clouds.yaml."""
    config = {
        "openstack": {"cloud": cloud},
        "projects": [_project(block) for block in plan.blocks],
        "accounts": [_account(block) for block in plan.blocks],
        "grants": [
            {
                "role": role,
                "user": {"name": GRANTEE, "domain": "Default"},
                "scope": {"project": block.name, "domain": "Default"},
            }
            for block in plan.blocks
            for role in block.roles
        ],
        "networks": [_network(block) for block in plan.blocks],
    }
    keys = {f"private-cloud:{key}": value for key, value in config.items()}
    return str(yaml.safe_dump({"config": keys}, sort_keys=False))


def _project(block: Block) -> dict[str, Any]:
    project = {"name": block.name, "domain": "Default", "description": "bench-engine"}
    return project | ({"default_security_group": "closed"} if block.dynamic else {})


def _account(block: Block) -> dict[str, Any]:
    account = {"name": block.name, "domain": "Default", "password": {"env": PASSWORD_VARIABLE}}
    access = [{"roles": ["reader"], "project": block.name, "domain": "Default"}]
    return account | ({"access": access} if block.dynamic else {})


def _network(block: Block) -> dict[str, Any]:
    return {
        "name": block.name,
        "description": "bench-engine",
        "segments": [{"physical_network": "physnet1", "vlan": block.vlan}],
        "shared_with": [{"project": block.name, "domain": "Default"}],
        "subnets": [
            _subnet(subnet, routes=block.dynamic and index == 0) for index, subnet in enumerate(block.subnets)
        ],
    }


def _subnet(subnet: Subnet, *, routes: bool) -> dict[str, Any]:
    start, end = subnet.pool
    made = {
        "name": subnet.name,
        "cidr": str(subnet.cidr),
        "gateway": subnet.gateway,
        "allocation_pools": [{"start": start, "end": end}],
        "dns": list(DNS),
    }
    route = {"destination": "192.0.2.0/24", "next_hop": str(subnet.cidr[2])}
    return made | ({"host_routes": [route]} if routes else {})
