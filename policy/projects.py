"""Rules of what projects may use up, and of what must not be removed by mistake."""

from collections.abc import Iterator, Sequence

from config.resource_types import COMPUTE_QUOTA, NETWORK, NETWORK_QUOTA, PROJECT, SUBNET, VOLUME_QUOTA
from policy.declared import Declared
from policy.rule import Facts, Finding, ResourceRule, StackRule

_QUOTAS = {COMPUTE_QUOTA: "compute", NETWORK_QUOTA: "network", VOLUME_QUOTA: "volume"}


def _without_quota(resources: Sequence[Declared], _facts: Facts) -> Iterator[Finding]:
    limited = {
        (urn, quota.type)
        for quota in resources
        if quota.type in _QUOTAS
        for urn in quota.depends_on.get("projectId", ())
    }
    for project in resources:
        if project.type == PROJECT and not project.is_true("isDomain"):
            missing = [part for kind, part in _QUOTAS.items() if (project.urn, kind) not in limited]
            if missing:
                yield Finding.of(project, f"it has no quota for {' and '.join(missing)}")


def _removable(resource: Declared, _facts: Facts) -> Iterator[str]:
    if not resource.protect:
        yield "a change of the stack file can remove it"


RULES = (
    StackRule(
        name="quota-set",
        asks="Each project has a quota of compute, network and volume.",
        reason="Without one a single loop in a script takes the cloud from everybody.",
        remedy="Give its `quota` the missing parts.",
        level="advisory",
        check=_without_quota,
    ),
    ResourceRule(
        name="deletion-protection",
        asks="In production domains, projects, networks and subnets are protected.",
        reason="What goes with them - users' grants, addresses, every port - comes back under other ids, or not at all.",
        remedy="Set `protected` to true; removing it then takes two reviewed changes.",
        level="disabled",
        types=frozenset({PROJECT, NETWORK, SUBNET}),
        check=_removable,
    ),
)
