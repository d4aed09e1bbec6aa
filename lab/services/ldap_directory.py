"""The company in the lab's directory: people, groups, and the account Keystone binds as."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass

from lab.settings import LDAP_BASE

PEOPLE_OU = f"ou=people,{LDAP_BASE}"
GROUPS_OU = f"ou=groups,{LDAP_BASE}"


@dataclass(frozen=True)
class Person:
    """Somebody who works there."""

    uid: str
    given: str
    family: str

    @property
    def dn(self) -> str:
        """The entry's name."""
        return f"uid={self.uid},{PEOPLE_OU}"

    @property
    def guid(self) -> bytes:
        """16 bytes that are no text, as Active Directory gives everybody."""
        return b"\xc3\x28" + hashlib.sha256(self.uid.encode()).digest()[:14]


PEOPLE = (
    Person("ada", "Ada", "Lindqvist"),
    Person("bram", "Bram", "de Vries"),
    Person("chidi", "Chidi", "Okafor"),
    Person("dana", "Dana", "Weiss"),
    Person("emre", "Emre", "Yildiz"),
    Person("farah", "Farah", "Haddad"),
    Person("goran", "Goran", "Petrović"),
    Person("hana", "Hana", "Sato"),
    Person("ines", "Inês", "Carvalho"),
    Person("jonas", "Jonas", "Brandt"),
)
GROUPS = {
    "platform": ("ada", "bram"),
    "developers": ("bram", "chidi", "dana", "emre", "farah", "goran"),
    "testers": ("hana", "ines"),
    "leavers": ("jonas",),
}


def ldif(bind_hash: str, people_hash: str) -> str:
    """Render the directory for slapadd.

    Args:
        bind_hash: Password hash of the account Keystone binds as.
        people_hash: Password hash that all people of the lab share.
    """
    domain = LDAP_BASE.split(",", 1)[0].removeprefix("dc=")
    head = (
        f"dn: {LDAP_BASE}\nobjectClass: dcObject\nobjectClass: organization\ndc: {domain}\no: Example Corp\n"
    )
    units = ("people", "groups", "services")
    entries = [head]
    entries += [f"dn: ou={unit},{LDAP_BASE}\nobjectClass: organizationalUnit\nou: {unit}\n" for unit in units]
    entries.append(
        f"dn: cn=keystone,ou=services,{LDAP_BASE}\nobjectClass: organizationalRole\n"
        f"objectClass: simpleSecurityObject\ncn: keystone\nuserPassword: {bind_hash}\n",
    )
    for person in PEOPLE:
        name = f"{person.given} {person.family}"
        entries.append(
            f"dn: {person.dn}\nobjectClass: inetOrgPerson\nobjectClass: employee\n"
            f"objectGUID:: {base64.b64encode(person.guid).decode()}\nbadge: {person.uid}-1\nemployeeType: staff\n"
            f"uid: {person.uid}\n{_text('cn', name)}"
            f"{_text('givenName', person.given)}{_text('sn', person.family)}"
            f"mail: {person.uid}@corp.example\nuserPassword: {people_hash}\n",
        )
    known = {person.uid: person for person in PEOPLE}
    for group, members in GROUPS.items():
        lines = "".join(f"member: {known[uid].dn}\n" for uid in members)
        entries.append(f"dn: cn={group},{GROUPS_OU}\nobjectClass: groupOfNames\ncn: {group}\n{lines}")
    return "\n".join(entries)


def _text(attribute: str, value: str) -> str:
    """Render one attribute; what is not ASCII goes in base64 (RFC 2849)."""
    if value.isascii():
        return f"{attribute}: {value}\n"
    return f"{attribute}:: {base64.b64encode(value.encode()).decode()}\n"
