"""What changes in the cluster's map while a way goes on, and when."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dynamic_providers.osd_expansion.cluster import Cluster, connected
from dynamic_providers.osd_expansion.placement import UNIT

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

Mark = tuple[float, int, str]  # when, by `time.time`; the map's epoch; what has changed
_LOOK_S = 0.2


@contextmanager
def noted(cluster: Cluster, conf: str, osds: Collection[int]) -> Iterator[list[Mark]]:
    """The list grows while the ``with`` lasts."""
    marks: list[Mark] = []
    over = threading.Event()
    first = _look(cluster, osds)[1]
    thread = threading.Thread(target=_note, args=(conf, osds, first, marks, over), daemon=True)
    thread.start()
    try:
        yield marks
    finally:
        over.set()
        thread.join()


def _look(cluster: Cluster, osds: Collection[int]) -> tuple[int, dict[str, str]]:
    """The map's epoch, and what is noted of it."""
    dump = cluster.dump()
    weights, found = cluster.weights(), cluster.osds(dump)
    now = {f"osd.{osd}'s weight": f"{weights[osd] / UNIT:.5f}" for osd in osds}
    now |= {f"osd.{osd}'s primary affinity": f"{found[osd].affinity:.2f}" for osd in osds}
    return dump["epoch"], now | {"upmaps": str(len(dump["pg_upmap_items"]))}


def _note(
    conf: str, osds: Collection[int], former: dict[str, str], marks: list[Mark], over: threading.Event
) -> None:
    with connected("admin", conf) as cluster:
        while not over.wait(_LOOK_S):
            epoch, now = _look(cluster, osds)
            if changed := [f"{name} {value}" for name, value in now.items() if former[name] != value]:
                marks.append((time.time(), epoch, ", ".join(changed)))
            former = now
