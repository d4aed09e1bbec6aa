"""nova-compute on lab-qemu: guests in QEMU, whose disks are clones of images in Ceph, and whose ports are wired.

It asks the internal Glance, which shows where images are: without that Nova would copy each image
(docs/adr/0040-a-real-compute-host.md).
"""

from __future__ import annotations

import dataclasses
import functools
import json
from typing import TYPE_CHECKING, Any, cast

from lab.admin_connection import admin_connection
from lab.configuration import File, ini
from lab.qemu import libvirt, namespaces, network
from lab.qemu.host import NAME, TRAIT, QemuHost
from lab.services import api, glance, nova, report
from lab.settings import INSTANCE_POOL

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lab.daemon import Daemon
    from lab.settings import Lab

DAEMON = "qemu-nova-compute"
PRIVILEGED = ("nova_sys_admin", "vif_plug_ovs_privileged", "privsep_osbrick")
AGGREGATE = "qemu"


def folder(lab: Lab) -> Path:
    """Return what Nova keeps of this host."""
    return lab.data / "nova" / NAME


def files(lab: Lab, secrets: Mapping[str, str]) -> tuple[File, ...]:
    """Render its configuration, and the trait that flavors ask for."""
    path = lab.etc / "nova" / f"nova-compute-{NAME}.conf"
    providers = lab.etc / "nova" / "providers"
    sections = nova.common(lab, secrets)
    sections["DEFAULT"] |= {
        "host": NAME,
        "my_ip": QemuHost(lab).address,
        "state_path": folder(lab),
        "compute_driver": "libvirt.LibvirtDriver",
        "force_config_drive": True,
        "graceful_shutdown_timeout": 5,
        "reserved_host_memory_mb": 0,
        # Most guests wait for something to do, and their disks are clones.
        "cpu_allocation_ratio": 16.0,
        "disk_allocation_ratio": 4.0,
    }
    sections["oslo_concurrency"] = {"lock_path": folder(lab) / "locks"}
    sections["compute"] = {"provider_config_location": providers}
    sections["libvirt"] = {
        "virt_type": "qemu",
        "cpu_mode": "none",
        "connection_uri": libvirt.uri(lab),
        "images_type": "rbd",
        "images_rbd_pool": INSTANCE_POOL,
        "images_rbd_ceph_conf": lab.ceph_conf,
        "rbd_user": "nova",
        "rbd_secret_uuid": secrets[libvirt.SECRET],
        "inject_partition": -2,
    }
    sections["glance"] |= {"endpoint_override": glance.internal_url(lab)}
    sections["workarounds"] = {"never_download_image_if_on_rbd": True}
    sections["os_vif_ovs"] = {"ovsdb_connection": network.OVSDB}
    for section in PRIVILEGED:
        sections[section] = {"helper_command": helper(lab, path)}
    provider = {
        "meta": {"schema_version": "1.0"},
        "providers": [
            {"identification": {"uuid": "$COMPUTE_NODE"}, "traits": {"additional": [TRAIT]}},
        ],
    }
    return (
        File(path, ini(sections)),
        File(providers / f"{NAME}.yaml", json.dumps(provider, indent=1) + "\n"),
    )


def helper(lab: Lab, configuration: Path) -> str:
    """Build the command for a privsep helper: it is root already, so without sudo."""
    binaries = lab.programs / "bin"
    return f"{binaries}/python {binaries}/privsep-helper --config-file {configuration}"


def prepare(lab: Lab) -> None:
    """Make the folders."""
    (folder(lab) / "locks").mkdir(parents=True, exist_ok=True)


def keep_for_those_who_ask(lab: Lab) -> None:
    """Keep the host for flavors that ask for its trait: every other server is the fake driver's. Safe to repeat.

    See https://docs.openstack.org/nova/latest/reference/isolate-aggregates.html.
    """
    with admin_connection(lab) as cloud:
        compute = cast("Any", cloud.compute)
        aggregate = next((one for one in compute.aggregates() if one.name == AGGREGATE), None)
        aggregate = aggregate or compute.create_aggregate(name=AGGREGATE)
        wanted = {f"trait:{TRAIT}": "required"}
        if not wanted.items() <= (aggregate.metadata or {}).items():
            aggregate = compute.set_aggregate_metadata(aggregate, wanted)
        if NAME not in (aggregate.hosts or []):
            compute.add_host_to_aggregate(aggregate, NAME)


def on_lab_qemu(lab: Lab, daemon: Daemon) -> Daemon:
    """Have a program of OpenStack run there."""
    return dataclasses.replace(
        daemon,
        command=namespaces.inside(lab, *daemon.command),
        environment={**namespaces.environment(lab), **daemon.environment},
        address=QemuHost(lab).address,
    )


def daemons(lab: Lab, secrets: Mapping[str, str]) -> tuple[Daemon, ...]:
    """List the one program."""
    (configuration, provider) = files(lab, secrets)
    check = functools.partial(
        report.at_work,
        *(lab, secrets, "nova", "nova-compute", f"compute.{NAME}"),
        host=NAME,
        column="last_seen_up",
        daemon=DAEMON,
    )
    made = api.daemon(lab, "nova", "nova-compute", name=DAEMON, files=(configuration,), check=check)
    return (on_lab_qemu(lab, dataclasses.replace(made, files=(configuration, provider))),)
