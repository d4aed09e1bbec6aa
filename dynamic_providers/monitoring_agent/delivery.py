"""The agent configured on hosts by Ansible and removed; that it is done is seen on the hosts: the file, and the service."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from clients import ansible, ssh
from clients.errors import CloudError
from clients.progress import TaskProgress, log_line
from clients.ssh import SshHost
from dynamic_providers.monitoring_agent import declared
from dynamic_providers.monitoring_agent.declared import MonitoringAgentArgs

FOLDER = Path(__file__).parent
ATTEMPTS = 12
_AT_ONCE = 8
_LOOK = (
    f"sha256sum < {declared.PATH} 2>/dev/null || echo none; "
    "systemctl is-active newrelic-infra; systemctl is-enabled newrelic-infra; true"
)


@dataclass(frozen=True)
class Found:
    """How a host was left.

    Attributes:
        ok: whether the agent reports with the configuration declared.
        digest: of the configuration that is there; None for none, or where it is not known.
        log: what Ansible printed.
        out_of_reach: whether nothing was found out, because the host did not answer.
        leaving: whether it is declared no more, and its agent could not be removed yet.
    """

    ok: bool
    digest: str | None = None
    task: str | None = None
    message: str | None = None
    log: str | None = None
    out_of_reach: bool = False
    leaving: bool = False


def deliver(args: MonitoringAgentArgs, wanted: Mapping[str, str]) -> dict[str, Found]:
    """Give hosts their configuration, the text in WANTED, and see that the agent reports."""
    if not wanted:
        return {}
    result = _play(args, "configure", wanted, wanted)
    there = look({name: args.hosts[name].ssh for name in wanted if not result.failure(name)})
    found = {}
    for name, text in wanted.items():
        failure = result.failure(name)
        live = there.get(name, Found(False))
        if failure is None and live.ok and live.digest != declared.digest(text):
            failure = ansible.Failure("", f"{declared.PATH} is another one than was delivered just now")
        if failure is None and live.ok:
            found[name] = Found(True, live.digest)
        else:
            task = failure.task if failure else ""
            message = failure.message if failure else live.message
            found[name] = Found(False, None, task, message, str(result.log))
    return found


def look(hosts: Mapping[str, SshHost]) -> dict[str, Found]:
    """How each host is now: which configuration, and whether the agent runs."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return dict(zip(hosts, pool.map(_looked_at, hosts.values()), strict=True))


def remove(args: MonitoringAgentArgs, hosts: Collection[str]) -> dict[str, str]:
    """Stop the agent on those hosts and take its configuration away; return why not, by host.

    A host that does not answer is let go with a warning: it may be dead, and is no longer this stack's.
    """
    if not hosts:
        return {}
    result = _play(args, "remove", hosts, {})
    failures = {name: result.failure(name) for name in hosts}
    for name in sorted(name for name, failure in failures.items() if failure and failure.unreachable):
        del failures[name]
        log_line(
            f"warning: host {name} does not answer, so its agent and the license key stay on it; wipe its disks "
            "before they leave the house"
        )
    return {
        name: f"{failure.task}{': ' if failure.task else ''}{failure.message} (log {result.log})"
        for name, failure in failures.items()
        if failure
    }


def _play(
    args: MonitoringAgentArgs, playbook: str, hosts: Collection[str], configurations: Mapping[str, str]
) -> ansible.RunResult:
    """Run a playbook of this folder on those hosts, with the file of each.

    What holds the key is in one folder, also what Ansible itself writes: it goes with this run, or where this
    run is killed, with the next.
    """
    logs = Path(args.logs)
    logs.mkdir(mode=0o700, parents=True, exist_ok=True)
    log = Path(tempfile.mkdtemp(prefix="monitoring-", dir=logs)) / f"{playbook}.log"
    secret = logs / f".monitoring-{hashlib.sha256(args.inventory.encode()).hexdigest()[:12]}"
    shutil.rmtree(secret, ignore_errors=True)
    files = secret / "configurations"
    secret.mkdir(mode=0o700)
    try:
        files.mkdir()
        for name, text in configurations.items():
            (files / name).write_text(text, encoding="utf-8")
        progress = TaskProgress(f"monitoring agent, {playbook}")
        extra = {
            "configurations": str(files),
            "status_port": declared.STATUS_PORT,
            "attempts": ATTEMPTS,
        }
        path = ansible.beside(ansible.located(args.command), {})["PATH"]
        result = ansible.run(
            [
                shutil.which("ansible-playbook", path=path) or "ansible-playbook",
                *("--inventory", args.inventory, "--limit", ",".join(sorted(hosts))),
                *("--extra-vars", json.dumps(extra), str(FOLDER / f"{playbook}.yml")),
            ],
            environment={
                "ANSIBLE_LOCAL_TEMP": str(secret),
                "ANSIBLE_DIFF_ALWAYS": "False",
                "ANSIBLE_KEEP_REMOTE_FILES": "False",
                "ANSIBLE_DEBUG": "False",
                "ANSIBLE_NO_TARGET_SYSLOG": "True",
                "ANSIBLE_NOCOLOR": "True",
            },
            log=log,
            on_event=progress,
        )
    finally:
        shutil.rmtree(secret)
    progress.end(result)
    return result


def _looked_at(host: SshHost) -> Found:
    try:
        sha256, active, enabled = ssh.run(host, _LOOK).split("\n")[:3]
    except CloudError as error:
        return Found(False, message=str(error), out_of_reach=isinstance(error, ssh.HostUnreachable))
    digest = None if sha256 == "none" else sha256.split()[0]
    if digest is None:
        return Found(False, None, message=f"{host.where} has no {declared.PATH}")
    if (active, enabled) != ("active", "enabled"):
        return Found(
            False, digest, message=f"{host.where}: the service newrelic-infra is {active} and {enabled}"
        )
    return Found(True, digest)
