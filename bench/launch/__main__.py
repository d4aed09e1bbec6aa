"""How long a server takes from `create` to its first line on the console, by the kind of its image: `make bench-launch`.

The guest is the lab's tiny one, on disks of 1 and 6 GiB of which one byte in eight is not zero. Each round launches each
disk in each way, in mixed order; one server at a time, deleted before the next.

- `clone`: the image as this program imports it; Nova clones it.
- `qcow2, first`: a QCOW2 in Glance, and none of it on the host: Nova downloads, converts and uploads it.
- `qcow2, cached`: the same again: Nova uploads what it has kept.
- `raw, copied`: a RAW image in a store of Glance's that is not Ceph, none of it on the host: Nova downloads and uploads it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import secrets
import statistics
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import openstack

from bench.image.measure import settle
from bench.launch.images import IMPORTED, QCOW2, RAW, Disk, disk, forget_copies
from bench.launch.nova_compute import changed
from bench.launch.two_stores import two_stores
from lab import secret, settings
from lab.qemu import compute
from lab.qemu.host import TRAIT, ZONE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from openstack.connection import Connection

    from lab.settings import Lab

ROUNDS = 5
SIZES = (1, 6)  # GiB
VLAN = 646
RAM_MB = 128
MARKER = b"lab-guest: ready"
WITHIN = 600.0  # seconds
RESULTS = Path(__file__).parents[1] / "results" / "launch.json"
WAYS = {"clone": IMPORTED, "qcow2, first": QCOW2, "qcow2, cached": QCOW2, "raw, copied": RAW}
# A clone takes as long whatever the disk's size: the ratio of the medians, at most.
MOST_GROWTH = 1.15
Runs = dict[str, dict[int, list[float]]]  # seconds, by way and GiB


class Launches:
    """What servers need besides an image."""

    def __init__(self, lab: Lab, conn: Connection, stack: ExitStack) -> None:
        self._lab, self._conn = lab, conn
        name = f"bench-launch-{secrets.token_hex(4)}"
        self._network = conn.network.create_network(
            name=name,
            provider_network_type="vlan",
            provider_physical_network="physnet1",
            provider_segmentation_id=VLAN,
            availability_zone_hints=[ZONE],
        )
        stack.callback(conn.network.delete_network, self._network)
        conn.network.create_subnet(network_id=self._network.id, ip_version=4, cidr="10.94.6.0/24")
        self._flavors: dict[int, Any] = {}
        for size in SIZES:
            flavor = conn.compute.create_flavor(name=f"{name}-{size}", ram=RAM_MB, vcpus=1, disk=size)
            stack.callback(conn.compute.delete_flavor, flavor)
            conn.compute.create_flavor_extra_specs(flavor, {f"trait:{TRAIT}": "required"})
            self._flavors[size] = flavor

    def seconds(self, of: Disk, way: str) -> float:
        """Launch one server; the seconds until its first line."""
        if way != "qcow2, cached":
            forget_copies(compute.folder(self._lab))
        settle()
        started = time.monotonic()
        server = self._conn.compute.create_server(
            name=f"bench-launch-{secrets.token_hex(4)}",
            image_id=of.ids[WAYS[way]],
            flavor_id=self._flavors[of.gib].id,
            networks=[{"uuid": self._network.id}],
        )
        try:
            console = compute.folder(self._lab) / "instances" / server.id / "console.log"
            self._wait(server, console)
            return time.monotonic() - started
        finally:
            self._conn.compute.delete_server(server)
            self._conn.compute.wait_for_delete(server, wait=int(WITHIN))

    def _wait(self, server: Any, console: Path) -> None:
        until = time.monotonic() + WITHIN
        looked = 0.0
        while not (console.exists() and MARKER in console.read_bytes()):
            if time.monotonic() > until:
                raise TimeoutError(f"server {server.id} says nothing within {WITHIN:.0f} s")
            if time.monotonic() - looked > 5:  # noqa: PLR2004 - seldom, since it costs the API's processor time
                looked = time.monotonic()
                found = self._conn.compute.get_server(server)
                if found.status == "ERROR":
                    raise RuntimeError(f"server {server.id}: {found.fault['message']}")
            time.sleep(0.05)


@contextmanager
def prepared(lab: Lab) -> Iterator[tuple[Launches, list[Disk]]]:
    """The images, and a Nova that takes all of them."""
    found = openstack.config.OpenStackConfig(config_files=[str(lab.clouds)], load_envvars=False)
    with (
        openstack.connection.Connection(config=found.get_one("lab-admin")) as conn,
        # Beside the lab's data, since /tmp may be small or in memory.
        tempfile.TemporaryDirectory(prefix="bench-launch-", dir=lab.data) as name,
        ExitStack() as stack,
    ):
        folder = Path(name)
        glance = stack.enter_context(two_stores(lab, secret.load(lab), folder))
        disks = [stack.enter_context(disk(lab, conn, glance, size, folder)) for size in SIZES]
        options = {"endpoint_override": glance, "never_download_image_if_on_rbd": "false"}
        stack.enter_context(changed(lab, conn, options))
        yield Launches(lab, conn, stack), disks


def a_round(launches: Launches, disks: list[Disk], runs: Runs) -> None:
    """Launch each disk in each way, in mixed order; what is cached comes right after it was first."""
    order = [(each, way) for each in disks for way in WAYS if way != "qcow2, cached"]
    for each, way in random.sample(order, len(order)):
        for part in (way, "qcow2, cached") if way == "qcow2, first" else (way,):
            seconds = launches.seconds(each, part)
            runs.setdefault(part, {}).setdefault(each.gib, []).append(seconds)
            print(f"{part:14} {each.gib} GiB {seconds:6.1f} s", flush=True)


def report(runs: Runs, rounds: int, load: list[float]) -> dict[str, Any]:
    """Return what goes into the file of results."""
    medians = {
        way: {size: statistics.median(found) for size, found in sizes.items()} for way, sizes in runs.items()
    }
    return {
        "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, QEMU without KVM",
        "rounds": rounds,
        "load": load,
        "ways": {
            f"{way}, {size} GiB": {
                "median_s": medians[way][size],
                "min_s": min(found),
                "max_s": max(found),
                "seconds": found,
            }
            for way, sizes in runs.items()
            for size, found in sizes.items()
        },
        "growth": {way: found[max(SIZES)] / found[min(SIZES)] for way, found in medians.items()},
        "a clone does not grow": medians["clone"][max(SIZES)] <= MOST_GROWTH * medians["clone"][min(SIZES)],
    }


def table(found: dict[str, Any]) -> str:
    """Return the figures for a person."""
    lines = [f"{'':24}{'median':>9}{'min':>9}{'max':>9}"]
    for way, row in found["ways"].items():
        lines.append(f"{way:24}{row['median_s']:7.1f} s{row['min_s']:7.1f} s{row['max_s']:7.1f} s")
    lines += [f"{way}: 6 GiB takes {ratio:.2f} times 1 GiB" for way, ratio in found["growth"].items()]
    return "\n".join(lines)


def main() -> None:
    """Measure, print a table, write the JSON after every round."""
    parser = argparse.ArgumentParser(prog="python -m bench.launch", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--results", type=Path, default=RESULTS)
    wanted = parser.parse_args()
    runs: Runs = {}
    load: list[float] = []
    with prepared(settings.load()) as (launches, disks):
        for number in range(wanted.rounds):
            load.append(os.getloadavg()[0])
            a_round(launches, disks, runs)
            found = report(runs, number + 1, load)
            wanted.results.write_text(json.dumps(found, indent=2) + "\n")
            print(f"round {number + 1} of {wanted.rounds} done", flush=True)
    print(table(found))


if __name__ == "__main__":
    main()
