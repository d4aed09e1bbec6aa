"""Kolla-Ansible's command line for one deployment: one step for several hosts at once."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from clients import ansible
from clients.ansible import RunResult
from clients.progress import TaskProgress
from dynamic_providers.kolla_deployment import configuration

PROGRAM_FOLDER = Path(__file__).resolve().parents[2]
LOGS = PROGRAM_FOLDER / ".cloud" / "log" / "kolla"
FACTS = PROGRAM_FOLDER / ".cloud" / "facts"
FACTS_TIMEOUT_S = 86_400
FORKS = 20
BOOTSTRAP = "bootstrap-servers"
COLLECTION = "openstack.kolla"
DESTROY = ("destroy", "--yes-i-really-really-mean-it")
_OFF, _ON = "0", "1"


@dataclass(frozen=True)
class Kolla:
    """How Kolla-Ansible is run.

    Attributes:
        configdir: of globals.yml and passwords.yml.
        logs: gets one file a run.
        lock: file descriptor that is to stay open as long as a run lives.
    """

    command: str
    configdir: Path
    inventory: Path
    lock: int
    logs: Path = LOGS

    @property
    def facts(self) -> Path:
        """Where Ansible keeps what it has found out of this inventory's hosts."""
        return FACTS / hashlib.sha256(str(self.inventory).encode()).hexdigest()[:12]

    @property
    def environment(self) -> dict[str, str]:
        """Ansible's settings; the rest are the operator's ansible.cfg's."""
        return {
            "ANSIBLE_NOCOLOR": _ON,
            "ANSIBLE_FORKS": str(FORKS),
            "ANSIBLE_PIPELINING": _ON,
            "ANSIBLE_HOST_KEY_CHECKING": _ON,
            "ANSIBLE_SSH_ARGS": "-o ControlMaster=auto -o ControlPersist=60s",
            "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": _ON,  # a broken file would leave its hosts out unseen
            "ANSIBLE_DISPLAY_SKIPPED_HOSTS": _OFF,
            # Ansible's modules log what they are called with, and Kolla's have passwords in it.
            "ANSIBLE_NO_TARGET_SYSLOG": _ON,
            "ANSIBLE_CACHE_PLUGIN": "ansible.builtin.jsonfile",
            "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(self.facts),
            "ANSIBLE_CACHE_PLUGIN_TIMEOUT": str(FACTS_TIMEOUT_S),
        }

    def run(self, step: str, hosts: Sequence[str], *options: str, what: str = "") -> RunResult:
        """Run one step for these hosts, showing how far it is.

        Facts of no others are gathered on the way: see `facts`.
        """
        # Kolla would ask each host outside the limit in turn.
        variables: dict[str, Any] = {"kolla_ansible_delegate_facts_hosts": []}
        progress = TaskProgress(what or step)
        result = ansible.run(
            [
                self.command, step, *options,
                "--configdir", str(self.configdir),
                "--inventory", str(self.inventory),
                "--limit", ",".join(hosts),
                "--extra-vars", json.dumps(variables),
            ],
            environment=self.environment,
            log=self.log(step),
            on_event=progress,
            keep_open=[self.lock],
        )  # fmt: skip
        progress.end(result)
        self._hide_secrets(result)
        return result

    def destroy(self, hosts: Sequence[str]) -> dict[str, str]:
        """Remove Kolla's containers and files from hosts; why not, by name, where it failed."""
        result = self.run(DESTROY[0], hosts, *DESTROY[1:])
        return {
            host: f"task {failure.task!r}: {failure.message} (log {result.log})"
            for host in hosts
            if (failure := result.failure(host))
        }

    def _hide_secrets(self, result: RunResult) -> None:
        """Ansible prints the whole command of a task that failed, and some of Kolla's have a password in it."""
        secrets = configuration.secrets(self.configdir)
        text = result.log.read_text(encoding="utf-8", errors="replace")
        result.log.write_text(configuration.hidden(text, secrets), encoding="utf-8")
        result.failures = {
            host: replace(failure, message=configuration.hidden(failure.message, secrets))
            for host, failure in result.failures.items()
        }

    def groups(self) -> dict[str, set[str]]:
        """The hosts of each group, whoever wrote them into the inventory."""
        found = ansible.inventory(self.command, self.inventory, self.environment)
        return {name: _members(found, name) for name in found if name != "_meta"}

    def has_collection(self) -> bool:
        """Whether the collection that bootstrap-servers needs is installed."""
        words = ("ansible-galaxy", "collection", "list", COLLECTION)
        return COLLECTION in ansible.answer(self.command, *words, environment=self.environment)

    def log(self, step: str) -> Path:
        """A log file of its own for a run that starts now."""
        now = datetime.now(UTC)
        return self.logs / f"{now:%Y%m%dT%H%M%S.%f}-{step}.log"


def _members(groups: Mapping[str, Any], name: str) -> set[str]:
    group = groups.get(name, {})
    hosts = set(group.get("hosts", ()))
    return hosts.union(*(_members(groups, child) for child in group.get("children", ())))
