"""OSDs join a small Ceph while clients write, by several ways: `make bench-expansion`; `plot` draws the runs.

The ways are those of `bench/expansion/ways.py`. Clients write 4 KiB, open loop, in a process of their own; before each run
they are quiet for six windows, and a run whose windows differ is void. Each run is a line of a file, and a bench that is
started again goes on with what is missing there. Each OSD has a disk of its own, in memory and limited by `--iops`; the
monitor's data is in memory as well. All share the cores with the clients. `make` stops the lab before, which uses them too.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from pathlib import Path

from bench.expansion import plot
from bench.expansion.measure import MOST_APART, PER_SECOND, Run, Setting, measure
from bench.expansion.report import report, setting_of
from bench.expansion.room import room
from bench.expansion.ways import WAYS, of_release
from lab import ceph_release, settings
from lab.settings import CHECKOUT, EXTRA_OSDS

ROUNDS, IOPS, MOST_VOID = 3, 1500, 3
RESULTS = Path(__file__).parents[1] / "results" / "expansion.json"
RUNS = CHECKOUT / ".cloud" / "bench-expansion.jsonl"


def parser() -> argparse.ArgumentParser:
    """Describe the options."""
    made = argparse.ArgumentParser(prog="python -m bench.expansion", description=__doc__)
    made.add_argument("command", nargs="?", choices=("run", "report", "plot"), default="run")
    made.add_argument("--rounds", type=int, default=ROUNDS)
    made.add_argument("--only", help=f"names of ways, by commas: {', '.join(WAYS)}")
    made.add_argument("--load", choices=tuple(PER_SECOND), default="writes", help="of the clients")
    made.add_argument("--young", action="store_true", help="PGs whose logs cover their history")
    made.add_argument("--osds", type=int, choices=range(1, len(EXTRA_OSDS) + 1), default=1)
    made.add_argument("--iops", type=int, default=IOPS, help="limit of each OSD; 0 for none")
    made.add_argument("--most-apart", type=float, default=MOST_APART, help="quartiles of the quiet windows")
    made.add_argument("--runs", type=Path, default=RUNS, help="a line for each run")
    made.add_argument("--results", type=Path, default=RESULTS)
    made.add_argument("--pictures", type=Path, default=CHECKOUT / "docs" / "pictures")
    return made


def main() -> int:
    """Measure what is missing, write the JSON after each run; or draw what there is."""
    given = parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was set is put back
    lab = settings.load()
    lines = given.runs.read_text(encoding="utf-8").splitlines() if given.runs.exists() else []
    runs: list[Run] = [json.loads(line) for line in lines]
    setting = Setting(ceph_release.version(lab, "ceph-osd"), given.young, given.osds, given.load, given.iops)
    if given.command == "plot":
        plot.draw([run for run in runs if setting_of(run) == setting], given.pictures)
        return 0
    if given.command == "run":
        ways = given.only.split(",") if given.only else of_release(ceph_release.chosen(lab))
        todo = [way for _ in range(given.rounds) for way in ways]
        for run in runs:
            if run["way"] in todo and setting_of(run) == setting:
                todo.remove(run["way"])
        if todo and not work(todo, runs, setting, given):
            return 1
    given.results.write_text(json.dumps(report(runs), indent=2) + "\n", encoding="utf-8")
    return 0


def work(todo: list[str], runs: list[Run], setting: Setting, given: argparse.Namespace) -> bool:
    """Do what is TODO; whether the machine was quiet enough for it."""
    void = 0
    with room(setting.osds, setting.iops, young=setting.young) as join:
        while todo:
            run = measure(todo[0], join, setting, given.most_apart)
            told = {key: value for key, value in run.items() if key not in ("each_second_ms", "marks")}
            print(json.dumps(told), flush=True)
            void = void + 1 if run["void"] else 0
            if void == MOST_VOID:
                print(f"{MOST_VOID} runs in a row were void: the machine is not quiet enough.")
                return False
            if not run["void"]:
                todo.pop(0)
                runs.append(run)
                with given.runs.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(run) + "\n")
                given.results.write_text(json.dumps(report(runs), indent=2) + "\n", encoding="utf-8")
    return True


if __name__ == "__main__":
    sys.exit(main())
