"""How a directory is reached, and what can be wrong with it. Without python-ldap, which takes long to import."""

from dataclasses import dataclass, field
from pathlib import Path

from clients.errors import CloudError


class DirectoryError(CloudError):
    """A setting is wrong, by what the directory said.

    Attributes:
        setting: its name: url, ca_file, bind_dn, user_filter and so on.
        sentence: what is wrong with it and what would be right.
    """

    def __init__(self, setting: str, sentence: str) -> None:
        super().__init__(f"{setting}: {sentence}")
        self.setting = setting
        self.sentence = sentence


class UnreachableError(CloudError):
    """The directory did not answer from this machine, which says nothing about the settings."""


@dataclass(frozen=True)
class Login:
    """How a directory is reached and searched.

    Attributes:
        urls: ldaps://HOST[:PORT], or ldap://HOST[:PORT] with ``start_tls``.
        start_tls: whether an ldap:// connection is turned into a TLS one before anything is said.
        ca_file: PEM file of the CA that signed the servers' certificates.
        ca_setting: what the stack file calls it, for sentences.
        bind_dn: the account, a DN (Active Directory takes user@domain too).
        timeout_s: for connecting and for each answer.
    """

    urls: tuple[str, ...]
    start_tls: bool
    ca_file: Path
    ca_setting: str
    bind_dn: str
    bind_password: str = field(repr=False)
    timeout_s: int = 10
