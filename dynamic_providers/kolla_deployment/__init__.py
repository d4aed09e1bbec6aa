"""Kolla-Ansible for all hosts of a stack: one run of each step for those that need it, a result for each."""

from typing import Any

import pulumi
from pulumi.dynamic import Resource

from dynamic_providers.kolla_deployment.deployment import DeployedHost, KollaDeploymentArgs
from dynamic_providers.kolla_deployment.provider import KollaDeploymentProvider

__all__ = ["DeployedHost", "KollaDeployment", "KollaDeploymentArgs"]


class KollaDeployment(Resource, module="kolla", name="KollaDeployment"):
    """The hosts of a stack, deployed by Kolla-Ansible and verified.

    A host that fails does not fail the resource, so that the others are in state: look at `results`. The next run
    goes on with the steps that the host itself says are missing. A host that is no longer declared is undeployed,
    and so are all when the resource is deleted. See KollaDeploymentArgs for what it declares.

    Attributes:
        results: {ok, step, task, message, log, wanted} by the name of the host; texts are "" where it is well.
        skipped: steps that cannot run here.
    """

    results: pulumi.Output[dict[str, dict[str, Any]]]
    skipped: pulumi.Output[list[str]]

    def __init__(
        self, name: str, args: KollaDeploymentArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        outputs = dict.fromkeys(("results", "deployed", "skipped", "drift", "written_in"))
        declared = args.model_dump(mode="json", exclude_none=True)
        super().__init__(KollaDeploymentProvider(), name, {**declared, **outputs}, opts)
