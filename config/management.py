"""The management VLAN: it exists on the switches, this program does not create it, and networks must not use it."""

from pydantic import Field, ValidationInfo

from config.fields import Cidr, IpAddr, IpAddress, IpNet, Name, VlanId
from config.spec import Problems, Spec, checking
from config.subnet import host_address_problem


class ManagementSpec(Spec, nothing="vlan physical_networks cidr gateway addresses"):
    """The management VLAN and the addresses that are in use there."""

    vlan: VlanId = Field(description="the management VLAN's ID, a number from 1 to 4094")
    physical_networks: tuple[Name, ...] = Field(
        (), description="a list of the physical networks that carry it; left out, any may"
    )
    cidr: Cidr = Field(description="the management VLAN's addresses, such as '10.10.0.0/24'")
    gateway: IpAddress | None = Field(None, description="its gateway's address")
    addresses: dict[Name, IpAddress] = Field(
        default_factory=dict,
        description="a map of hosts to their addresses there, such as dns-1: 10.10.0.53",
    )

    @checking("gateway")
    def _gateway_is_a_host(cls, gateway: IpAddr | None, info: ValidationInfo) -> Problems:
        cidr: IpNet | None = info.data.get("cidr")
        if gateway and cidr and (problem := host_address_problem("gateway", gateway, cidr)):
            yield problem

    @checking("addresses")
    def _each_host_has_its_own(cls, addresses: dict[str, IpAddr], info: ValidationInfo) -> Problems:
        cidr: IpNet | None = info.data.get("cidr")
        gateway: IpAddr | None = info.data.get("gateway")
        owners = {gateway: "the gateway"} if gateway else {}
        for host, address in addresses.items():
            if cidr and (problem := host_address_problem("address", address, cidr)):
                yield (host,), problem
            elif address in owners:
                yield (host,), f"{address} is {owners[address]}'s already; give each its own"
            owners.setdefault(address, host)

    def is_on(self, physical_network: str, vlan: int) -> bool:
        """Whether VLAN on PHYSICAL_NETWORK is this one."""
        return vlan == self.vlan and (
            not self.physical_networks or physical_network in self.physical_networks
        )
