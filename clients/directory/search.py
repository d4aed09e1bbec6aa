"""Searches of a directory by the questions of Keystone's LDAP driver, each refusal a sentence about the setting it is due to.

An entry counts if it is below the base DN, has the object class, matches the filter and has the id and name attributes.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import ldap
from ldap.controls import SimplePagedResultsControl
from ldap.filter import escape_filter_chars

from clients.directory.connection import words
from clients.directory.login import DirectoryError
from clients.directory.settings import Entries, Settings

if TYPE_CHECKING:
    from ldap.ldapobject import SimpleLDAPObject

MOST_COUNTED = 50_000
"""Entries of a kind after which counting stops."""
_TEXTUAL = ("sAMAccountName", "uid", "cn")
"""Attributes that are text and usually one entry's alone, to name in place of a binary one."""
_ANY = "(objectClass=*)"
_NO_ATTRIBUTES = ["1.1"]  # RFC 4511, 4.5.1.8


@dataclass(frozen=True)
class Count:
    """How many there are; ``whole`` is false where counting stopped at MOST_COUNTED."""

    number: int
    whole: bool

    def of(self, kind: str) -> str:
        """Such as: 10 users."""
        some = f"{self.number}" if self.whole else f"more than {self.number}"
        return f"{some} {kind}" + ("" if self.number == 1 and self.whole else "s")


