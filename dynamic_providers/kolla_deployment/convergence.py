"""Brings all hosts of a deployment to what is wanted: each step once for all hosts that lack it.

A marker on each host, written after each step, says what is done, also after a kill. A host that fails is left out of
later steps.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from clients import ssh
from clients.errors import CloudError
from clients.progress import log_line
from clients.ssh import SshHost
from dynamic_providers.kolla_deployment import ceph_host, facts, markers, verification
from dynamic_providers.kolla_deployment.deployment import HAND_OVER, STARTING, VERIFY, KollaDeploymentArgs
from dynamic_providers.kolla_deployment.kolla import BOOTSTRAP, COLLECTION, Kolla
from dynamic_providers.kolla_deployment.markers import Marker
from dynamic_providers.kolla_deployment.on_all import on_all

REACH = "reach"
REFRESH = "refresh"
VERIFIED_WITHIN_S = 180.0


@dataclass(frozen=True)
class Result:
    """How one host stands.

    Attributes:
        ok: whether all is done that is wanted.
        wanted: the fingerprint that was wanted.
        step: where it failed; "" if it did not.
        log: path of everything that Kolla-Ansible printed.
    """

    ok: bool
    wanted: str
    step: str = ""
    task: str = ""
    message: str = ""
    log: str = ""


@dataclass
class Convergence:
    """One run.

    Attributes:
        deployment: what is wanted.
        kolla: how Kolla-Ansible is run; its lock is held.
        before: how the hosts stood after the last run.
        skipped: steps that cannot run here.
        at: the marker of each host that is worked on.
        results: of hosts that are finished with.
    """

    deployment: KollaDeploymentArgs
    kolla: Kolla
    before: Mapping[str, Result]
    skipped: frozenset[str] = frozenset()
    at: dict[str, Marker] = field(default_factory=dict)
    results: dict[str, Result] = field(default_factory=dict)

    def run(self) -> dict[str, Result]:
        """Do all that is missing; return how every host stands."""
        self._look()
        self._skip_what_cannot_run()
        lacking = {name: self._lacks(name) for name in self.at}
        concerned = [name for name, steps in lacking.items() if steps]
        summary = f"{len(concerned)} of {len(self.deployment.hosts)} hosts lack something"
        log_line(f"{summary}: {', '.join(concerned)}" if concerned else summary)
        of_kolla = [
            step for step in self.deployment.steps if any(step in steps for steps in lacking.values())
        ]
        if of_kolla:
            everybody = BOOTSTRAP in of_kolla
            others = facts.needed(self.kolla.groups(), concerned, everybody=everybody)
            facts.prepare(self.kolla, concerned, others)
        for step in of_kolla:
            self._step(step)
        self._verify()
        self._hand_over()
        for name in self.at:
            self.results[name] = Result(ok=True, wanted=self.deployment.wanted(name))
        return self.results

    def _look(self) -> None:
        """Read the markers; a host that is not reached fails, unless it was well and nothing new is wanted."""
        found, failed = on_all(self._ssh(self.deployment.hosts), markers.read)
        for name, why in failed.items():
            before = self.before.get(name)
            if before and before.ok and before.wanted == self.deployment.wanted(name):
                log_line(f"warning: {why}; nothing new is wanted of it, so it is taken to be as it was")
                self.results[name] = before
            else:
                self._fail(name, REACH, why)
        for name, marker in found.items():
            wanted = self.deployment.wanted(name)
            if marker and marker.stack != self.deployment.stack:
                self._fail(
                    name, REACH,
                    f"its marker {markers.PATH} says that stack {marker.stack!r} deploys this host; remove it from that"
                    " stack first, or delete the marker if that stack is no more",
                )  # fmt: skip
            elif marker and marker.wanted == wanted:
                self.at[name] = marker
            else:
                self.at[name] = Marker(self.deployment.stack, wanted)

    def _skip_what_cannot_run(self) -> None:
        if BOOTSTRAP in self.deployment.steps and not self.kolla.has_collection():
            self.skipped = frozenset({BOOTSTRAP})
            log_line(
                f"step {BOOTSTRAP} is skipped: Ansible's collection {COLLECTION} is not installed"
                " (`kolla-ansible install-deps` brings it); what it installs has to be in the hosts' image"
            )

    def _lacks(self, name: str) -> list[str]:
        return self.at[name].lacks(self.deployment.all_steps(name, self.skipped))

    def _ssh(self, names: Iterable[str]) -> dict[str, SshHost]:
        return {name: self.deployment.hosts[name].ssh for name in names}

    def _who_lacks(self, step: str) -> list[str]:
        return [name for name in self.at if step in self._lacks(name)]

    def _step(self, step: str) -> None:
        """Run one of Kolla's steps for all that lack it."""
        if step in STARTING:
            _, failed = on_all(self._ssh(self._who_lacks(step)), reload_units)
            for name, why in failed.items():
                self._fail(name, step, why)
        hosts = self._who_lacks(step)
        if not hosts:
            return
        result = self.kolla.run(step, hosts, what=f"{step} on {', '.join(hosts)}")
        for name in hosts:
            failure = result.failure(name)
            if failure:
                self._fail(name, step, failure.message, task=failure.task, log=str(result.log))
        self._done(step, hosts)

    def _verify(self) -> None:
        hosts = self._who_lacks(VERIFY)
        roles = {name: self.deployment.hosts[name].roles for name in hosts}
        if not hosts:
            return
        missing = verification.missing(self.deployment.cloud, roles, within=VERIFIED_WITHIN_S)
        for name, sentences in missing.items():
            self._fail(name, VERIFY, "; ".join(sentences))
        self._done(VERIFY, hosts)

    def _hand_over(self) -> None:
        hosts = self._who_lacks(HAND_OVER)
        for name in hosts:
            host = self.deployment.hosts[name]
            try:
                log_line(ceph_host.hand_over(name, host.ssh.address, host.labels, self.deployment.clouds))
            except CloudError as error:
                self._fail(name, HAND_OVER, str(error))
        self._done(HAND_OVER, hosts)

    def _done(self, step: str, hosts: Sequence[str]) -> None:
        """Mark the step on those that have not failed."""
        marked = {}
        for name in (host for host in hosts if host in self.at):
            marker = self.at[name]
            marked[name] = Marker(marker.stack, marker.wanted, (*marker.steps, step))
        _, failed = on_all(self._ssh(marked), lambda ssh: markers.write(ssh, marked[ssh.name]))
        self.at |= marked
        for name, why in failed.items():
            self._fail(name, step, why)

    def _fail(self, name: str, step: str, message: str, *, task: str = "", log: str = "") -> None:
        """A failed host is done with for this run."""
        self.at.pop(name, None)
        wanted = self.deployment.wanted(name)
        self.results[name] = Result(ok=False, wanted=wanted, step=step, task=task, message=message, log=log)
        at = f"task {task!r}: " if task else ""
        log_line(f"{name} failed at step {step}: {at}{message}" + (f" (log {log})" if log else ""))


