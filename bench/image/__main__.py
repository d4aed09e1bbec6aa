"""The image import beside the limit and what people use today, on the lab's Ceph: `make bench-image`.

Each source goes into the same pool by each way, ROUNDS times in mixed order. `ours` is the whole create with
`hash: none`: source verified, written, read back, snapshot protected, image active in Glance. `by hand, compared` is the
same with `sha256sum`, qemu-img, rbd and REST, `by hand` leaves out the reading back, and qemu-img does the writing alone, or
with a reading of what it wrote. `limit` is `rbd bench`, which writes the same bytes over and over from one buffer.
The slow ways, which need a RAW file first, and the hash of the whole RAW disk are measured on one source, in every
second round.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.image import alone, sources, ways
from bench.image.measure import settle, timed
from bench.image.report import FOUR, HASH_SPEEDS, REFERENCE, report, table
from lab.image import NAME as BOOTABLE
from lab.settings import Lab

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.image.report import Runs
    from bench.image.sources import Source

ROUNDS = 5
RESULTS = Path(__file__).parents[1] / "results" / "image.json"
SIZED = ("ours", "limit")
ALL_QUICK = (REFERENCE, "plain", "bootable")


def ways_of(source: Source, number: int) -> dict[str, Callable[[Source], Callable[[], None]]]:
    """Which ways a source is sent in a round; those that take a minute in every second one only."""
    slow = ways.SLOW if source.name == REFERENCE and number % 2 else {}
    if source.name.startswith("plain, "):
        return {name: way for name, way in ways.QUICK.items() if name in SIZED}
    if source.name in ALL_QUICK:
        return ways.QUICK | slow
    return {
        name: way for name, way in ways.QUICK.items() if name not in ("convert script", "ours, not read back")
    }


def main() -> None:
    """Measure, print a table, write the JSON after every round."""
    parser = argparse.ArgumentParser(prog="python -m bench.image", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument(
        "--only", nargs="+", metavar="SOURCE", help="these sources, and nothing alone but the hashes"
    )
    wanted = parser.parse_args()
    runs: Runs = {}
    found: dict[str, Any] = {HASH_SPEEDS: alone.hash_speeds()}
    with tempfile.TemporaryDirectory(prefix="bench-image-") as name:
        folder = Path(name)
        made = [*sources.synthetic(folder), sources.bootable(Lab().images / BOOTABLE, folder)]
        by_name = {source.name: source for source in made}
        made += [] if wanted.only else sources.of_sizes(folder)
        ways.rbd("rm", "--no-progress", f"{ways.POOL}/{ways.SCRATCH}", check=False)
        if wanted.only:
            made = [by_name[name] for name in wanted.only]
        else:
            for source_name in (REFERENCE, "raw", "bootable"):
                found[f"{source_name}: one import"] = alone.thinness(by_name[source_name])
            found[FOUR] = alone.four(by_name["plain"])
        print(found, flush=True)
        for number in range(wanted.rounds):
            pairs = [(source, way) for source in made for way in ways_of(source, number).items()]
            for source, (way, send) in random.sample(pairs, len(pairs)):
                one(runs, source, way, send)
            write(wanted.results, runs, found)
            print(f"round {number + 1} of {wanted.rounds} done", flush=True)
    print(table(report(runs, found)))


def one(runs: Runs, source: Source, way: str, send: Callable[[Source], Callable[[], None]]) -> None:
    """Send one source one way; its digest is known before the clock runs."""
    source.sha256  # noqa: B018 - computed once
    settle()
    with timed() as run:
        clean_up = send(source)
    runs.setdefault(source.name, {}).setdefault(way, []).append(run)
    print(f"{source.name}: {way}: {run.seconds:.2f} s ({run.processor:.2f} s of processors)", flush=True)
    clean_up()


def write(path: Path, runs: Runs, found: dict[str, Any]) -> None:
    """Write what there is so far."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(report(runs, found), indent=2) + "\n")


if __name__ == "__main__":
    main()
