"""Hosts: machines with two links that Kolla-Ansible makes a part of the cloud."""

from typing import Any

import pulumi

from components.hosts.kickstart import Installation, network, render
from config.host import BareMetalHostSpec
from config.host_image import HostImageSpec
from config.kolla import KollaSpec, KollaSshSpec
from config.management import ManagementSpec
from dynamic_providers.kolla_host import KollaHost

MANAGEMENT_PORT = "mgmt"  # as host_image/host_network.py calls it


class BareMetalHost(pulumi.ComponentResource):
    """A host that is installed, reachable and fit, and known to Kolla-Ansible; `Enrolment` makes it one of the cloud.

    Makes one `KollaHost`. It writes the kickstart that installs the host, and once the host answers and is as
    declared, its file in Kolla's inventory. The network of one that runs is changed in place.
    """

    for_kolla: dict[str, Any]
    """What the one deployment of all hosts has to know of it."""
    summary: dict[str, object]
    """What the stack exports: address, roles, and where its kickstart is."""

    def __init__(
        self,
        name: str,
        spec: BareMetalHostSpec,
        *,
        kolla: KollaSpec,
        management: ManagementSpec,
        image: HostImageSpec,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("private-cloud:host:BareMetalHost", name, None, opts)
        assert kolla.ssh, "load() asks for it with hosts"
        kickstart_file = str(kolla.kickstarts / f"{spec.name}.ks")
        installation = _installation(spec, kolla, kolla.ssh, management, image)
        host = KollaHost(
            name,
            host_name=spec.name,
            address=str(spec.address),
            port=kolla.ssh.port,
            user=kolla.ssh.user,
            private_key_file=str(kolla.ssh.private_key_file),
            host_key=spec.host_key,
            roles=spec.roles,
            inventory=str(kolla.inventory),
            inventory_vars={"network_interface": MANAGEMENT_PORT},
            kickstart=render(installation),
            kickstart_file=kickstart_file,
            links=spec.links,
            vlans=spec.vlans,
            network=network(installation),
            osd_disks=spec.osd_disks,
            container_engine=kolla.container_engine,
            labels=spec.labels,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.for_kolla = {
            "address": str(spec.address),
            "roles": sorted(spec.roles),
            "fingerprint": host.fingerprint,
            "removal": spec.removal,
            "osd_disks": sorted(spec.osd_disks),
            "labels": spec.labels,
        }
        self.summary = {"address": str(spec.address), "roles": list(spec.roles), "kickstart": kickstart_file}
        self.register_outputs(self.summary)


def _installation(
    spec: BareMetalHostSpec,
    kolla: KollaSpec,
    ssh: KollaSshSpec,
    management: ManagementSpec,
    image: HostImageSpec,
) -> Installation:
    return Installation(
        name=spec.name,
        address=spec.address,
        network=management.cidr,
        gateway=management.gateway,
        vlan=management.vlan,
        links=spec.links,
        bond_mode=spec.bond_mode,
        vlans=spec.vlans,
        install_disk=spec.install_disk,
        image=spec.image_of(image) or "",  # load() asks for one
        user=ssh.user,
        public_key=ssh.public_key,
        port=ssh.port,
        mtu=image.mtu,
        nameservers=image.nameservers,
        # Neutron's agent, which Kolla tells this one, and the host have to agree.
        datapath_type=str(kolla.globals.get("ovs_datapath", "system")),
    )
