"""New Relic's infrastructure agent on the hosts."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi

from clients.managed_host import ManagedHost
from config.monitoring import MonitoringSpec
from dynamic_providers.monitoring_agent.provider import MonitoringAgent as AgentOnHosts
from dynamic_providers.monitoring_agent.provider import MonitoringAgentArgs
from program.secret_output import secret_output


class MonitoringAgent(pulumi.ComponentResource):
    """New Relic's infrastructure agent on the hosts of a stack.

    Makes one `MonitoringAgent` of the dynamic providers: /etc/newrelic-infra.yml (mode 0600) with the license key,
    the host's name and its labels, delivered by Ansible; the service enabled, and New Relic seen to know the host.
    Another key or label goes to the hosts concerned. A host that leaves loses service and key. A host that fails
    fails the run with a sentence, after all others are done.

    Args:
        name: of the resource.
        spec: with agent: new-relic.
        hosts: by name.
        inventory: Kolla's folder, by which Ansible reaches the hosts.
        command: of kolla-ansible.
        logs: the folder for what Ansible prints.
        opts: what has to be there first: the hosts and the deployment.
    """

    monitored: pulumi.Output[list[str]]
    """The names of the hosts whose agent reports."""

    def __init__(
        self,
        name: str,
        spec: MonitoringSpec,
        *,
        hosts: Mapping[str, ManagedHost],
        inventory: Path,
        command: str,
        logs: Path,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("private-cloud:hosts:MonitoringAgent", name, None, opts)
        assert spec.license_key is not None, "the validator asks for one"
        made = AgentOnHosts(
            name,
            MonitoringAgentArgs(hosts=dict(hosts), inventory=str(inventory), command=command, logs=str(logs)),
            license_key=secret_output(spec.license_key),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.monitored = made.results.apply(self._monitored)
        self.register_outputs({"monitored": self.monitored})

    def _monitored(self, results: Mapping[str, Mapping[str, Any]]) -> list[str]:
        failed = {name: found for name, found in results.items() if not found["ok"]}
        if failed and not pulumi.runtime.is_dry_run():
            for name, found in failed.items():
                what = "cannot be left" if found.get("leaving") else "is not monitored"
                log = f" (log {found['log']})" if found.get("log") else ""
                pulumi.log.error(f"host {name} {what}: {found.get('message')}{log}", self)
            raise pulumi.RunError(f"the monitoring agent failed on {', '.join(sorted(failed))}; see above")
        return sorted(name for name, found in results.items() if found["ok"])
