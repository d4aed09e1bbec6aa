"""What Keystone would find in a directory with given settings, or which of them is wrong. Only reads."""

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from difflib import get_close_matches

from clients.directory.connection import connect
from clients.directory.login import DirectoryError, UnreachableError
from clients.directory.search import Count, Search
from clients.directory.settings import Kind, Named, Settings

_SHOWN_DNS = 3


@dataclass(frozen=True)
class Found:
    """What a domain with these settings would have.

    Attributes:
        users: how many.
        groups: how many.
        sample: one of them, by which it can be told whether Keystone uses the settings.
        unreachable: why, for each address that did not answer while another did.
    """

    users: Count
    groups: Count
    sample: Named
    unreachable: tuple[str, ...]


def probe(settings: Settings, names: Iterable[Named]) -> Found:
    """Look through the directory as Keystone will, and find each of ``names`` in it.

    Raises:
        UnreachableError: none of its addresses answers from this machine.
        DirectoryError: a setting is wrong, or a name is nobody's or several entries'.
    """
    unreachable: list[str] = []
    with ExitStack() as stack:
        connections = []
        for url in settings.login.urls:  # Keystone falls back from one to the next: each has to be right
            try:
                connections.append(stack.enter_context(connect(settings.login, url)))
            except UnreachableError as error:
                unreachable.append(str(error))
        if not connections:
            raise UnreachableError("; ".join(unreachable))
        search = Search(connections[0], settings)
        known: dict[Kind, dict[str, list[str]]] = {}
        counts = {}
        for entries in (settings.users, settings.groups):
            search.check(entries)
            known[entries.kind], counts[entries.kind] = search.names(entries)
        wanted = list(names)
        _resolve(search, settings, known, wanted)
        # Who is named in grants is no news in the stack's state, where a person who is not would be.
        sample = wanted[0] if wanted else Named("group", min(known["group"]))
        return Found(counts["user"], counts["group"], sample, tuple(unreachable))


def _resolve(
    search: Search, settings: Settings, known: dict[Kind, dict[str, list[str]]], names: list[Named]
) -> None:
    wrong: list[str] = []
    for named in names:
        entries = settings.users if named.kind == "user" else settings.groups
        found = search.called(entries, named.name)
        if not found:
            by_folded = {name.casefold(): name for name in known[named.kind]}
            close = get_close_matches(named.name.casefold(), by_folded, n=1)
            hint = f"; did you mean {by_folded[close[0]]!r}?" if close else "; correct the name in the grant"
            wrong.append(f"there is no {named} in the directory{hint}")
        elif len(found) > 1:
            shown = ", ".join(repr(dn) for dn in sorted(found)[:_SHOWN_DNS])
            wrong.append(
                f"{named} is {len(found)} entries: {shown}; a grant needs a name that is one's alone"
            )
    if wrong:
        raise DirectoryError("names", "; ".join(wrong))


def values(settings: Settings, accounts: Iterable[str], attribute: str) -> dict[str, list[str]]:
    """What ATTRIBUTE of each of ACCOUNTS has, by account; nothing for one that is not in the directory.

    Raises:
        UnreachableError: none of its addresses answers from this machine.
        DirectoryError: the directory refuses the search.
    """
    unreachable: list[str] = []
    for url in settings.login.urls:
        try:
            with connect(settings.login, url) as connection:
                search = Search(connection, settings)
                return {account: search.values(settings.users, account, attribute) for account in accounts}
        except UnreachableError as error:
            unreachable.append(str(error))
    raise UnreachableError("; ".join(unreachable))
