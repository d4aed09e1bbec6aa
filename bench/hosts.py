"""Enrolling simulated hosts, beside kolla-ansible run by hand host after host: `make bench-hosts`.

`ours-N` is the create of a whole deployment of N hosts: files, markers, and each of the steps once for all of them.
`by-hand-N` is a person who runs the same steps with the same files for one host, then for the next.
`…-with-M` has M other compute hosts in the inventory, which are names for the same simulated hosts. One of the
hosts is a control and network host, all run instances. In mixed order; what cleans up is not timed.

Without images (``--steps prechecks``) any lab with hosts will do; with pull and deploy, the fake images of the
lab are what is deployed, so that the time is Ansible's and the container engine's, not the services'.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import shutil
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from clients import host_keys, ssh
from clients.managed_host import ManagedHost
from clients.ssh import SshHost
from dynamic_providers.kolla_deployment import kolla, markers, shared_files
from dynamic_providers.kolla_deployment.deployment import KollaDeploymentArgs
from dynamic_providers.kolla_deployment.provider import KollaDeploymentProvider
from dynamic_providers.kolla_host import inventory

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SIZES = (1, 3, 6)
OTHERS = (10, 100)
RESULTS = Path(__file__).parent / "results" / "hosts.json"
STACK_FILE = Path(__file__).parents[1] / "Pulumi.hosts.yaml"
STACK = "bench-hosts"
Row = dict[str, Any]
"""One host, as hosts.json tells of it."""
FIRST_ROLES, ROLES = ["control", "network", "compute"], ["compute"]
LIMITS = {
    "ours-3/ours-1": 1.5,
    "ours-6/ours-1": 2.0,
    "ours-1-with-10/ours-1": 1.2,
    "ours-1-with-100/ours-1": 1.2,
}


@dataclass(frozen=True)
class Site:
    """A configuration and an inventory for one measurement.

    Attributes:
        folder: has globals.yml and passwords.yml, and the folder inventory.
        hosts: those that are enrolled, as hosts.json tells of them.
        steps: Kolla-Ansible's commands.
    """

    folder: Path
    hosts: Sequence[Row]
    steps: Sequence[str]

    @classmethod
    def make(cls, folder: Path, hosts: Sequence[Row], steps: Sequence[str], others: int) -> Site:
        """Make the folder, with this many other hosts in its inventory."""
        made = cls(folder, hosts, steps)
        inventory.known_hosts_of(folder / "inventory", STACK).parent.mkdir(parents=True)
        for name in ("globals.yml", "passwords.yml"):
            shutil.copy(Path(os.environ["LAB_HOSTS"]).parent / "kolla" / name, folder)
        for number, row in enumerate(hosts):
            made.declare(row["name"], row, ROLES if number else FIRST_ROLES)
        for number in range(others):
            made.declare(f"other-{number + 1}", hosts[number % len(hosts)], ROLES)
        return made

    def managed(self, name: str, row: Row, roles: Sequence[str]) -> ManagedHost:
        """The host of that row under a name."""
        known = inventory.known_hosts_of(self.folder / "inventory", name)
        reached = {key: row[key] for key in ("address", "port", "user", "private_key_file")}
        ssh = SshHost(name=name, known_hosts_file=known, **reached)
        return ManagedHost(ssh=ssh, roles=tuple(roles), container_engine="docker", labels={})

    def declare(self, name: str, row: Row, roles: Sequence[str]) -> None:
        """Write a host's inventory file and pin its key."""
        host = self.managed(name, row, roles)
        host.ssh.known_hosts_file.write_text(host_keys.pin(row["address"], row["port"], row["host_key"]))
        variables = {"network_interface": "mgmt", "neutron_external_interface": "br-ex"}
        inventory.file_of(self.folder / "inventory", name).write_text(inventory.text(host, variables))

    @property
    def inputs(self) -> dict[str, Any]:
        """What the deployment declares."""
        managed = [
            self.managed(row["name"], row, ROLES if number else FIRST_ROLES)
            for number, row in enumerate(self.hosts)
        ]
        return {
            "stack": STACK,
            "hosts": {
                host.name: host.model_dump(mode="json") | {"removal": "refuse", "osd_disks": []}
                for host in managed
            },
            "configdir": str(self.folder),
            "config_folder": str(self.folder / "config"),
            "inventory": str(self.folder / "inventory"),
            "steps": list(self.steps),
            "globals": variables(),
            "cloud": "lab-admin",
        }

    def ours(self) -> None:
        """Enrol them all by the provider."""
        made = KollaDeploymentProvider().create(self.inputs)
        assert made.outs is not None
        failed = {name: result for name, result in made.outs["results"].items() if not result["ok"]}
        assert not failed, failed

    def by_hand(self) -> None:
        """Run the same steps for one host after the other."""
        for row in self.hosts:
            for step in self.steps:
                self.kolla_ansible(step, row["name"])

    def kolla_ansible(self, *words: str) -> None:
        """Run a command for the host that is its last word."""
        *command, limit = words
        files = ("--configdir", str(self.folder), "--inventory", str(self.folder / "inventory"))
        done = subprocess.run(
            ["kolla-ansible", *command, *files, "--limit", limit], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr

    def clean_up(self) -> None:
        """Take off the hosts what was put on them."""
        if set(self.steps) - {"prechecks"}:
            self.kolla_ansible(*kolla.DESTROY, ",".join(row["name"] for row in self.hosts))
        for row in self.hosts:
            ssh.run(self.managed(row["name"], row, ROLES).ssh, ["rm", "-f", markers.PATH])
        facts = kolla.Kolla("kolla-ansible", self.folder, self.folder / "inventory", 0).facts
        shutil.rmtree(facts, ignore_errors=True)


Way = tuple[int, int, "Callable[[Site], None]"]
"""How many hosts are enrolled, how many others there are, and how."""


def variables() -> str:
    """Kolla's variables as the stack of the lab's hosts has them."""
    stack = yaml.safe_load(STACK_FILE.read_text(encoding="utf-8"))
    declared = stack["config"]["private-cloud:kolla"].get("globals", {})
    needed = {
        "kolla_container_engine": "docker",
        "enable_openvswitch": "no",
        "enable_neutron_provider_networks": "yes",
    }
    return str(yaml.safe_dump(needed | declared))


def ways(hosts: Sequence[Row], most_by_hand: int) -> dict[str, Way]:
    """All that the lab has hosts for."""
    sizes = [size for size in SIZES if size <= len(hosts)]
    found: dict[str, Way] = {f"ours-{size}": (size, 0, Site.ours) for size in sizes}
    found |= {f"ours-1-with-{others}": (1, others, Site.ours) for others in OTHERS}
    found |= {f"by-hand-{size}": (size, 0, Site.by_hand) for size in sizes if size <= most_by_hand}
    found |= {f"by-hand-1-with-{others}": (1, others, Site.by_hand) for others in OTHERS}
    return found


def measure(way: Way, hosts: Sequence[Row], steps: Sequence[str]) -> float:
    """Seconds for one way, with a site of its own."""
    size, others, enrol = way
    with tempfile.TemporaryDirectory(prefix="bench-hosts-") as folder:
        site = Site.make(Path(folder), hosts[:size], steps, others)
        if enrol is Site.by_hand:
            # The same shared files; who runs it by hand has written them before.
            shared_files.write(site.folder, KollaDeploymentArgs.model_validate(site.inputs).rendered())
        started = time.monotonic()
        try:
            enrol(site)
            return time.monotonic() - started
        finally:
            site.clean_up()


def report(seconds: dict[str, list[float]], steps: Sequence[str]) -> dict[str, Any]:
    """The figures, as every bench writes them."""
    median = {name: statistics.median(taken) for name, taken in sorted(seconds.items())}
    pairs = [tuple(pair.split("/")) for pair in LIMITS]
    pairs += [(name, name.replace("ours", "by-hand")) for name in median if name.startswith("ours")]
    return {
        "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}",
        "rounds": max(map(len, seconds.values())),
        "steps": list(steps),
        "ways": {
            name: {"median_s": median[name], "min_s": min(taken), "max_s": max(taken)}
            for name, taken in sorted(seconds.items())
        },
        "ratios": {f"{a}/{b}": median[a] / median[b] for a, b in pairs if a in median and b in median},
    }


def main() -> None:
    """Measure, print a table, write the JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.hosts", description=__doc__)
    parser.add_argument("--steps", default="prechecks,pull,deploy", help="Kolla-Ansible's commands")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--most-by-hand", type=int, default=3, help="hosts that are enrolled one after the other"
    )
    parser.add_argument("--only", default="", help="names of ways, by commas")
    given = parser.parse_args()
    steps = given.steps.split(",")
    hosts = json.loads(Path(os.environ["LAB_HOSTS"]).read_text(encoding="utf-8"))
    all_ways = ways(hosts, given.most_by_hand)
    chosen = [name for name in all_ways if not given.only or name in given.only.split(",")]
    seconds: dict[str, list[float]] = {}
    for number in range(given.rounds):
        for name in random.sample(chosen, len(chosen)):
            seconds.setdefault(name, []).append(measure(all_ways[name], hosts, steps))
            print(f"round {number + 1}/{given.rounds}: {name} {seconds[name][-1]:.1f} s", flush=True)
    found = report(seconds, steps)
    RESULTS.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    for name, figures in found["ways"].items():
        print(f"{name:20} {figures['median_s']:8.1f} s")
    for name, ratio in found["ratios"].items():
        limit = f" (at most {LIMITS[name]})" if name in LIMITS else ""
        print(f"{name:40} {ratio:6.2f}{limit}")


if __name__ == "__main__":
    main()
