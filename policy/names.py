"""The rule of names."""

import re
from collections.abc import Iterator

from config.policy import CONVENTION, Kind
from config.resource_types import (
    FLAVOR,
    HOST,
    NETWORK,
    PROJECT,
    RBD_IMAGE,
    SECURITY_GROUP,
    SERVER_GROUP,
    SUBNET,
    USER,
)
from policy.declared import Declared
from policy.rule import Facts, ResourceRule

_KINDS: dict[str, Kind] = {
    USER: "account",
    NETWORK: "network",
    SUBNET: "subnet",
    SECURITY_GROUP: "security_group",
    FLAVOR: "flavor",
    SERVER_GROUP: "server_group",
    RBD_IMAGE: "image",
    HOST: "host",
}


def _against_the_convention(resource: Declared, facts: Facts) -> Iterator[str]:
    kind = _KINDS.get(resource.type) or ("domain" if resource.is_true("isDomain") else "project")
    name, pattern = resource.text("name"), facts.policy.names.get(kind, CONVENTION)
    if name and not re.fullmatch(pattern, name):
        yield f"the {kind.replace('_', ' ')}'s name {name!r} does not match '{pattern}'"


RULES = (
    ResourceRule(
        name="names",
        asks="Names keep to the convention.",
        reason="They stand in host names, paths, URLs and scripts, where spaces and capitals make trouble.",
        remedy="Rename it, or set the kind's pattern under policy.names.",
        types=frozenset({*_KINDS, PROJECT}),
        check=_against_the_convention,
    ),
)
