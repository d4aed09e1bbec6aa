"""What a cephx user may do: its caps, read as Ceph reads them, and which are wider than one pool or command needs.

Grammar: src/mon/MonCap.cc, src/mgr/MgrCap.cc, src/osd/OSDCap.cc and src/mds/MDSAuthCaps.cc of Ceph 16 to 19, and
https://docs.ceph.com/en/latest/rados/operations/user-management/. Ceph takes a profile that it does not know and
grants nothing for it, so names of profiles are held against its own lists here.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import ClassVar

from pydantic import Field, ValidationInfo, field_validator

from config.errors.issues import invalid, nearest
from config.spec import Spec

_WORD = re.compile(r""""[^"]*"|'[^']*'|=|[^\s="']+""")
_NOT_SEPARATED = re.compile(r"""(?:"[^"]*"|'[^']*'|[^,;"'])+""")
_REST = 99  # words: all that follow


@dataclass(frozen=True)
class _Kind:
    """How the caps for one kind of daemon are written.

    Attributes:
        rights: a word that says what may be done.
        keys: a word that limits where, and how many words follow it.
        narrowing: those of `keys` without which a right reaches everything.
        harmless: rights that need no limit.
        profiles: the names that Ceph knows.
        wide_profiles: those of them that reach everything if nothing limits them.
        example: a cap that is right.
    """

    rights: re.Pattern[str]
    keys: Mapping[str, int]
    narrowing: frozenset[str]
    harmless: frozenset[str]
    profiles: frozenset[str]
    wide_profiles: frozenset[str]
    example: str


_DAEMONS = frozenset({"mon", "mgr", "osd", "mds"})
_BOOTSTRAP = frozenset(f"bootstrap-{what}" for what in ("mds", "mgr", "osd", "rbd", "rbd-mirror", "rgw"))
_RBD = frozenset({"rbd", "rbd-read-only"})

KINDS: Mapping[str, _Kind] = {
    "mon": _Kind(
        rights=re.compile(r"\*|all|[rwx]+"),
        keys={"service": 1, "command": 1, "with": _REST, "network": 1, "fsname": 1},
        narrowing=frozenset({"service", "command"}),
        harmless=frozenset({"r"}),
        profiles=_DAEMONS
        | _BOOTSTRAP
        | {"read-only", "read-write", "rbd", "rbd-mirror", "rbd-mirror-peer", "fs-client", "cephfs-mirror"}
        | {"simple-rados-client", "simple-rados-client-with-blocklist", "crash", "role-definer"},
        wide_profiles=_DAEMONS | _BOOTSTRAP | {"read-write", "role-definer"},
        example="profile rbd",
    ),
    "osd": _Kind(
        rights=re.compile(r"\*|all|[rwx]+|class-read|class-write"),
        keys={"pool": 1, "namespace": 1, "object_prefix": 1, "tag": 3, "class": 1, "network": 1},
        narrowing=frozenset({"pool", "namespace", "object_prefix", "tag"}),
        harmless=frozenset(),
        profiles=_RBD | {"read-only", "read-write"},
        wide_profiles=_RBD | {"read-only", "read-write"},
        example="profile rbd pool=images",
    ),
    "mgr": _Kind(
        rights=re.compile(r"\*|all|[rwx]+"),
        keys={
            "service": 1,
            "module": 1,
            "command": 1,
            "with": _REST,
            "network": 1,
            "pool": 1,
            "namespace": 1,
        },
        narrowing=frozenset({"service", "module", "command", "pool", "namespace"}),
        harmless=frozenset({"r"}),
        profiles=_RBD | {"osd", "mds", "read-only", "read-write", "crash"},
        wide_profiles=_RBD | {"osd", "mds", "read-write"},
        example="profile rbd pool=images",
    ),
    "mds": _Kind(
        rights=re.compile(r"\*|all|[rwpsfc]+|root_squash"),
        keys={"path": 1, "fsname": 1, "uid": 1, "gids": 1, "network": 1},
        narrowing=frozenset({"path", "fsname"}),
        harmless=frozenset({"root_squash"}),
        profiles=frozenset(),
        wide_profiles=frozenset(),
        example="allow rw fsname=cephfs path=/builds",
    ),
}


@dataclass
class _Grant:
    """One of the grants that a cap lists."""

    text: str
    profile: str | None = None
    rights: list[str] = field(default_factory=list)
    keys: dict[str, tuple[str, ...]] = field(default_factory=dict)


