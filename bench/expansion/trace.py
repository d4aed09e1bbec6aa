"""What slow writes waited for, by the events that each OSD notes of its operations (`dump_historic_ops`).

From an event to the next one of the operations on the object, a write waited for what the first one names; before the
first, it was with the client, which waits for a map or for an OSD that has not read its message.
"""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING

from bench.expansion.room import tell

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bench.expansion.client import Write
    from dynamic_providers.osd_expansion.cluster import Cluster

Event = tuple[float, str]
BEFORE, AFTER, UNKNOWN = "not at an OSD yet", "the answer is on its way", "not traced"
_OBJECT = re.compile(r"^osd_op\(.*:(bench\.\d+):head ")
_ENDS = frozenset({"done", "commit_sent"})


def events(cluster: Cluster, osds: Iterable[int], since: float) -> dict[str, list[Event]]:
    """When what happened to operations on each object, by `time.time`."""
    found: dict[str, list[Event]] = defaultdict(list)
    for osd in osds:
        for operation in tell(cluster, osd, "dump_historic_ops")["ops"]:
            if (match := _OBJECT.match(operation["description"])) is None:
                continue
            for event in operation["type_data"]["events"]:
                at = datetime.fromisoformat(event["time"]).timestamp()
                if at >= since:
                    found[match[1]].append((at, event["event"]))
    return {name: sorted(each) for name, each in found.items()}


def waits(writes: Iterable[Write], events: Mapping[str, list[Event]]) -> dict[str, float]:
    """The milliseconds that WRITES waited for each kind of event, together."""
    found: dict[str, float] = defaultdict(float)
    for write in writes:
        end = write.due + write.took
        own = [(at, name) for at, name in events.get(write.name, ()) if write.due <= at < end]
        for (begun, name), (ended, _) in pairwise([(write.due, BEFORE if own else UNKNOWN), *own, (end, "")]):
            found[_kind(name)] += (ended - begun) * 1000
    return dict(found)


def _kind(event: str) -> str:
    """An event without the numbers of OSDs."""
    return AFTER if event in _ENDS else re.sub(r" from [\d,]+$", "", event)
