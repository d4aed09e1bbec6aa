"""Faults in names, roles, grants, accounts and directories."""

from tests.mutants.mutant import Mutant

MUTANTS = (
    Mutant(
        "clients.exact:only",
        "row.get(field) == value",
        "str(row.get(field)).casefold() == str(value).casefold()",
        "tests/unit/test_exact.py",
    ),
    Mutant(
        "clients.exact:listed",
        'url, query = str(page.get("next") or "").removeprefix("/v2"), None',
        'url, query = "", None',
        "tests/unit/test_exact.py",
    ),
    Mutant("clients.names:folded", ".rstrip()", "", "tests/unit/test_names.py"),
    Mutant(
        "config.checks.names:_twice",
        "seen.setdefault(folded(name), (index, name))",
        "seen.setdefault(name, (index, name))",
        "tests/unit/test_settings.py",
    ),
    Mutant(
        "dynamic_providers.base:DynamicProvider.delete",
        "if successor is None:",
        "if True:",
        "tests/unit/test_role_set.py",
    ),
    Mutant(
        "dynamic_providers.base:DynamicProvider.update",
        "changed <= self.connection_fields and not self.needs_repair(state.outputs)",
        "changed <= self.connection_fields",
        "tests/unit/test_dynamic_base.py",
    ),
    Mutant(
        "dynamic_providers.role_set.provider:RoleSetProvider.hand_over",
        "set(state.outputs.given) - set(successor.roles)",
        "set(state.outputs.given)",
        "tests/unit/test_role_set.py",
    ),
    Mutant(
        "dynamic_providers.role_set.provider:_removed_with",
        "found if state.inputs.exact else found & set(state.outputs.given)",
        "found",
        "tests/unit/test_role_set.py",
    ),
    Mutant(
        "dynamic_providers.role_set.provider:_bring_to",
        "found if inputs.exact else found & given",
        "found",
        "tests/unit/test_role_set.py",
    ),
    Mutant(
        "clients.keystone.role_assignments:roles",
        'if (INHERITED in found["scope"]) == place.inherited',
        "if found",
        "tests/unit/test_role_set.py",
    ),
    Mutant(
        "dynamic_providers.undeclared_grants.removal:of",
        "elif own.has(assignment.place.principal_kind, assignment.place.principal_id):",
        "elif False:",
        "tests/unit/test_undeclared_grants.py",
    ),
    Mutant(
        "dynamic_providers.undeclared_grants.removal:of",
        "if admins and all(admin in removable for admin in admins):",
        "if False:",
        "tests/unit/test_undeclared_grants.py",
    ),
    Mutant(
        "dynamic_providers.undeclared_grants.provider:_remove",
        "if assignment.key in listed",
        "if True",
        "tests/unit/test_undeclared_grants.py",
    ),
    Mutant(
        "config.grant:DeclaredGrant.covers",
        "folded(assignment.role) in map(folded, self.role_names)",
        "assignment.role in self.role_names",
        "tests/unit/test_undeclared_grants.py",
    ),
    Mutant(
        "config.checks.identity:access_problems",
        "if grant.scope.system and not settings.openstack.allow_system_scope:",
        "if False:",
        "tests/unit/test_access.py",
    ),
    Mutant(
        "config.account:_check_access",
        "if role not in there:",
        "if not there:",
        "tests/unit/test_account.py",
    ),
    Mutant(
        "config.account:AccessSpec.reaches",
        "return self.project is None and self.domain == domain",
        "return self.domain == domain",
        "tests/unit/test_account.py",
    ),
    Mutant(
        "dynamic_providers.application_credential.credentials:ApplicationCredentialArgs.body",
        '"unrestricted": False',
        '"unrestricted": True',
        "tests/unit/test_application_credential.py",
    ),
    Mutant(
        "dynamic_providers.application_credential.credentials:_remove_namesakes",
        '{"name": wanted.name, "description": wanted.description}',
        '{"name": wanted.name}',
        "tests/unit/test_application_credential.py",
    ),
    Mutant(
        "dynamic_providers.keystone_domain_config.provider:KeystoneDomainConfigProvider.find_or_create",
        "live is not None and live != inputs.options and not inputs.adopt",
        "live is None and not inputs.adopt",
        "tests/unit/test_keystone_domain_config.py",
    ),
    Mutant(
        "config.directory:DirectorySpec._tls_in_one_of_two_ways",
        "if urlsplit(url).scheme != wanted:",
        "if urlsplit(url).scheme not in {wanted, 'ldap'}:",
        "tests/unit/test_directory.py",
    ),
    Mutant(
        "clients.directory.search:Search.names",
        "if other != dn:",
        "if False:",
        "tests/unit/test_ldap_probe.py",
    ),
    Mutant(
        "clients.directory.connection:_set_options",
        "ldap.OPT_X_TLS_DEMAND",
        "ldap.OPT_X_TLS_NEVER",
        "tests/unit/test_ldap_probe.py",
    ),
    Mutant(
        "components.identity.lookup:_looked_up",
        'if folded(found.get("name", wanted.name)) != folded(wanted.name):',
        "if False:",
        "tests/unit/test_access.py",
    ),
)
