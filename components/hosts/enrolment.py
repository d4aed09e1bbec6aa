"""What Kolla-Ansible makes of the hosts: one run for all that are new or changed, with a result for each."""

from collections.abc import Mapping
from typing import Any

import pulumi
import yaml

from components.hosts.bare_metal_host import INVENTORY_VARS, BareMetalHost
from config.kolla import KollaSpec
from dynamic_providers.kolla_deployment.deployment import DeployedHost, KollaDeploymentArgs
from dynamic_providers.kolla_deployment.provider import KollaDeployment

Results = dict[str, dict[str, Any]]
"""By a host's name: ok; and where it is not, the step, the task, its message and where the log is."""


def make_deployment(
    name: str,
    hosts: Mapping[str, BareMetalHost],
    *,
    deployed: Mapping[str, DeployedHost],
    kolla: KollaSpec,
    variables: Mapping[str, Any],
    cloud: str,
    opts: pulumi.ResourceOptions,
) -> KollaDeployment:
    """Makes the `KollaDeployment` of HOSTS, after all of them; DEPLOYED are the same as it is told of them.

    It runs Kolla, with VARIABLES as its globals, for those that are new or changed, and undeploys those that left.
    Services are verified with the administrator's login of CLOUD, an entry of clouds.yaml.
    """
    args = KollaDeploymentArgs(
        stack=pulumi.get_stack(),
        hosts=dict(deployed),
        inventory_vars=INVENTORY_VARS,
        configdir=str(kolla.configdir),
        config_folder=str(kolla.overrides),
        inventory=str(kolla.inventory),
        command=kolla.command,
        steps=list(kolla.steps),
        # As text: numbers would reach the provider as floats.
        globals=yaml.safe_dump(dict(variables), sort_keys=True, allow_unicode=True),
        service_config=kolla.service_config,
        cloud=cloud,
        ceph_user=kolla.ceph.user if kolla.ceph else None,
        ceph_conf=str(kolla.ceph.conf) if kolla.ceph else None,
    )
    after = pulumi.ResourceOptions(depends_on=list(hosts.values()))
    return KollaDeployment(name, args, pulumi.ResourceOptions.merge(opts, after))


def describe(host: str, results: Results) -> str:
    """What became of HOST, in a few words."""
    result = results[host]
    return "enrolled" if result["ok"] else f"not enrolled: {result['step']} failed"


def all_enrolled(results: Results, hosts: Mapping[str, pulumi.Resource]) -> list[str]:
    """The names of all hosts, where all are enrolled.

    Raises:
        pulumi.RunError: one is not, which is told at that host; the next up goes on with what is missing.
    """
    sentences = {name: _failure(name, result) for name, result in results.items() if not result["ok"]}
    for name, sentence in sentences.items():
        pulumi.log.error(sentence, hosts[name])
    if sentences:
        count = len(sentences)
        lines = "".join(f"\n  - {sentence}" for sentence in sentences.values())
        raise pulumi.RunError(
            f"{count} of {len(results)} hosts {'is' if count == 1 else 'are'} not enrolled; the next up goes on with "
            f"what is missing:{lines}"
        )
    return list(results)


def _failure(name: str, result: Mapping[str, Any]) -> str:
    task = f", task {result['task']!r}" if result.get("task") else ""
    log = f" (log: {result['log']})" if result.get("log") else ""
    return f"host {name}: {result['step']}{task}: {result['message']}{log}"
