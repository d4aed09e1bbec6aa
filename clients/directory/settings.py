"""A directory as a domain would use it: how it is reached, and which of its entries count as users and groups."""

from dataclasses import dataclass
from typing import Literal

from clients.directory.login import Login

Kind = Literal["user", "group"]


@dataclass(frozen=True)
class Entries:
    """What counts as a user or group.

    Attributes:
        kind: user or group; settings are named after it in sentences.
        base_dn: below which they are.
        object_class: which they have.
        filter: which they match besides, in brackets; "" for none.
        id_attribute: whose value is their id, one for each.
        name_attribute: whose value is their name.
        wanted_attributes: setting's end and attribute, such as ("mail_attribute", "mail"), that some must have.
    """

    kind: Kind
    base_dn: str
    object_class: str
    filter: str
    id_attribute: str
    name_attribute: str
    wanted_attributes: tuple[tuple[str, str], ...] = ()

    @property
    def query(self) -> str:
        """Keystone's own for all of them, without the id attribute."""
        return f"(&{self.filter}(objectClass={self.object_class}))"


@dataclass(frozen=True)
class Settings:
    """A directory as a domain would use it.

    Attributes:
        subtree: whether entries further below the base DN count (query_scope sub).
        page_size: entries an answer, 0 for all in one.
    """

    login: Login
    users: Entries
    groups: Entries
    subtree: bool
    page_size: int

    @property
    def scope(self) -> int:
        """LDAP's scope of every search."""
        import ldap  # noqa: PLC0415 - takes long, and few stacks have a directory

        return int(ldap.SCOPE_SUBTREE if self.subtree else ldap.SCOPE_ONELEVEL)


@dataclass(frozen=True)
class Named:
    """A user or group by its name."""

    kind: Kind
    name: str

    def __str__(self) -> str:
        """Such as: user 'ada'."""
        return f"{self.kind} {self.name!r}"
