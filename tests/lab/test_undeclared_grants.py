"""Who has a role on a project, where a domain's people come from a directory: real Keystone, real OpenLDAP."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from openstack.connection import Connection

from clients.errors import CloudError
from clients.keystone import role_assignments
from lab.services import ldap
from lab.settings import LDAP_BASE, Lab
from tests.lab import keystone_cache


@dataclass
class Staffed:
    """A domain of the lab's directory, with a project on which ada and the platform group have a role."""

    admin: Connection
    lab: Lab
    domain_id: str
    domain: str
    project_id: str = ""

    @property
    def identity(self) -> Any:
        """Keystone as the administrator sees it; untyped, because the SDK's types mix its versions 2 and 3."""
        return self.admin.identity

    def configure(self, **changes: str) -> None:
        """Gives the domain its directory, with CHANGES."""
        driver = {
            "url": f"ldaps://{self.lab.address}:{self.lab.ports.ldaps}",
            "tls_cacertfile": str(ldap.authority(self.lab)),
            "user": ldap.BIND_DN,
            "password": (self.lab.etc / "ldap" / "bind.password").read_text(encoding="utf-8").strip(),
            "user_tree_dn": f"ou=people,{LDAP_BASE}",
            "user_objectclass": "inetOrgPerson",
            "user_id_attribute": "uid",
            "user_name_attribute": "uid",
            "group_tree_dn": f"ou=groups,{LDAP_BASE}",
            "group_name_attribute": "cn",
        }
        config = {"config": {"identity": {"driver": "ldap"}, "ldap": driver | changes}}
        self.identity.put(f"/domains/{self.domain_id}/config", json=config).raise_for_status()
        keystone_cache.forget(self.lab)

    def grant(self, kind: str, name: str, role: str) -> str:
        """Grants ROLE on the project; gives back the id of whom it was granted to."""
        query = {"name": name, "domain_id": self.domain_id}
        (found,) = self.identity.get(f"/{kind}s", params=query).json()[f"{kind}s"]
        role_id = self.identity.find_role(role, ignore_missing=False).id
        url = f"/projects/{self.project_id}/{kind}s/{found['id']}/roles/{role_id}"
        self.identity.put(url).raise_for_status()
        return str(found["id"])

    @property
    def roles(self) -> list[str]:
        return [str(each) for each in role_assignments.on_project(self.admin, self.project_id).here]


@pytest.fixture
def staffed(admin: Connection, lab: Lab) -> Iterator[Staffed]:
    identity: Any = admin.identity
    domain = identity.create_domain(name=f"staff-t{secrets.token_hex(3)}")
    made = Staffed(admin, lab, domain.id, domain.name)
    try:
        made.project_id = identity.create_project(name="lab", domain_id=domain.id).id
        made.configure()
        yield made
    finally:
        identity.delete(f"/domains/{domain.id}/config")
        identity.update_domain(domain, is_enabled=False)
        identity.delete_domain(domain)


def test_people_and_groups_of_a_directory_are_named_while_they_exist_and_by_id_afterwards(
    staffed: Staffed,
) -> None:
    ada = staffed.grant("user", "ada", "member")
    staffed.grant("group", "platform", "reader")
    where = f"on project lab@{staffed.domain}"
    platform = f"role 'reader' for group platform@{staffed.domain} {where}"
    assert staffed.roles == [f"role 'member' for user ada@{staffed.domain} {where}", platform]
    staffed.configure(user_filter="(!(uid=ada))")
    assert staffed.roles == [f"role 'member' for user id {ada}, which no longer exists, {where}", platform]


def test_a_directory_that_is_down_is_a_sentence_and_no_list(staffed: Staffed) -> None:
    staffed.grant("user", "ada", "member")
    staffed.configure(url="ldap://127.0.0.1:9")
    with pytest.raises(CloudError, match="is the directory of a domain down"):
        assert staffed.roles
