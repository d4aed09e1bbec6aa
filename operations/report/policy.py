"""What policy packs say of a preview."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from operations.report.event_log import events
from operations.report.redaction import text

MANDATORY = "mandatory"
ADVISORY = "advisory"
_COLOUR = re.compile(r"<\{%[^%]*%\}>|\x1b\[[0-9;]*m")
_LEVELS = {"warning": ADVISORY, "advisory": ADVISORY, "remediate": MANDATORY, "mandatory": MANDATORY}


@dataclass(frozen=True)
class Violation:
    """A rule of a policy pack that a resource breaks.

    Attributes:
        level: mandatory or advisory; a word that is not known counts as mandatory.
        policy: the rule's name.
        what: the resource's name; empty where it is about the whole stack.
        message: in the pack's words.
    """

    level: str
    pack: str
    policy: str
    what: str
    message: str


def violations(log: Iterable[str]) -> tuple[Violation, ...]:
    """What LOG, the lines of an event log, tells; mandatory ones first, each once."""
    found: dict[Violation, None] = {}
    for event in events(log, "policyEvent"):
        found[
            Violation(
                _LEVELS.get(str(event.get("enforcementLevel", "")), MANDATORY),
                str(event.get("policyPackName", "")),
                str(event.get("policyName", "")),
                str(event.get("resourceUrn", "")).rpartition("::")[2],
                _plain(str(event.get("message", ""))),
            )
        ] = None
    return tuple(sorted(found, key=lambda one: (one.level != MANDATORY, one.policy, one.what)))


def _plain(message: str) -> str:
    return text(_COLOUR.sub("", message)).strip()
