"""The report, as data; Markdown, HTML and JSON are made from it."""

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from operations.report.change import Change
from operations.report.cloud_map import Section
from operations.report.drift import Drift
from operations.report.policy import Violation
from operations.report.risk import Fact, NotKnown, Risk, worst
from operations.report.rules.judge import Judged
from program.version import version

FAILED, TOO_BAD = 1, 3

_TOUCHED = {
    "networks": ("network", "subnet", "share of a network", "host routes"),
    "images": ("image",),
    "hosts": ("host",),
    "projects": ("project", "quota", "default security group", "undeclared grants"),
    "accounts and grants": (
        "account",
        "roles",
        "role grant",
        "application credential",
        "generated password",
    ),
    "Ceph users": ("Ceph user", "files of a Ceph login"),
    "domains": ("domain", "directory", "domain file for Kolla"),
}


@dataclass(frozen=True)
class Report:
    """Everything that is told of one preview.

    Attributes:
        changes: the worst first.
        unchanged: how many things stay as they are.
        drift: what somebody changed beside this program, or why that is not known.
        violations: what policy packs say.
        warnings: Pulumi's own, and the program's.
        errors: why the preview failed; nothing where it did not.
        map: the cloud, as the page shows it.
    """

    stack: str
    changes: tuple[Judged, ...]
    unchanged: int
    drift: tuple[Drift, ...] | NotKnown
    violations: tuple[Violation, ...]
    warnings: tuple[str, ...]
    errors: tuple[str, ...]
    map: tuple[Section, ...]

    @property
    def risk(self) -> Risk:
        """The worst of all changes."""
        return worst(judged.verdict.risk for judged in self.changes)

    @property
    def verdict(self) -> str:
        """The whole in a few words."""
        summary = f"at worst, this {'is ' if self.risk is Risk.HARMLESS else ''}{self.risk.value}"
        if self.errors:
            return (
                f"the preview failed; of what it shows, {summary}" if self.changes else "the preview failed"
            )
        return summary if self.changes else "nothing changes"

    @property
    def counts(self) -> dict[Risk, int]:
        """How many changes are of each class, the worst first."""
        found = Counter(judged.verdict.risk for judged in self.changes)
        return {risk: found[risk] for risk in reversed(Risk)}

    @property
    def replaced(self) -> tuple[Judged, ...]:
        """What another one takes the place of."""
        return tuple(judged for judged in self.changes if judged.change.operation == "replace")

    @property
    def touched(self) -> dict[str, tuple[str, ...]]:
        """The names of the networks, images, hosts, projects and domains that something happens to."""
        found: dict[str, dict[str, None]] = {kind: {} for kind in _TOUCHED}
        for judged in self.changes:
            for kind, words in _TOUCHED.items():
                if judged.word in words:
                    found[kind][_whole(judged.change, kind)] = None
            for fact in judged.verdict.facts:
                if fact.what == "hosts":
                    found["hosts"] |= dict.fromkeys(fact.names)
        return {kind: tuple(names) for kind, names in found.items() if names}

    @property
    def radius(self) -> tuple[Fact, ...]:
        """Who depends on all that is not harmless, each once."""
        found: dict[str, list[Fact]] = {}
        for judged in self.changes:
            if judged.verdict.risk is not Risk.HARMLESS:
                for fact in judged.verdict.facts:
                    found.setdefault(fact.what, []).append(fact)
        return tuple(Fact.sum(facts) for _, facts in sorted(found.items()))

    def exit_code(self, fail_on: str | None) -> int:
        """What a command ends with; FAIL_ON is the word of a class, or nothing."""
        if self.errors:
            return FAILED
        bad = {risk.word for risk in Risk if risk.rank <= self.risk.rank} if self.changes else set()
        return TOO_BAD if fail_on in bad else 0

    def as_data(self) -> dict[str, Any]:
        """All of it for machines, but for the map of the cloud."""
        return {
            "version": version(),
            "stack": self.stack,
            "risk": self.risk.value,
            "counts": {risk.value: count for risk, count in self.counts.items()},
            "unchanged": self.unchanged,
            "touched": {kind: list(names) for kind, names in self.touched.items()},
            "depending": [_fact(fact) for fact in self.radius],
            "changes": [_judged(judged) for judged in self.changes],
            "drift": {"not_known": self.drift.reason}
            if isinstance(self.drift, NotKnown)
            else [asdict(found) for found in self.drift],
            "policy": [asdict(violation) for violation in self.violations],
            "warnings": list(self.warnings),
            "errors": list(self.errors),
        }


def _whole(change: Change, kind: str) -> str:
    """The name of the network that a part of it belongs to; that of the thing itself otherwise."""
    return change.name.partition("/")[0] if kind == "networks" else change.name


def _fact(fact: Fact) -> dict[str, Any]:
    count = {"not_known": fact.count.reason} if isinstance(fact.count, NotKnown) else {"count": fact.count}
    return {"what": fact.what, **count, "names": list(fact.names)}


def _judged(judged: Judged) -> dict[str, Any]:
    change, verdict = judged.change, judged.verdict
    return {
        "urn": change.urn,
        "type": change.type,
        "what": judged.word,
        "name": change.name,
        "operation": change.operation,
        "risk": verdict.risk.value,
        "sentence": verdict.sentence,
        "depending": [_fact(fact) for fact in verdict.facts],
        "keys": [asdict(key) for key in change.keys],
        "replaced_because": list(judged.why_replaced),
    }
