"""What a preview would do to each thing of the cloud, read from `pulumi preview --json --show-sames`."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from config.resource_names import resource_name
from operations.report.redaction import UNKNOWN, clean, shown

NOTHING_HAPPENS = frozenset({"same", "read", "refresh"})
_OF_A_REPLACEMENT = frozenset(
    {"create-replacement", "delete-replaced", "read-replacement", "discard-replaced"}
)
_NOT_SET = "not set"
_TRIGGER = "__replacementTrigger"


@dataclass(frozen=True)
class KeyChange:
    """A property that changes, as texts that may be shown.

    Attributes:
        replaces: whether it is why the resource is replaced.
    """

    key: str
    old: str
    new: str
    replaces: bool = False


@dataclass(frozen=True)
class Change:
    """A resource, and what happens to it.

    Attributes:
        urn: Pulumi's name for it.
        type: its token, such as openstack:networking/network:Network.
        operation: Pulumi's word, such as update; same where nothing happens; protect or unprotect where only that does.
        id: the live thing's; empty where there is none yet.
        old: its inputs as they are, without secrets; empty where there is none yet.
        new: its inputs as they will be; empty where it goes.
        outputs: as they are, without secrets.
        keys: what changes.
        protected: whether Pulumi refuses to delete it.
        custom: whether it is a thing, and not a component.
    """

    urn: str
    type: str
    operation: str
    id: str = ""
    old: Mapping[str, Any] = field(default_factory=dict)
    new: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    keys: tuple[KeyChange, ...] = ()
    protected: bool = False
    custom: bool = True

    @property
    def name(self) -> str:
        """The resource's name."""
        return self.urn.partition("::")[2].partition("::")[2].partition("::")[2]

    @property
    def spelled_name(self) -> str:
        """The thing's own name, without its domain; the resource's is folded."""
        called = self.name.rpartition("@")[0] or self.name
        own = str(self.inputs.get("name") or "")
        return own if resource_name(own) in {resource_name(called), resource_name(self.name)} else called

    @property
    def changed(self) -> frozenset[str]:
        """The names of the properties that change."""
        return frozenset(change.key for change in self.keys)

    @property
    def replacing(self) -> tuple[str, ...]:
        """The names of the properties that have it replaced."""
        return tuple(change.key for change in self.keys if change.replaces)

    @property
    def goes_along(self) -> bool:
        """Whether it is replaced only because what it depends on is."""
        replacing = [change for change in self.keys if change.replaces]
        return bool(replacing) and all(UNKNOWN in change.new for change in replacing)

    @property
    def inputs(self) -> Mapping[str, Any]:
        """As it will be, or as it is where it goes."""
        return self.new or self.old

    @property
    def happens(self) -> bool:
        """Whether something happens to a thing of the cloud: components and plugins' settings are none."""
        return self.custom and self.operation not in NOTHING_HAPPENS and not self.type.startswith("pulumi:")


def changes(preview: Mapping[str, Any]) -> tuple[Change, ...]:
    """Every resource of PREVIEW, once, in its order; those too to which nothing happens."""
    found: dict[str, Change] = {}
    for step in preview.get("steps") or []:
        change = _change(step)
        before = found.get(change.urn)  # a replacement may have several steps; one knows both sides
        if before is None or before.operation in NOTHING_HAPPENS or not (before.old and before.new):
            found[change.urn] = change
    return tuple(found.values())


def _change(step: Mapping[str, Any]) -> Change:
    old, new = step.get("oldState") or {}, step.get("newState") or {}
    state = new or old
    operation = _operation(str(step["op"]), bool(old.get("protect")), bool(new.get("protect")))
    secret = {*(old.get("additionalSecretOutputs") or ()), *(new.get("additionalSecretOutputs") or ())}
    before, after = (clean(one.get("inputs") or {}, secret) for one in (old, new))
    if operation == "delete":
        after = {}
    return Change(
        urn=str(step["urn"]),
        type=str(state.get("type") or step["urn"].split("::")[2].rpartition("$")[2]),
        operation="replace" if operation in _OF_A_REPLACEMENT else operation,
        id=str(old.get("id") or new.get("id") or ""),
        old=before,
        new=after,
        outputs=clean(old.get("outputs") or {}, secret),
        keys=tuple(_keys(step, before, after))
        if before and after and operation not in NOTHING_HAPPENS
        else (),
        protected=bool(old.get("protect")),
        custom=bool(state.get("custom")),
    )


def _operation(operation: str, was_protected: bool, is_protected: bool) -> str:
    """Pulumi's word; for a thing of which only the protection changes, one of our own."""
    if operation != "same" or was_protected == is_protected:
        return operation
    return "protect" if is_protected else "unprotect"


def _keys(step: Mapping[str, Any], old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[KeyChange]:
    replacing = {root(path) for path in step.get("replaceReasons") or ()}
    detailed: Mapping[str, Any] = step.get("detailedDiff") or {}
    replacing |= {root(path) for path, diff in detailed.items() if str(diff.get("kind")).endswith("-replace")}
    named = {root(path) for path in (*(step.get("diffReasons") or ()), *detailed)} | replacing
    if not named and step["op"] not in NOTHING_HAPPENS:
        named = {key for key in {*old, *new} if old.get(key) != new.get(key)}
    keys = [key for key in sorted(named - {"__provider", _TRIGGER}) if key in old or key in new]
    found = {key: (value_of(old, key), value_of(new, key)) for key in keys}
    if str(step["op"]) == "replace" and not replacing:  # then pulumi does not say why
        replacing = {key for key, (_, after) in found.items() if UNKNOWN in after} or {_TRIGGER}
    for key, (before, after) in found.items():
        yield KeyChange(key, before, after, key in replacing)
    if _TRIGGER in replacing | named:
        yield KeyChange("replacement_trigger", "as it was", "another", replaces=True)


def root(path: str) -> str:
    """The property that PATH, such as segments[0].vlan or ["a.b"].c, is in."""
    quoted = re.match(r'\["((?:[^"\\]|\\.)*)"\]', path)
    return quoted[1] if quoted else re.split(r"[.\[]", path, maxsplit=1)[0]


def value_of(inputs: Mapping[str, Any], key: str) -> str:
    """The value of KEY in INPUTS, for people."""
    return shown(inputs[key]) if inputs.get(key) is not None else _NOT_SET