def reload_units(host: SshHost) -> None:
    """Have systemd read its units anew.

    Kolla means to do so for the units that it writes, but its call is refused and the refusal lost (its
    module_utils/kolla_systemd_worker.py); it then waits two minutes for each container that it recreates.
    """
    ssh.run(host, ["systemctl", "daemon-reload"])


def seen(
    deployment: KollaDeploymentArgs, before: Mapping[str, Result], skipped: frozenset[str]
) -> dict[str, Result]:
    """How the hosts stand by their markers; one that is not reached is taken to be as it was, with a warning."""
    found, failed = on_all({name: host.ssh for name, host in deployment.hosts.items()}, markers.read)
    results = dict(before)
    for why in failed.values():
        log_line(f"warning: {why}; it is taken to be as it was")
    for name, marker in found.items():
        wanted = deployment.wanted(name)
        lacking = _lacking(deployment, name, marker, skipped)
        known = before.get(name)
        if lacking is None:
            results[name] = Result(ok=True, wanted=wanted)
        elif known is None or known.ok:  # else it is known better why
            results[name] = Result(ok=False, wanted=wanted, step=REFRESH, message=lacking)
    return results


def _lacking(
    deployment: KollaDeploymentArgs, name: str, marker: Marker | None, skipped: frozenset[str]
) -> str | None:
    if marker is None:
        return f"the host has no marker {markers.PATH}: it was installed anew or cleaned"
    if marker.stack != deployment.stack or marker.wanted != deployment.wanted(name):
        return f"its marker {markers.PATH} tells of something else than what is wanted"
    steps = marker.lacks(deployment.all_steps(name, skipped))
    return f"not done yet: {', '.join(steps)}" if steps else None
