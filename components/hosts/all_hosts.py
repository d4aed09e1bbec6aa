"""All hosts of a stack: enrolled by Kolla-Ansible, brought to their OS image, and watched."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pulumi
import yaml

from clients.managed_host import ManagedHost
from clients.ssh import SshHost
from components.hosts.bare_metal_host import INVENTORY_VARS, BareMetalHost
from components.hosts.enrolment import all_enrolled, describe
from components.hosts.host_os import make_host_os
from components.hosts.monitoring import make_monitoring
from config.host import BareMetalHostSpec
from config.kolla import KollaSpec
from config.settings import Settings
from dynamic_providers.host_os.declared import HostOsHost
from dynamic_providers.kolla_deployment.deployment import DeployedHost, KollaDeploymentArgs
from dynamic_providers.kolla_deployment.provider import KollaDeployment
from dynamic_providers.kolla_host.inventory import known_hosts_of

NAME = "hosts"
"""Of the resources that there is one of for all hosts."""

# Roles of the collection openstack.kolla would install these at run time; here they are in the hosts' image, which
# cannot be changed then (host_image/Containerfile).
_INSTALLED_BY_KOLLA = (
    *("docker_packages", "docker_sdk_packages", "podman_packages", "podman_sdk_packages"),
    *("redhat_pkg_install", "redhat_pkg_removals", "ubuntu_pkg_install", "ubuntu_pkg_removals"),
)


def enrol(settings: Settings, opts: pulumi.ResourceOptions) -> dict[str, object]:
    """Makes the hosts of SETTINGS and all that is done with them; gives what the stack exports, by their names."""
    kolla, management = settings.kolla, settings.management
    if not settings.hosts or not kolla or not management:  # load() asks for both where there are hosts
        return {}
    managed = {spec.name: managed_host(spec, kolla) for spec in settings.hosts}
    hosts = {
        spec.name: BareMetalHost(
            spec.name,
            spec,
            host=managed[spec.name],
            kolla=kolla,
            management=management,
            image=settings.host_image,
            opts=opts,
        )
        for spec in settings.hosts
    }
    deployed = {
        spec.name: DeployedHost(
            **dict(managed[spec.name]), removal=spec.removal, osd_disks=sorted(spec.osd_disks)
        )
        for spec in settings.hosts
    }
    cloud = settings.openstack.cloud
    # One run of Kolla, after all hosts, for those that are new or changed; it undeploys those that left.
    deployment = KollaDeployment(
        NAME,
        KollaDeploymentArgs(
            stack=pulumi.get_stack(),
            hosts=deployed,
            inventory_vars=INVENTORY_VARS,
            configdir=str(kolla.configdir),
            config_folder=str(kolla.overrides),
            inventory=str(kolla.inventory),
            command=kolla.command,
            steps=list(kolla.steps),
            # As text: numbers would reach the provider as floats.
            globals=yaml.safe_dump(variables(settings, kolla), sort_keys=True, allow_unicode=True),
            service_config=kolla.service_config,
            cloud=cloud,
            ceph_user=kolla.ceph.user if kolla.ceph else None,
            ceph_conf=str(kolla.ceph.conf) if kolla.ceph else None,
        ),
        pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=list(hosts.values()))),
    )
    if warning := even_quorum(settings.hosts):
        pulumi.log.warn(warning)
    # Nothing more is done with any host while one of them is not enrolled.
    enrolled = deployment.results.apply(lambda results: all_enrolled(results, hosts))
    after = pulumi.ResourceOptions.merge(
        opts, pulumi.ResourceOptions(depends_on=enrolled.apply(lambda _: [deployment]))
    )
    systems = [
        HostOsHost(
            **dict(managed[spec.name]) | {"labels": {}},  # they are nothing to an image: no difference there
            image=spec.image_of(settings.host_image),
            serial=spec.os.serial if spec.os else 1,
        )
        for spec in settings.hosts
    ]
    make_host_os(NAME, settings.host_os, hosts=systems, cloud=cloud, opts=after)
    if settings.monitoring:
        make_monitoring(NAME, settings.monitoring, hosts=managed, kolla=kolla, opts=after)
    return {
        name: {**host.summary, "result": deployment.results.apply(partial(describe, name))}
        for name, host in hosts.items()
    }


def variables(settings: Settings, kolla: KollaSpec) -> dict[str, Any]:
    """Kolla's globals: what these hosts need, and what the stack file says, which wins."""
    needed: dict[str, Any] = {
        **{packages: [] for packages in _INSTALLED_BY_KOLLA},
        # The host's own has the bond, and is there before any container runs (docs/adr/0014).
        "enable_openvswitch": "no",
        # Without it Kolla gives the agents of compute hosts no bridge for VLANs.
        "enable_neutron_provider_networks": "yes",
        # So are these settings.
        "change_selinux": False,
        "disable_firewall": False,
        "enable_docker_repo": False,
        "kolla_container_engine": kolla.container_engine,
        "node_custom_config": str(kolla.overrides),
    }
    physical_networks = settings.carriers
    if physical_networks:
        needed["neutron_physical_networks"] = physical_networks[0]
    return needed | (settings.monitoring.globals if settings.monitoring else {}) | kolla.globals


def even_quorum(hosts: Sequence[BareMetalHostSpec]) -> str | None:
    """What an even number of control hosts means, a sentence; no mistake, as one that is dead has to go first."""
    control = [host.name for host in hosts if "control" in host.roles]
    if not control or len(control) % 2:
        return None
    count = len(control)
    quorum, bearable = count // 2 + 1, count // 2 - 1
    return (
        f"{count} hosts have the role control ({', '.join(control)}), and {quorum} of them have to be up: {count} "
        f"tolerate the loss of {bearable or 'none'}, as {count - 1} would; an even number adds no fault tolerance, make it {count - 1} or {count + 1}"
    )


def managed_host(spec: BareMetalHostSpec, kolla: KollaSpec) -> ManagedHost:
    """The host of SPEC, reached as KOLLA says."""
    assert kolla.ssh, "load() asks for it with hosts"
    return ManagedHost(
        ssh=SshHost(
            name=spec.name,
            address=str(spec.address),
            port=kolla.ssh.port,
            user=kolla.ssh.user,
            private_key_file=kolla.ssh.private_key_file,
            known_hosts_file=known_hosts_of(Path(kolla.inventory), spec.name),
        ),
        roles=tuple(sorted(spec.roles)),
        container_engine=kolla.container_engine,
        labels=spec.labels,
    )
