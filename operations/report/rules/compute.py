"""Flavors and which projects may use them; server groups."""

from config.flavor import FlavorProjectSpec, FlavorSpec
from config.server_group import ServerGroupSpec
from dynamic_providers.server_group.provider import ServerGroupProvider
from operations.report.rules.rule import Rule, by_key, harmless, interrupts, removed

COMPUTE_RULES = {
    "openstack:compute/flavor:Flavor": Rule(
        "flavor",
        harmless("A new flavor; no server has it yet."),
        by_key({}, "Servers keep what they have; those made or resized from now on get it so."),
        interrupts(
            "No server can be made or resized with the flavor any more; those that have it keep their size."
        ),
        replace=harmless(
            "The flavor is made anew with the same name and another id; servers that have it keep their size."
        ),
        specs=(FlavorSpec,),
    ),
    "openstack:compute/flavorAccess:FlavorAccess": Rule(
        "project that may use a flavor",
        harmless("One more project may use the flavor."),
        harmless("Nothing of it can change."),
        interrupts(
            "The project can make or resize no server with the flavor any more; its servers keep their size."
        ),
        replace=harmless("The project may use the flavor that is made anew."),
        specs=(FlavorProjectSpec,),
    ),
    "pulumi-python:dynamic/compute:ServerGroup": Rule(
        "server group",
        harmless("A new server group; servers join it when they are made."),
        harmless("Nothing of it can change."),
        removed(
            "server group",
            lambda change, cloud: (cloud.of_server_group(change.id),),
            "no server is in it.",
        ),
        specs=(ServerGroupSpec,),
        provider=ServerGroupProvider,
    ),
}
