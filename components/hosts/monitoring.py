"""New Relic's infrastructure agent on the hosts."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import pulumi

from clients.managed_host import ManagedHost
from config.kolla import KollaSpec
from config.monitoring import MonitoringSpec
from dynamic_providers.kolla_deployment.kolla import LOGS
from dynamic_providers.monitoring_agent.declared import MonitoringAgentArgs
from dynamic_providers.monitoring_agent.provider import MonitoringAgent
from program.secret_output import secret_output


def make_monitoring(
    name: str,
    spec: MonitoringSpec,
    *,
    hosts: Mapping[str, ManagedHost],
    kolla: KollaSpec,
    opts: pulumi.ResourceOptions | None = None,
) -> None:
    """Makes the `MonitoringAgent` of a stack's hosts, where New Relic's is asked for.

    /etc/newrelic-infra.yml (mode 0600) with the license key, the host's name and its labels, delivered by Ansible; the
    service enabled, and New Relic seen to know the host. Another key or label goes to the hosts concerned. A host that
    leaves loses service and key. A host that fails fails the run with a sentence, after all others are done.
    """
    if spec.agent != "new-relic":
        return
    assert spec.license_key is not None, "the validator asks for one"
    args = MonitoringAgentArgs(
        hosts=dict(hosts), inventory=str(kolla.inventory), command=kolla.command, logs=str(LOGS)
    )
    made = MonitoringAgent(name, args, opts, license_key=secret_output(spec.license_key))
    made.results.apply(partial(_refuse_failures, made))


def _refuse_failures(made: MonitoringAgent, results: Mapping[str, Mapping[str, Any]]) -> None:
    failed = {name: found for name, found in results.items() if not found["ok"]}
    if failed and not pulumi.runtime.is_dry_run():
        for name, found in failed.items():
            what = "cannot be left" if found.get("leaving") else "is not monitored"
            log = f" (log {found['log']})" if found.get("log") else ""
            pulumi.log.error(f"host {name} {what}: {found.get('message')}{log}", made)
        raise pulumi.RunError(f"the monitoring agent failed on {', '.join(sorted(failed))}; see above")
