"""A plan as a playbook of the collection openstack.cloud, as people write it: one task a kind, one loop a task.

There is no way to preview with it: `network` and `identity_user` are skipped in check mode (collection 2.5.0), and
what comes after them needs their ids. A second run that changes nothing stands in for an empty preview.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from bench.engine.plan import DNS, GRANTEE

if TYPE_CHECKING:
    from bench.engine.plan import Plan

Task = dict[str, Any]


def playbooks(plan: Plan, cloud: str, password: str) -> tuple[str, str]:
    """Return the one that makes it all, and the one that removes it.

    Raises:
        ValueError: the plan has resources that the collection has no modules for.
    """
    if plan.dynamic:
        raise ValueError("the collection has no counterpart of all dynamic resources")
    variables = {
        "blocks": [
            {"name": block.name, "vlan": block.vlan, "password": password, "roles": list(block.roles)}
            for block in plan.blocks
        ],
        "subnets": [
            {
                "name": subnet.name,
                "network": block.name,
                "cidr": str(subnet.cidr),
                "gateway": subnet.gateway,
                "start": subnet.pool[0],
                "end": subnet.pool[1],
            }
            for block in plan.blocks
            for subnet in block.subnets
        ],
    }
    return _play(_make(), variables, cloud), _play(_remove(), variables, cloud)


def _play(tasks: list[Task], variables: Task, cloud: str) -> str:
    play = {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "module_defaults": {"group/openstack.cloud.openstack": {"cloud": cloud}},
        "vars": variables,
        "tasks": tasks,
    }
    return str(yaml.safe_dump([play], sort_keys=False))


def _task(module: str, arguments: Task, *, loop: str = "{{ blocks }}", register: str = "") -> Task:
    label = {"label": "{{ item.name | default(item[0].name) }}"}  # else each line shows the whole item
    task: Task = {f"openstack.cloud.{module}": arguments, "loop": loop, "loop_control": label}
    return task | ({"register": register} if register else {})


def _grant(state: str) -> Task:
    arguments = {
        "role": "{{ item[1] }}",
        "user": GRANTEE,
        "user_domain": "Default",
        "project": "{{ item[0].name }}",
        "project_domain": "Default",
        "state": state,
    }
    return _task("role_assignment", arguments, loop="{{ blocks | subelements('roles') }}")


def _make() -> list[Task]:
    project = {"name": "{{ item.name }}", "domain": "Default", "description": "bench-engine"}
    user = {"name": "{{ item.name }}", "domain": "Default", "password": "{{ item.password }}"}
    network = {
        "name": "{{ item.name }}",
        "provider_physical_network": "physnet1",
        "provider_network_type": "vlan",
        "provider_segmentation_id": "{{ item.vlan }}",
        "admin_state_up": True,
        "shared": False,
        "port_security_enabled": True,
    }
    subnet = {
        "name": "{{ item.name }}",
        "network": "{{ item.network }}",
        "cidr": "{{ item.cidr }}",
        "gateway_ip": "{{ item.gateway }}",
        "allocation_pools": [{"start": "{{ item.start }}", "end": "{{ item.end }}"}],
        "dns_nameservers": list(DNS),
    }
    policy = {
        "action": "access_as_shared",
        "object_type": "network",
        "object_id": "{{ item.0.network.id }}",
        "project_id": "{{ item.0.network.project_id }}",
        "target_project_id": "{{ item.1.project.id }}",
    }
    shared = _task("neutron_rbac_policy", policy, loop="{{ networks.results | zip(projects.results) }}")
    shared["loop_control"] = {"label": "{{ item.0.network.name }}"}
    return [
        _task("project", project, register="projects"),
        _task("identity_user", user),
        _task("network", network, register="networks"),
        _task("subnet", subnet, loop="{{ subnets }}"),
        shared,
        _grant("present"),
    ]


def _remove() -> list[Task]:
    """Neutron removes a network's policies with it; by the collection each would have to be found by its id."""
    named = {"name": "{{ item.name }}", "state": "absent"}
    in_domain = named | {"domain": "Default"}
    return [
        _grant("absent"),
        _task("subnet", named, loop="{{ subnets }}"),
        _task("network", named),
        _task("identity_user", in_domain),
        _task("project", in_domain),
    ]
