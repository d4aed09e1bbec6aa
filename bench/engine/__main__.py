"""The whole program beside Terraform with the same plugin code and Ansible's modules: `make bench-engine`.

10, 100 and 500 resources, in mixed order; the lab's other users should be quiet. All ways reach the cloud through the
same counting proxy. `--settings NAME=VALUE` gives our way variables, to try what they bring.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import openstack

from bench.engine import ansible_python, run, terraform
from bench.engine.counter import CountingProxy
from bench.engine.leftovers import sweep
from bench.engine.plan import Plan
from bench.engine.report import Figures, report, table
from bench.engine.ways import WAYS, Site
from lab.settings import load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from openstack.connection import Connection

ROUNDS = {10: 3, 100: 3, 500: 1}
CLOUD = "lab-admin"
RESULTS = Path(__file__).parents[1] / "results" / "engine.json"
BUILT = Path(__file__).parents[2] / ".cloud" / "bench"
RUNS = BUILT / "engine-runs.jsonl"
LIMITED = ("network", "subnet", "rbac_policy")


@contextmanager
def enough_quota(connection: Connection) -> Iterator[None]:
    """Lift Neutron's limits of the administrator's project, which owns all networks; put them back afterwards."""
    project = connection.current_project_id
    url = f"/quotas/{project}"
    before = connection.network.get(url).json()["quota"]
    lifted = connection.network.put(url, json={"quota": dict.fromkeys(LIMITED, -1)})
    lifted.raise_for_status()
    try:
        yield
    finally:
        connection.network.put(url, json={"quota": {name: before[name] for name in LIMITED}})


def clouds_behind(proxy: CountingProxy, address: str, folder: Path) -> Path:
    """Return a clouds.yaml like the lab's that leads to the proxy."""
    text = Path(os.environ["OS_CLIENT_CONFIG_FILE"]).read_text(encoding="utf-8")
    written = folder / "clouds.yaml"
    written.touch(mode=0o600)
    written.write_text(text.replace(f"//{address}:", f"//{proxy.address}:"), encoding="utf-8")
    return written


def schedule(rounds: dict[int, int], ways: list[str]) -> Iterator[tuple[int, str, int]]:
    """Yield round, way and size; each round's in an order of its own."""
    for number in range(max(rounds.values())):
        pairs = [(way, size) for way in ways for size, times in rounds.items() if number < times]
        for way, size in random.sample(pairs, len(pairs)):
            yield number + 1, way, size


def main() -> None:
    """Measure, print a table, write the JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.engine", description=__doc__)
    parser.add_argument("--ways", default=",".join(WAYS), help="by commas")
    parser.add_argument(
        "--sizes", default=",".join(f"{n}x{r}" for n, r in ROUNDS.items()), help="SIZExROUNDS"
    )
    parser.add_argument("--go-on", action="store_true", help="add to the runs that were measured before")
    parser.add_argument("--trial", action="store_true", help="print the table only; keep and write nothing")
    parser.add_argument("--settings", action="append", default=[], metavar="NAME=VALUE")
    given = parser.parse_args()
    rounds = {int(size): int(times) for size, times in (pair.split("x") for pair in given.sizes.split(","))}
    settings = dict(pair.split("=", 1) for pair in given.settings)
    runs = run.read(RUNS) if given.go_on and not given.trial else []
    if not given.go_on and not given.trial:
        RUNS.unlink(missing_ok=True)
    run.adopt_orphans()
    cli, provider = terraform.install(BUILT)
    python = ansible_python.install(BUILT / "ansible")
    lab = load()
    ports = {name: getattr(lab.ports, name) for name in ("keystone", "neutron", "nova", "cinder", "glance")}
    with (
        openstack.connect(cloud=CLOUD) as connection,
        enough_quota(connection),
        CountingProxy(lab.address, ports) as proxy,
    ):
        if swept := sweep(connection):
            print(f"{swept} things of an earlier run were left, and are removed", flush=True)
        for number, way, size in schedule(rounds, given.ways.split(",")):
            with tempfile.TemporaryDirectory(prefix="bench-engine-") as name:
                folder = Path(name)
                (folder / "work").mkdir()
                clouds = clouds_behind(proxy, lab.address, folder)
                site = Site(folder / "work", CLOUD, clouds, cli, provider, python, settings)
                phases = WAYS[way](site, Plan(size, dynamic=way == "ours-dynamic"))
                for done in run.measured(way, size, phases, proxy):
                    runs.append(done)
                    if not given.trial:
                        done.append_to(RUNS)
                    print(
                        f"round {number}: {way}, {done.phase} of {size}: {done.seconds:.1f} s ({done.cpu_s:.1f} s CPU),"
                        f" {done.total} requests (load {done.load:.1f})",
                        flush=True,
                    )
    figures = Figures(runs)
    print("\n" + table(figures))
    if not given.trial:
        RESULTS.write_text(json.dumps(report(figures), indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
