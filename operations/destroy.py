"""The look behind `make destroy`: whether a stack's images, roles, security groups and server groups can go, before anything of it is removed."""

import sys
from collections.abc import Iterator, Mapping
from typing import Any

from openstack.exceptions import SDKException
from pydantic import ValidationError

from clients.errors import CloudError
from config.resource_types import RBD_IMAGE, ROLE_SET, SECURITY_GROUP_RULES, SERVER_FLEET, SERVER_GROUP
from dynamic_providers.base import DynamicProvider
from dynamic_providers.rbd_image.provider import RbdImageProvider
from dynamic_providers.role_set.provider import RoleSetProvider
from dynamic_providers.security_group_rules.provider import SecurityGroupRulesProvider
from dynamic_providers.server_fleet.provider import ServerFleetProvider
from dynamic_providers.server_group.provider import ServerGroupProvider
from operations.command import parser_of, say
from operations.engine import Stack

_LOOKED_AT: dict[str, tuple[str, type[DynamicProvider[Any, Any]]]] = {
    RBD_IMAGE: ("image", RbdImageProvider),
    ROLE_SET: ("role set", RoleSetProvider),
    SERVER_FLEET: ("fleet", ServerFleetProvider),
    SECURITY_GROUP_RULES: ("security group", SecurityGroupRulesProvider),
    SERVER_GROUP: ("server group", ServerGroupProvider),
}


def main() -> int:
    """Run the command; 0 when nothing that it can look at would stop a destroy midway."""
    stack = Stack(parser_of("destroy", __doc__).parse_args().stack)
    try:
        found = list(refusals(stack.state()))
    except CloudError as error:
        found = [str(error)]
    if not found:
        return 0
    say(f"Stack {stack.name} cannot be destroyed; nothing was removed:")
    say("\n".join(f"  - {sentence}" for sentence in found))
    return 1


def refusals(state: Mapping[str, Any]) -> Iterator[str]:
    """Why images, roles, security groups and server groups of STATE, of `pulumi stack export`, would not be removed, a sentence each."""
    for resource in (state.get("deployment") or {}).get("resources") or []:
        if resource["type"] not in _LOOKED_AT or resource.get("delete"):
            continue
        kind, provider = _LOOKED_AT[resource["type"]]
        name = resource["urn"].rpartition("::")[2]
        try:
            yield from provider().refusals(resource["id"], resource["outputs"])
        except (CloudError, SDKException, ValidationError) as error:
            yield f"{kind} {name!r}: whether it can be removed could not be looked at: {error}"


if __name__ == "__main__":
    sys.exit(main())
