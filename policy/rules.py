"""All rules, in the order in which docs/policy.md lists them."""

from policy import accounts, connections, images, names, networks, projects, security_groups
from policy.exceptions import exceptions_current, rules_held
from policy.rule import Rule

_OF_THE_CLOUD: tuple[Rule, ...] = (
    *networks.RULES,
    *images.RULES,
    *accounts.RULES,
    *connections.RULES,
    *security_groups.RULES,
    *projects.RULES,
    *names.RULES,
)

RULES: tuple[Rule, ...] = (*_OF_THE_CLOUD, exceptions_current(_OF_THE_CLOUD), rules_held(_OF_THE_CLOUD))