class Search:
    """The searches of one connection."""

    def __init__(self, connection: "SimpleLDAPObject", settings: Settings) -> None:
        self._connection = connection
        self._settings = settings

    def check(self, entries: Entries) -> None:
        """Add one setting after the other to the query, and say which leaves nothing.

        Raises:
            DirectoryError: one does.
        """
        kind, scope = entries.kind, self._settings.scope
        base = f"{kind}_base_dn"
        self._answer(base, entries.base_dn, ldap.SCOPE_BASE, _ANY)
        if not self._any(base, entries, _ANY):
            raise DirectoryError(
                base,
                f"there is nothing below {entries.base_dn!r} that "
                f"{self._settings.login.bind_dn!r} may read; correct it, or give the account read access",
            )
        by_class = f"(objectClass={entries.object_class})"
        if not self._any(f"{kind}_object_class", entries, by_class):
            if scope == ldap.SCOPE_ONELEVEL and self._answer(
                base, entries.base_dn, ldap.SCOPE_SUBTREE, by_class, limit=2
            ):
                raise DirectoryError(
                    "query_scope", f"all {kind}s are further below {entries.base_dn!r}; set it to sub"
                )
            raise DirectoryError(
                f"{kind}_object_class",
                f"no entry below {entries.base_dn!r} has the object class {entries.object_class!r}; "
                f"they have {self._seen(entries, _ANY, 'objectClass')}",
            )
        if entries.filter and not self._any(f"{kind}_filter", entries, entries.query):
            raise DirectoryError(
                f"{kind}_filter", f"no {kind} matches {entries.filter!r}; correct it, or leave it out"
            )
        query = entries.query
        for end, attribute in (
            ("id_attribute", entries.id_attribute),
            ("name_attribute", entries.name_attribute),
            *entries.wanted_attributes,
        ):
            setting = f"{kind}_{end}"
            query = f"(&{query}({attribute}=*))"
            if not self._any(setting, entries, query):
                raise DirectoryError(
                    setting,
                    f"no {kind} has the attribute {attribute!r}{self._nearest_attribute(entries, attribute)}",
                )

    def names(self, entries: Entries) -> tuple[dict[str, list[str]], Count]:
        """Give the DNs by name of all there are, at most MOST_COUNTED, and how many.

        Raises:
            DirectoryError: an id is not one entry's alone, an entry has several, an id or a name is bytes and no
                text, or the directory does not find an entry by its id.
        """
        setting = f"{entries.kind}_id_attribute"
        query = f"(&{entries.query}({entries.id_attribute}=*)({entries.name_attribute}=*))"
        by_name: dict[str, list[str]] = defaultdict(list)
        owner: dict[str, str] = {}
        number = 0
        for dn, attributes in self._all(entries, query, [entries.id_attribute, entries.name_attribute]):
            self._refuse_binary(entries, dn, attributes)
            values = _values(attributes, entries.id_attribute)
            if not number:
                self._look_up_by_id(entries, dn, values[0])
            if len(values) > 1:
                raise DirectoryError(
                    setting, f"{entries.id_attribute!r} has several values in {dn!r}; give one that has one"
                )
            other = owner.setdefault(values[0].casefold(), dn)
            if other != dn:
                raise DirectoryError(
                    setting,
                    f"{entries.id_attribute!r} is {values[0]!r} in {other!r} and in {dn!r}; "
                    "give an attribute that differs in all entries",
                )
            by_name[_values(attributes, entries.name_attribute)[0]].append(dn)
            number += 1
            if number >= MOST_COUNTED:
                return by_name, Count(number, whole=False)
        return by_name, Count(number, whole=True)

    def _refuse_binary(self, entries: Entries, dn: str, attributes: dict[str, list[bytes]]) -> None:
        """Keystone takes 16 bytes for a UUID, asks the directory for its text, and finds nobody."""
        for end, attribute in (("id", entries.id_attribute), ("name", entries.name_attribute)):
            if all(_is_text(value) for value in _raw(attributes, attribute)):
                continue
            found = self._entries(f"{entries.kind}_base_dn", dn, ldap.SCOPE_BASE, _ANY, list(_TEXTUAL))
            textual = next((name for name in _TEXTUAL for _, there in found if _raw(there, name)), None)
            raise DirectoryError(
                f"{entries.kind}_{end}_attribute",
                f"{attribute!r} of {dn!r} is bytes and no text, and Keystone finds nobody by it; "
                + (f"give {textual!r}" if textual else "give one whose values are text"),
            )

    def _look_up_by_id(self, entries: Entries, dn: str, value: str) -> None:
        query = f"(&({entries.id_attribute}={escape_filter_chars(value)}){entries.query})"
        setting = f"{entries.kind}_id_attribute"
        if not self._answer(setting, entries.base_dn, self._settings.scope, query):
            raise DirectoryError(
                setting,
                f"the directory does not find {dn!r} by its {entries.id_attribute!r}, {value!r}, as Keystone asks for "
                "it at each login; give an attribute that can be searched for",
            )

    def called(self, entries: Entries, name: str) -> list[str]:
        """Give the DNs of those with this name, by the directory's own idea of equal."""
        query = f"(&{entries.query}({entries.name_attribute}={escape_filter_chars(name)}))"
        return self._answer(f"{entries.kind}_name_attribute", entries.base_dn, self._settings.scope, query)

    def values(self, entries: Entries, name: str, attribute: str) -> list[str]:
        """Give all that ATTRIBUTE has of those with this name."""
        query = f"(&{entries.query}({entries.name_attribute}={escape_filter_chars(name)}))"
        setting = f"{entries.kind}_name_attribute"
        found = self._entries(setting, entries.base_dn, self._settings.scope, query, [attribute])
        return [value for _, attributes in found for value in _values(attributes, attribute)]

    def _any(self, setting: str, entries: Entries, query: str) -> bool:
        found = self._answer(setting, entries.base_dn, self._settings.scope, query, limit=2)
        return any(dn.casefold() != entries.base_dn.casefold() for dn in found)

    def _answer(self, setting: str, base: str, scope: int, query: str, limit: int = 0) -> list[str]:
        """Give the DNs that match, at most LIMIT of them."""
        return [dn for dn, _ in self._entries(setting, base, scope, query, _NO_ATTRIBUTES, limit=limit)]

    def _entries(
        self, setting: str, base: str, scope: int, query: str, attributes: list[str], *, limit: int = 0
    ) -> list[tuple[str, dict[str, list[bytes]]]]:
        found: list[tuple[Any, Any]] = []
        with _explained(setting, base, self._settings.login.bind_dn):
            message = self._connection.search_ext(base, scope, query, attributes, sizelimit=limit)
            try:
                # One by one: what came before "size limit exceeded" counts.
                while True:
                    kind, data, *_ = self._connection.result3(message, all=0)
                    if kind == ldap.RES_SEARCH_RESULT:
                        break
                    found += data
            except ldap.SIZELIMIT_EXCEEDED:
                if not limit:
                    raise
        return _without_referrals(found)

    def _all(
        self, entries: Entries, query: str, attributes: list[str]
    ) -> Iterator[tuple[str, dict[str, list[bytes]]]]:
        """Every entry, in pages as Keystone is told to ask for them."""
        size, base, setting = self._settings.page_size, entries.base_dn, f"{entries.kind}_base_dn"
        if not size:
            yield from self._entries(setting, base, self._settings.scope, query, attributes)
            return
        page = SimplePagedResultsControl(criticality=True, size=size, cookie="")
        while True:
            with _explained(setting, base, self._settings.login.bind_dn):
                message = self._connection.search_ext(
                    base, self._settings.scope, query, attributes, serverctrls=[page]
                )
                _, data, _, controls = self._connection.result3(message)
            yield from _without_referrals(data)
            page.cookie = next(
                (control.cookie for control in controls if control.controlType == page.controlType), None
            )
            if not page.cookie:
                return

    def _seen(self, entries: Entries, query: str, attribute: str) -> str:
        found = self._entries(
            f"{entries.kind}_base_dn", entries.base_dn, self._settings.scope, query, [attribute], limit=20
        )
        seen = {value for _, attributes in found for value in _values(attributes, attribute)}
        return ", ".join(sorted(seen)) or "none that can be read"

    def _nearest_attribute(self, entries: Entries, attribute: str) -> str:
        found = self._entries(
            f"{entries.kind}_base_dn", entries.base_dn, self._settings.scope, entries.query, ["*"], limit=20
        )
        there = {name.casefold(): name for _, attributes in found for name in attributes}
        close = get_close_matches(attribute.casefold(), there, n=1)
        if close:
            return f"; did you mean {there[close[0]]!r}?"
        return f"; they have {', '.join(sorted(there.values()))}"


