"""Faults in VLANs, addresses, quotas and security groups."""

from tests.mutants.mutant import Mutant

MUTANTS = (
    Mutant(
        "config.fields:between",
        "value <= last",
        "value <= last + 1",
        "tests/unit/test_annotated_types.py",
    ),
    Mutant(
        "config.fields:VlanId",
        "between(1, ",
        "between(0, ",
        "tests/unit/test_annotated_types.py",
    ),
    Mutant(
        "config.fields:Mtu",
        "between(68, ",
        "between(1, ",
        "tests/unit/test_annotated_types.py",
    ),
    Mutant(
        "config.fields:cidr_or_error",
        "raise invalid(f\"{value!r} has host bits set; the network is '{network}'\")",
        "return network",
        "tests/unit/test_settings.py",
    ),
    Mutant(
        "config.network:ProviderNetworkSpec._the_mtu_carries_ipv6",
        "mtu < IPV6_LEAST_MTU",
        "mtu < IPV6_LEAST_MTU - 1",
        "tests/unit/test_settings.py",
    ),
    Mutant(
        "config.subnet:SubnetSpec._pools_are_apart_and_inside",
        "if one.start in other or one.end in other or other.start in one:",
        "if one.start in other:",
        "tests/unit/test_settings.py",
    ),
    Mutant(
        "config.subnet:SubnetSpec._pools_are_apart_and_inside",
        "elif isinstance(gateway, IpAddr) and gateway in pool:",
        "elif gateway == pool.start:",
        "tests/unit/test_settings.py",
    ),
    Mutant("config.subnet:usable_range", "last - 1 if", "last if", "tests/unit/test_settings.py"),
    Mutant(
        "config.checks.addresses:_vlans_used_twice",
        "key = (segment.physical_network, segment.vlan)",
        "key = (network.name, segment.vlan)",
        "tests/unit/test_settings.py",
    ),
    Mutant(
        "config.checks.addresses:_overlapping_cidrs",
        "cidr.overlaps(subnet.cidr)",
        "cidr == subnet.cidr",
        "tests/unit/test_settings.py",
    ),
    Mutant(
        "config.checks.addresses:_addresses_that_ports_may_get",
        "for pool, owner in around(address):",
        "for pool, owner in around(address)[1:]:",
        "tests/unit/test_settings.py",
    ),
    Mutant(
        "components.network.provider_network:ProviderNetwork.__init__",
        'replace_on_changes=["segments"],',
        "",
        "tests/unit/test_components.py::test_a_network_on_another_vlan_and_an_account_in_another_domain_are_others",
    ),
    Mutant(
        "program.resource_options:protecting",
        "pulumi.ResourceOptions(protect=True)",
        "pulumi.ResourceOptions()",
        "tests/unit/test_components.py::test_what_is_protected_cannot_be_removed_and_what_is_adopted_neither",
    ),
    Mutant(
        "program.replacement:_deleted_first",
        "opts.delete_before_replace = True",
        "opts.delete_before_replace = None",
        "tests/unit/test_replacement.py",
    ),
    Mutant("config.quota:_limit", "value >= 0", "value >= -1", "tests/unit/test_quota.py"),
    Mutant(
        "components.identity.quota:Quota.__init__",
        'per_volume_gb="per_volume_gigabytes"',
        'backups="per_volume_gigabytes"',
        "tests/unit/test_quota.py",
    ),
    Mutant(
        "config.security_group_rule:_ports",
        "int(first) <= int(last)",
        "int(last)",
        "tests/unit/test_security_group.py",
    ),
    Mutant(
        "config.security_group_rule:RuleSpec.rules",
        "cidr=None if isinstance(remote, str) or group else canonical_cidr(str(remote)),",
        "cidr=None,",
        "tests/unit/test_security_group.py",
    ),
    Mutant(
        "dynamic_providers.default_security_group.group:give_back",
        "if not _named_by_other_groups(conn, group_id):",
        "if True:",
        "tests/unit/test_default_security_group.py",
    ),
    Mutant(
        "clients.neutron.security_groups:bring_to",
        "if answer.status_code != HTTPStatus.CONFLICT or not _is_there(answer):",
        "if answer.status_code != HTTPStatus.CONFLICT:",
        "tests/unit/test_default_security_group.py",
    ),
    Mutant(
        "dynamic_providers.security_group_rules.provider:SecurityGroupRulesProvider.delete_live",
        "if refused := self.delete_refusals(state):",
        "if False:",
        "tests/unit/test_security_group_rules.py",
    ),
    Mutant(
        "dynamic_providers.server_group.groups:delete",
        "if refused := refusal(conn, group):",
        "if False:",
        "tests/unit/test_server_group.py",
    ),
    Mutant(
        "operations.adopt.plan:_changes",
        "has_tags = set(",
        'has_tags = bool(change.new.get("tags")) or set(',
        "tests/unit/test_adopt_plan.py",
    ),
    Mutant(
        "dynamic_providers.subnet_lists.provider:SubnetListProvider",
        "if subnet is None or _items(subnet, inputs) != inputs.items:",
        "if True:",
        "tests/unit/test_subnet_lists.py",
    ),
    Mutant(
        "policy.networks:_vlan_off_the_trunk",
        'if vlan not in map(int, host.entries("vlans"))',
        'if not host.entries("vlans")',
        "tests/unit/test_policy_rules.py",
    ),
    Mutant(
        "policy.security_groups:_world", "prefixlen <= 1", "prefixlen == 1", "tests/unit/test_policy_rules.py"
    ),
    Mutant(
        "program.resource_options:adopting",
        "import_=spec.adopt, protect=True",
        "import_=spec.adopt",
        "tests/unit/test_components.py::test_what_is_protected_cannot_be_removed_and_what_is_adopted_neither",
    ),
)
