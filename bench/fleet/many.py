"""A hundred members on Nova's fake driver: beside a hundred requests of Nova at once, and what an empty preview costs."""

from __future__ import annotations

import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

from bench.fleet.site import NAME, Site, fleet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from openstack.connection import Connection

    from bench.engine.counter import CountingProxy

WITHIN_S = 900
POLL_S = 1.0


def measure(site: Site, conn: Connection, proxy: CountingProxy, count: int, rounds: int) -> dict[str, Any]:
    """Seconds, by what was done, of each round; and the requests of an empty preview."""
    found: dict[str, Any] = {"ours": [], "nova": [], "preview": [], "preview without": []}
    preview = site.pulumi("preview", "--expect-no-changes")
    site.up()
    for _ in range(rounds):
        found["preview without"].append(_timed(preview.run))
    site.up(fleets=[fleet(count, real=False)])
    try:
        for _ in range(rounds):
            proxy.taken()
            found["preview"].append(_timed(preview.run))
            found["requests of an empty preview"] = dict(proxy.taken())
            site.publish(conn)
            found["nova"].append(_timed(partial(_rebuilt, conn)))
            site.declare(fleets=[fleet(count, real=False) | {"recreate": secrets.token_hex(4)}])
            found["ours"].append(_timed(site.pulumi("up", "--yes", "--skip-preview").run))
            print({key: value[-1] for key, value in found.items() if isinstance(value, list)}, flush=True)
    finally:
        site.up()
    return found


def _timed(do: Any) -> float:
    started = time.monotonic()
    do()
    return time.monotonic() - started


def _rebuilt(conn: Connection) -> None:
    """All at once, by so many threads; done when Nova is done with all."""
    image = conn.image.find_image(NAME, ignore_missing=False)
    project = conn.current_project_id

    def servers() -> Sequence[Any]:
        return list(conn.compute.servers(all_projects=True, project_id=project))

    def rebuild(server: Any) -> None:
        body = {"rebuild": {"imageRef": image.id}}
        answer = conn.compute.post(f"/servers/{server.id}/action", json=body, microversion="2.73")
        answer.raise_for_status()

    there = servers()
    with ThreadPoolExecutor(len(there)) as pool:
        list(pool.map(rebuild, there))
    until = time.monotonic() + WITHIN_S
    while any(server.task_state or server.status != "ACTIVE" for server in servers()):
        if time.monotonic() > until:
            raise TimeoutError(f"Nova is not done with {len(there)} rebuilds within {WITHIN_S} s")
        time.sleep(POLL_S)
