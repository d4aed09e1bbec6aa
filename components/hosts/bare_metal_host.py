"""Hosts: machines with two links that Kolla-Ansible makes a part of the cloud."""

from pathlib import Path

import pulumi

from clients.managed_host import ManagedHost
from components.hosts.kickstart import Installation, network, render
from config.host import BareMetalHostSpec, HostImageSpec
from config.kolla import KollaSpec
from config.management import ManagementSpec
from dynamic_providers.kolla_host.declared import KollaHostArgs
from dynamic_providers.kolla_host.provider import KollaHost

INVENTORY_VARS: dict[str, str | list[str]] = {"network_interface": "mgmt"}
"""What every host's file in the inventory says beside how it is reached; mgmt as in host_image/host_network.py."""


class BareMetalHost(pulumi.ComponentResource):
    """A host that is installed, reachable and fit, and known to Kolla-Ansible; `Enrolment` makes it one of the cloud.

    Makes one `KollaHost`. It writes the kickstart that installs the host, and once the host answers and is as
    declared, its file in Kolla's inventory. The network of one that runs is changed in place.
    """

    summary: dict[str, object]
    """What the stack exports: address, roles, and where its kickstart is."""

    def __init__(
        self,
        name: str,
        spec: BareMetalHostSpec,
        *,
        host: ManagedHost,
        kolla: KollaSpec,
        management: ManagementSpec,
        image: HostImageSpec,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("private-cloud:host:BareMetalHost", name, None, opts)
        assert kolla.ssh, "load() asks for it with hosts"
        kickstart_file = Path(kolla.kickstarts, f"{spec.name}.ks")
        # Neutron's agent, which Kolla tells its datapath, and the host have to agree.
        datapath_type = str(kolla.globals.get("ovs_datapath", "system"))
        installation = Installation(spec, kolla.ssh, management, image, datapath_type)
        KollaHost(
            name,
            KollaHostArgs(
                **dict(host),
                host_key=spec.host_key,
                inventory=Path(kolla.inventory),
                command=kolla.command,
                inventory_vars=INVENTORY_VARS,
                kickstart=render(installation),
                kickstart_file=kickstart_file,
                links=list(spec.links),
                vlans=sorted(spec.vlans),
                network=network(installation),
                osd_disks=sorted(spec.osd_disks),
            ),
            pulumi.ResourceOptions(parent=self),
        )
        self.summary = {
            "address": str(spec.address),
            "roles": list(spec.roles),
            "kickstart": str(kickstart_file),
        }
        self.register_outputs(self.summary)
