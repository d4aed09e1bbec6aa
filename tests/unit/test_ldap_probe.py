"""What OpenLDAP in the lab does not do: limits and referrals of Active Directory, and its reasons. With a FAKE connection.

Everything else of the probe is asked of a real directory, in tests/lab/test_directory.py.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ldap
import pytest

from clients.directory import connection as client
from clients.directory import probe as ldap_probe
from clients.directory.login import DirectoryError, Login, UnreachableError
from clients.directory.probe import probe
from clients.directory.settings import Entries, Named, Settings

LOGIN = Login(("ldaps://dc1", "ldaps://dc2"), False, Path("/ca.pem"), "ca_file", "cn=k,dc=x", "secret", 1)
USERS = Entries("user", "ou=people,dc=x", "person", "", "cn", "cn")
GROUPS = Entries("group", "ou=groups,dc=x", "group", "", "cn", "cn")
SETTINGS = Settings(LOGIN, USERS, GROUPS, subtree=True, page_size=0)


class FakeConnection:
    """One entry below each base, and what a test adds to an unlimited search."""

    def __init__(self) -> None:
        self.raised: ldap.LDAPError | None = None
        self.more: list[tuple[str | None, Any]] = []
        self._last_search = ("", 0)

    def search_ext(
        self, base: str, _scope: int, _query: str, _attributes: list[str], *, sizelimit: int = 0, **_: object
    ) -> int:
        self._last_search = (base, sizelimit)
        self._left = [(f"cn=one,{base}", {"CN": [b"one"]})]
        return 1

    def result3(self, _message: int, **_: object) -> tuple[Any, ...]:
        base, limit = self._last_search
        if not limit and self.raised and base.startswith("ou=people"):
            raise self.raised
        if self._left:
            found = [*self._left, *self.more]
            self._left = []
            return ldap.RES_SEARCH_ENTRY, found, 1, []
        return ldap.RES_SEARCH_RESULT, [], 1, []


@pytest.fixture
def directory(monkeypatch: pytest.MonkeyPatch) -> FakeConnection:
    fake = FakeConnection()

    @contextmanager
    def connect(_login: Login, url: str) -> Iterator[FakeConnection]:
        if url == "ldaps://dc2":
            raise UnreachableError(f"{url}: Connection refused")
        yield fake

    monkeypatch.setattr(ldap_probe, "connect", connect)
    return fake


@pytest.mark.usefixtures("directory")
def test_one_address_of_two_is_enough_and_the_other_is_told() -> None:
    found = probe(SETTINGS, [])
    assert (found.users.number, found.groups.number) == (1, 1)
    assert found.unreachable == ("ldaps://dc2: Connection refused",)


def test_the_witness_is_named_in_a_grant_or_a_group(directory: FakeConnection) -> None:
    assert probe(SETTINGS, [Named("user", "one")]).sample == Named("user", "one")
    assert probe(SETTINGS, []).sample == Named("group", "one")
    assert directory.raised is None


def test_referrals_are_no_entries(directory: FakeConnection) -> None:
    directory.more = [(None, ["ldap://other.corp.example/DC=other"])]
    assert probe(SETTINGS, []).users.number == 1


def test_an_id_that_two_entries_have_is_nobodys(directory: FakeConnection) -> None:
    directory.more = [("cn=one,ou=more,ou=people,dc=x", {"CN": [b"ONE"]})]
    with pytest.raises(DirectoryError) as caught:
        probe(SETTINGS, [])
    assert caught.value.setting == "user_id_attribute"


@pytest.mark.parametrize(
    ("raised", "setting", "sentence"),
    [
        (
            ldap.SIZELIMIT_EXCEEDED({"desc": "Size limit exceeded"}),
            "page_size",
            "set page_size, 500 for most",
        ),
        (ldap.UNAVAILABLE_CRITICAL_EXTENSION(), "page_size", "knows no paging; leave page_size out"),
        (ldap.INSUFFICIENT_ACCESS(), "bind_dn", "give the account read access"),
        (ldap.REFERRAL(), "user_base_dn", "there is no 'ou=people,dc=x'"),
        (
            ldap.OPERATIONS_ERROR({"desc": "Operations error"}),
            "user_base_dn",
            "refuses the search: Operations error",
        ),
    ],
)
def test_what_a_directory_refuses_is_told_with_its_setting(
    directory: FakeConnection, raised: ldap.LDAPError, setting: str, sentence: str
) -> None:
    directory.raised = raised
    with pytest.raises(DirectoryError) as caught:
        probe(SETTINGS, [])
    assert caught.value.setting == setting
    assert sentence in caught.value.sentence


def test_active_directorys_reason_is_told_and_the_password_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing:
        def simple_bind_s(self, *_: str) -> None:
            raise ldap.INVALID_CREDENTIALS(
                {
                    "desc": "Invalid credentials",
                    "info": "80090308: LdapErr: DSID-0C0903, comment: x, data 775, v1db1",
                }
            )

        def set_option(self, *_: object) -> None: ...

        def unbind_s(self) -> None: ...

    monkeypatch.setattr("clients.directory.tls.distrust", lambda *_, **__: None)
    monkeypatch.setattr(ldap, "initialize", lambda _url: Refusing())
    with pytest.raises(DirectoryError) as caught, client.connect(LOGIN, "ldaps://dc1"):
        pass
    assert caught.value.setting == "bind_password"
    assert "the account is locked" in caught.value.sentence
    assert "secret" not in str(caught.value)
    assert "secret" not in repr(LOGIN)


def test_a_connection_takes_no_certificate_but_that_of_the_ca(monkeypatch: pytest.MonkeyPatch) -> None:
    class Recording:
        def __init__(self) -> None:
            self.options: list[tuple[int, object]] = []

        def set_option(self, option: int, value: object) -> None:
            self.options.append((option, value))

        def simple_bind_s(self, *_: str) -> None: ...

        def unbind_s(self) -> None: ...

    connection = Recording()
    monkeypatch.setattr("clients.directory.tls.distrust", lambda *_, **__: None)
    monkeypatch.setattr(ldap, "initialize", lambda _url: connection)
    with client.connect(LOGIN, "ldaps://dc1"):
        assert (ldap.OPT_X_TLS_REQUIRE_CERT, ldap.OPT_X_TLS_DEMAND) in connection.options
        assert (ldap.OPT_X_TLS_CACERTFILE, "/ca.pem") in connection.options
        assert connection.options[-1][0] == ldap.OPT_X_TLS_NEWCTX, "or the options before it do not count"
