"""New Relic's infrastructure agent on the hosts of a stack: one Ansible run, a result a host."""

from typing import Any

import pulumi
from pulumi.dynamic import Resource

from dynamic_providers.monitoring_agent.provider import MonitoringAgentArgs, MonitoringAgentProvider

__all__ = ["MonitoringAgent", "MonitoringAgentArgs"]


class MonitoringAgent(Resource, module="hosts", name="MonitoringAgent"):
    """The agent's configuration on every host; the agent itself is in the hosts' image.

    It succeeds also where hosts failed, so that state tells of the others: look at the results. The license key is
    a secret in state.

    Attributes:
        results: by host: ok, digest of the configuration, task, message, log, leaving.
    """

    results: pulumi.Output[dict[str, Any]]

    def __init__(
        self,
        name: str,
        args: MonitoringAgentArgs,
        *,
        license_key: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        secret = pulumi.ResourceOptions(additional_secret_outputs=["license_key"])
        super().__init__(
            MonitoringAgentProvider(),
            name,
            {
                **args.model_dump(mode="json", exclude_none=True),
                "license_key": pulumi.Output.secret(license_key),
                "results": None,
            },
            pulumi.ResourceOptions.merge(opts, secret),
        )