@contextmanager
def _explained(setting: str, base: str, bind_dn: str) -> Iterator[None]:
    """Turn what a search raises into a sentence about SETTING."""
    try:
        yield
    except (ldap.SERVER_DOWN, ldap.TIMEOUT):
        raise
    except (ldap.NO_SUCH_OBJECT, ldap.INVALID_DN_SYNTAX, ldap.REFERRAL):
        setting = f"{setting.partition('_')[0]}_base_dn"
        sentence = f"there is no {base!r} in the directory, or {bind_dn!r} may not read it; correct it"
    except ldap.FILTER_ERROR:
        sentence = "it makes no valid search filter; correct it"
    except (ldap.SIZELIMIT_EXCEEDED, ldap.ADMINLIMIT_EXCEEDED) as error:
        setting = "page_size"
        sentence = (
            f"the directory refuses to list all below {base!r} at once ({words(error)}); "
            "set page_size, 500 for most, or raise the limit of the bind account"
        )
    except ldap.UNAVAILABLE_CRITICAL_EXTENSION:
        setting, sentence = "page_size", "the directory knows no paging; leave page_size out"
    except ldap.INSUFFICIENT_ACCESS:
        setting = "bind_dn"
        sentence = f"{bind_dn!r} may not search below {base!r}; give the account read access"
    except ldap.LDAPError as error:
        sentence = f"the directory refuses the search: {words(error)}"
    else:
        return
    raise DirectoryError(setting, sentence)


def _without_referrals(found: list[tuple[Any, Any]]) -> list[tuple[str, dict[str, list[bytes]]]]:
    return [(dn, attributes) for dn, attributes in found if dn is not None]


def _raw(attributes: dict[str, list[bytes]], wanted: str) -> list[bytes]:
    for name, values in attributes.items():
        if name.casefold() == wanted.casefold():
            return values
    return []


def _values(attributes: dict[str, list[bytes]], wanted: str) -> list[str]:
    return [value.decode(errors="replace") for value in _raw(attributes, wanted)]


def _is_text(value: bytes) -> bool:
    try:
        return not any(unicodedata.category(letter) == "Cc" for letter in value.decode())
    except UnicodeDecodeError:
        return False