def cap_problem(kind: str, cap: str) -> str | None:
    """Why Ceph would not read CAP, for KIND of daemon, as it is meant; None where it would."""
    known = KINDS[kind]
    if not cap.strip() or not cap.isprintable():
        return f"{cap!r} is no cap; give one such as {known.example!r}"
    if cap.count('"') % 2 or cap.count("'") % 2:
        return f"{cap!r} is no cap: a quotation mark is not closed; give one such as {known.example!r}"
    try:
        for text in _texts(cap):
            grant = _read(kind, text)
            if grant.profile is not None and grant.profile not in known.profiles:
                hint = (
                    nearest(grant.profile, known.profiles)
                    or f"; known are {', '.join(sorted(known.profiles))}"
                )
                return f"Ceph has no profile {grant.profile!r} for {kind}, and would grant nothing{hint}"
    except ValueError as error:
        return f"{cap!r} is no cap: {error}; give one such as {known.example!r}"
    return None


def too_wide(kind: str, cap: str) -> str | None:
    """Which grant of CAP reaches more than one pool, path or command, as a sentence; None where none does."""
    known = KINDS[kind]
    for text in _texts(cap):
        grant = _read(kind, text)
        limited = known.narrowing & set(grant.keys)
        wide = (
            grant.profile in known.wide_profiles
            if grant.profile is not None
            else not (grant.rights and known.harmless.issuperset(grant.rights))
        )
        if wide and not limited:
            return (
                f"{grant.text!r} reaches everything that {kind} guards; limit it, such as {known.example!r}, "
                "or say wide_caps: true if that is meant"
            )
    return None


def pools_of(cap: str) -> Iterator[tuple[str, str]]:
    """Each pool that CAP for the OSDs opens, and what may be done there; the pool is empty where it is any."""
    for text in _texts(cap):
        try:
            grant = _read("osd", text)
        except ValueError:
            yield "", text
            continue
        may = f"profile {grant.profile}" if grant.profile else " ".join(grant.rights)
        limits = [f"{key} {' '.join(values)}" for key, values in grant.keys.items() if key != "pool"]
        yield "".join(grant.keys.get("pool", ())), ", ".join([may, *limits])


def _texts(cap: str) -> list[str]:
    return [part.strip() for part in _NOT_SEPARATED.findall(cap) if part.strip()]


def _read(kind: str, text: str) -> _Grant:
    """TEXT as a grant.

    Raises:
        ValueError: it is none; the text says why, without a full stop.
    """
    known = KINDS[kind]
    words = iter([word.strip("\"'") for word in _WORD.findall(text) if word != "="])
    grant = _Grant(text)
    first = next(words, "")
    if first not in ("allow", "profile"):
        raise ValueError(f"{text!r} begins neither with 'allow' nor with 'profile'")
    if first == "profile":
        _profile(grant, words)
    for word in words:
        if word == "profile" and not grant.rights and grant.profile is None:
            _profile(grant, words)
        elif word in known.keys:
            values = list(islice(words, known.keys[word]))
            if not values:
                raise ValueError(f"nothing follows {word!r}")
            grant.keys[word] = tuple(values)
        elif grant.profile is None and known.rights.fullmatch(word):
            grant.rights.append(word)
        else:
            hint = nearest(word, known.keys).removeprefix("; ")
            raise ValueError(f"{word!r} means nothing there{f' ({hint})' if hint else ''}")
    # A command needs no rights, nor does the old `allow` for metadata servers.
    if grant.profile is None and not grant.rights and "command" not in grant.keys and kind != "mds":
        raise ValueError(f"{text!r} does not say what is allowed")
    return grant


def _profile(grant: _Grant, words: Iterator[str]) -> None:
    grant.profile = next(words, None)
    if grant.profile is None:
        raise ValueError("nothing follows 'profile'")


class CephCapsSpec(Spec):
    """What a cephx user may do, for each kind of daemon; what is left out, it may not talk to."""

    kinds: ClassVar[tuple[str, ...]] = ("mon", "osd", "mgr", "mds")

    mon: str = Field(description="of the monitors, such as 'profile rbd'; every client needs some")
    osd: str | None = Field(None, description="of the OSDs, such as 'profile rbd pool=images'")
    mgr: str | None = Field(None, description="of the manager, such as 'profile rbd pool=images'")
    mds: str | None = Field(
        None, description="of the metadata servers, such as 'allow rw fsname=cephfs path=/builds'"
    )

    @field_validator("mon", "osd", "mgr", "mds")
    @classmethod
    def _readable(cls, cap: str | None, info: ValidationInfo) -> str | None:
        problem = cap_problem(str(info.field_name), cap) if cap is not None else None
        if problem:
            raise invalid(problem)
        return cap

    @property
    def by_kind(self) -> dict[str, str]:
        """The caps that are given, as Ceph names their kinds."""
        given = {kind: getattr(self, kind) for kind in self.kinds}
        return {kind: cap for kind, cap in given.items() if cap is not None}
