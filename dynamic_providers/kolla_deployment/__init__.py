"""Kolla-Ansible for all hosts of a stack: one run of each step for those that need it, a result for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi
from pulumi.dynamic import Resource

from dynamic_providers.kolla_deployment.provider import KollaDeploymentArgs, KollaDeploymentProvider

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["KollaDeployment", "KollaDeploymentArgs"]


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
        self,
        name: str,
        *,
        hosts: Mapping[str, Mapping[str, Any]],
        user: str,
        port: int,
        private_key_file: str,
        configdir: str,
        config_folder: str,
        inventory: str,
        command: str,
        container_engine: str,
        steps: Sequence[str],
        globals: str,  # noqa: A002 - Kolla's own word
        service_config: Mapping[str, str],
        cloud: str,
        ceph_user: str | None = None,
        ceph_conf: str | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        declared: dict[str, Any] = {
            "stack": pulumi.get_stack(),
            "hosts": {host: dict(args) for host, args in hosts.items()},
            "user": user,
            "port": port,
            "private_key_file": private_key_file,
            "configdir": configdir,
            "config_folder": config_folder,
            "inventory": inventory,
            "command": command,
            "container_engine": container_engine,
            "steps": list(steps),
            "globals": globals,
            "service_config": dict(service_config),
            "cloud": cloud,
        }
        if ceph_user:
            declared["ceph_user"] = ceph_user
        if ceph_conf:
            declared["ceph_conf"] = ceph_conf
        found_out = ("results", "deployed", "skipped", "drift", "written_in")
        super().__init__(KollaDeploymentProvider(), name, {**declared, **dict.fromkeys(found_out)}, opts)
