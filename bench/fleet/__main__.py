"""Servers made anew by this program, by the CLI one after the other, by Terraform and by Ansible: `make bench-fleet`.

Twenty real guests on lab-qemu, each way with servers of its own, in mixed order. The clock stops when all servers have
said on their consoles that they are ready, in a new boot. Then a hundred on Nova's fake driver. All ways reach the cloud
through the same counting proxy.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import openstack

from bench.engine import ansible_python, terraform
from bench.engine.counter import CountingProxy
from bench.fleet import many, ways
from bench.fleet.site import CLOUD, Site, clouds
from bench.fleet.watch import Watch, boots
from lab.settings import load

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.settings import Lab

COUNT, MANY, ROUNDS = 20, 100, 3
RESULTS = Path(__file__).parents[1] / "results" / "fleet.json"
BUILT = Path(__file__).parents[2] / ".cloud" / "bench"
SERVICES = ("keystone", "neutron", "nova", "cinder", "glance", "placement")
Runs = dict[str, list[dict[str, Any]]]


def all_well(lab: Lab, count: int) -> set[str]:
    """The boots of COUNT servers, once all are well."""
    until = time.monotonic() + ways.WITHIN_S
    while len(found := boots(lab)) != count:
        if time.monotonic() > until:
            raise TimeoutError(f"{len(found)} of {count} servers are well")
        time.sleep(1)
    return found


def measured(way: Any, site: Site, conn: Any, proxy: CountingProxy, count: int) -> dict[str, Any]:
    """Make servers, make them anew, remove them; what making them anew took."""
    site.publish(conn)
    with way(site, conn, count) as commands:
        before = all_well(site.lab, count)
        load = os.getloadavg()[0]
        proxy.taken()
        started = time.monotonic()
        with Watch(site.lab, before) as watch:
            told = "".join(command.run() for command in commands)
            watch.wait(ways.WITHIN_S)
        seconds = time.monotonic() - started
        requests = proxy.taken()
    return {
        "seconds": seconds,
        "away_s": watch.away_s,
        "requests": sum(requests.values()),
        "by kind": dict(requests.most_common()),
        "load": load,
        **_of_the_fleet(told, count),
    }


def _of_the_fleet(told: str, count: int) -> dict[str, Any]:
    """What a rollout of COUNT servers asked Nova for, as it TOLD in its last line; nothing for other ways."""
    line = re.search(r"servers touched,.*; requests: (.*)", told)
    if line is None:
        return {}
    asked = {kind: int(number) for number, kind in re.findall(r"(\d+) (\w+)", line[1])}
    consoles = asked.get("console", 0)
    return {
        "of the fleet": asked,
        "requests a server": (sum(asked.values()) - consoles) / count,
        "console reads a server": consoles / count,
    }


def ratios(runs: Runs) -> dict[str, float]:
    """Ours to each other way, of the medians."""

    def median(way: str, what: str) -> float:
        return float(statistics.median(run[what] for run in runs[way]))

    names = {"seconds": "time", "requests": "requests", "away_s": "downtime"}
    found = {
        f"{name} ours/{way}": median("ours", what) / median(way, what)
        for what, name in names.items()
        for way in runs
        if way != "ours"
    }
    return found | {what: median("ours", what) for what in ("requests a server", "console reads a server")}


def main() -> None:
    """Measure, print, write the JSON after every round."""
    parser = argparse.ArgumentParser(prog="python -m bench.fleet", description=__doc__)
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--many", type=int, default=MANY, help="0 leaves them out")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--ways", default="ours,cli,terraform,ansible", help="by commas")
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    built = terraform.install(BUILT)
    every: Mapping[str, Any] = {
        "ours": ways.ours,
        "cli": ways.cli,
        "terraform": ways.terraform(*built),
        "ansible": ways.ansible(ansible_python.install(BUILT / "ansible")),
    }
    chosen = {name: every[name] for name in given.ways.split(",")}
    lab = load()
    found: dict[str, Any] = {
        "machine": f"{os.cpu_count()} cores, QEMU without KVM",
        "count": given.count,
        "runs": {},
    }
    ports = {name: getattr(lab.ports, name) for name in SERVICES}
    with (
        tempfile.TemporaryDirectory(prefix="bench-fleet-") as name,
        CountingProxy(lab.address, ports) as proxy,
    ):
        folder = Path(name)
        written = folder / "clouds.yaml"
        written.touch(mode=0o600)
        written.write_text(clouds(lab.clouds.read_text(encoding="utf-8"), lab.address, proxy.address))
        site = Site(lab, folder, written)
        try:
            site.up()
            config = openstack.config.OpenStackConfig(config_files=[str(written)], load_envvars=False)
            with openstack.connection.Connection(config=config.get_one(CLOUD)) as conn:
                for number in range(given.rounds):
                    for way in random.sample(list(chosen), len(chosen)):
                        run = measured(chosen[way], site, conn, proxy, given.count)
                        found["runs"].setdefault(way, []).append(run)
                        print(
                            f"round {number + 1}: {way}: {run['seconds']:.0f} s, {run['requests']} requests, "
                            f"{run['away_s'] / 60:.1f} minutes of servers away",
                            flush=True,
                        )
                    if "ours" in chosen:
                        found["ratios"] = ratios(found["runs"])
                    given.results.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
                if given.many:
                    found["many"] = many.measure(site, conn, proxy, given.many, given.rounds)
                    given.results.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
        finally:
            site.pulumi("destroy", "--yes", "--skip-preview").run()
    print(json.dumps(found.get("ratios", {}), indent=2))


if __name__ == "__main__":
    main()
