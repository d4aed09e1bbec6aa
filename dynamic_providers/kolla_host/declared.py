"""What is declared of one host for Kolla-Ansible."""

from pathlib import Path

from pydantic import Field

from clients.managed_host import ManagedHost
from dynamic_providers.base import Inputs
from dynamic_providers.kolla_host import inventory


class KollaHostArgs(ManagedHost, Inputs):
    """What a Kolla host declares.

    Attributes:
        host_key: the public SSH key it has to have; left out, the first one seen is kept.
        inventory: the inventory folder.
        command: Kolla-Ansible's program, beside which Ansible is.
        inventory_vars: what goes beside ansible_host.
        kickstart: the text it is installed by.
        kickstart_file: where that is written.
        links: the two network interfaces of its bond.
        vlans: what these have to carry, besides the management VLAN.
        network: the text of the file that a host which runs makes its network from; left out, it stays as it is.
        osd_disks: paths of the disks for Ceph.
    """

    host_key: str | None = None
    inventory: Path
    command: str = "kolla-ansible"
    inventory_vars: dict[str, str | list[str]] = Field(default_factory=dict)
    kickstart: str
    kickstart_file: Path
    links: list[str] = Field(min_length=2, max_length=2)
    vlans: list[int] = Field(default_factory=list)
    network: str | None = None
    osd_disks: list[str] = Field(default_factory=list)

    @property
    def inventory_file(self) -> Path:
        """Its own file in the inventory."""
        return inventory.file_of(self.inventory, self.name)

    @property
    def inventory_text(self) -> str:
        """What that holds."""
        return inventory.text(self, self.inventory_vars)

    @property
    def files(self) -> list[Path]:
        """All that is written for it."""
        return [self.kickstart_file, self.ssh.known_hosts_file, self.inventory_file]
