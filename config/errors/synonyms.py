"""Other tools' words for keys of a stack file, for "did you mean"."""

from collections.abc import Iterable, Mapping

_SYNONYMS: Mapping[str, tuple[str, ...]] = {
    # Keys, as Neutron, Nova, Terraform and cloud-init have them.
    "allocation_pool": ("allocation_pools",),
    "availability_zone_hints": ("availability_hints",),
    "default_gateway": ("gateway",),
    "dns_nameservers": ("dns", "nameservers"),
    "dns_servers": ("dns", "nameservers"),
    "enable_dhcp": ("dhcp",),
    "gateway_ip": ("gateway",),
    "interfaces": ("links",),
    "ip": ("address",),
    "ipv6_address_mode": ("address_mode", "ipv6"),
    "ipv6_ra_mode": ("ra_mode", "ipv6"),
    "ldap": ("directory",),
    "metadata": ("properties",),
    "nameservers": ("dns",),
    "nexthop": ("next_hop",),
    "nics": ("links",),
    "osds": ("osd_disks",),
    "physnet": ("physical_network",),
    "port_range": ("ports",),
    "port_security_enabled": ("port_security",),
    "quotas": ("quota",),
    "ram": ("ram_mb", "min_ram_mb"),
    "routes": ("host_routes",),
    "remote_group": ("remote",),
    "remote_group_id": ("remote",),
    "remote_ip_prefix": ("remote",),
    "rules": ("ingress",),
    "secgroups": ("security_groups",),
    "security_group": ("security_groups", "default_security_group"),
    "segmentation_id": ("vlan",),
    "service_accounts": ("accounts",),
    "tenant": ("project",),
    "tenants": ("projects",),
    "users": ("accounts",),
    "vlan_id": ("vlan",),
    # Roles of hosts.
    "ceph": ("storage", "ceph_users"),
    "ceph_osd": ("storage",),
    "controller": ("control",),
    "hypervisor": ("compute",),
    "master": ("control",),
    "osd": ("storage",),
    "prometheus": ("monitoring",),
    "worker": ("compute",),
}


def meant(word: str, known: Iterable[str]) -> str:
    """A hint "; did you mean X?" with the one of KNOWN that other tools call WORD, or ""."""
    there = set(known)
    found = (
        name
        for name in _SYNONYMS.get(word.casefold().replace("-", "_").replace(" ", "_"), ())
        if name in there
    )
    return next((f"; did you mean {name!r}?" for name in found), "")
