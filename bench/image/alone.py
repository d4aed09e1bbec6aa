"""What is measured once or on its own: memory, thinness, four imports at once, the hashes' own speed."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bench.image import ways
from bench.image.measure import Memory, settle, timed
from bench.image.sources import GIB, MIB
from clients import ceph
from dynamic_providers.rbd_image.provider import RbdImageProvider

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.image.sources import Source

AT_ONCE = 4
SETTLED_S = 6  # the manager's figures are a few seconds old

ONE_IMPORT = """
import json, sys
from dynamic_providers.rbd_image.provider import RbdImageProvider
made = RbdImageProvider().create(json.loads(sys.argv[1]))
print(json.dumps([made.id, made.outs]))
"""


def memory(source: Source) -> tuple[int, Callable[[], None]]:
    """Peak bytes of an import's processes together, Python and its libraries included, and what cleans up."""
    command = [sys.executable, "-c", ONE_IMPORT, json.dumps(ways.inputs(source))]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process,
        Memory(process.pid) as found,
    ):
        output, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"the import whose memory was to be measured failed: {process.returncode}")
    made, outputs = json.loads(output)
    return found.peak, lambda: RbdImageProvider().delete(made, outputs)


def stored() -> int:
    """Bytes that the pool holds, before replication, once the manager's figures have settled."""
    before = -1
    while True:
        time.sleep(SETTLED_S)
        with ceph.cluster("admin") as handle:
            pools = ceph.command(handle, "df")["pools"]
        (now,) = [int(pool["stats"]["stored"]) for pool in pools if pool["name"] == ways.POOL]
        if now == before:
            return now
        before = now


def used(image: str) -> int:
    """Bytes of the objects that `rbd du` counts: whole ones, so data in small pieces looks larger than it is."""
    answer = json.loads(ways.rbd("du", "--format", "json", f"{ways.POOL}/{image}"))
    return int(answer["total_used_size"])


def thinness(source: Source) -> dict[str, float]:
    """What one import takes in the pool over what the source holds; and its memory."""
    before = stored()
    peak, clean_up = memory(source)
    taken = stored() - before
    clean_up()
    return {"stored/data": taken / source.data, "peak_memory_mib": peak / MIB}


def four(source: Source) -> dict[str, float]:
    """Four imports one after the other and at once, in one process as in Pulumi's; and the limit of as many bytes."""
    source.sha256  # noqa: B018 - computed once, before the clock runs

    def all_of(run: Callable[[], list[Callable[[], None]]]) -> float:
        settle()
        with timed() as one:
            made = run()
        for clean_up in made:
            clean_up()
        return one.seconds

    in_turn = all_of(lambda: [ways.ours(source) for _ in range(AT_ONCE)])
    with ThreadPoolExecutor(AT_ONCE) as threads:
        at_once = all_of(lambda: list(threads.map(ways.ours, [source] * AT_ONCE)))
    settle()
    with timed() as bare:
        clean_up = ways.limit(replace(source, data=AT_ONCE * source.data))
    clean_up()
    return {"in_turn_s": in_turn, "at_once_s": at_once, "limit_s": bare.seconds}


def hash_speeds() -> dict[str, float]:
    """GiB a second of a core for the two hashes."""
    block = bytes(4 * MIB)
    found: dict[str, float] = {}
    for name in ("sha256", "sha512"):
        digest: Any = hashlib.new(name)
        started = time.process_time()
        for _ in range(GIB // len(block) // 2):
            digest.update(block)
        found[name] = 0.5 / (time.process_time() - started)
    return found
