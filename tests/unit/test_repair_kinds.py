"""Every resource type that a stack can make is in the table that says how it comes back after a kill."""

import ast
import pkgutil
from importlib import import_module
from pathlib import Path

import pulumi_openstack

import dynamic_providers
from dynamic_providers.base import DynamicResource
from operations.repair.kinds import AFTER_A_KILL

ROOT = Path(__file__).parents[2]


def native_types() -> set[str]:
    """Every resource of the OpenStack plugin that the program or a component names."""
    found = set()
    for file in (ROOT / "__main__.py", *sorted((ROOT / "components").rglob("*.py"))):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match node:
                case ast.Attribute(ast.Attribute(ast.Name("openstack"), module), name):
                    resource = getattr(getattr(pulumi_openstack, module), name)
                    if hasattr(resource, "pulumi_type"):
                        found.add(resource.pulumi_type)
    return {type_ for type_ in found if not isinstance(type_, property)}


def dynamic_types() -> set[str]:
    """Every dynamic resource of this project."""
    for module in pkgutil.iter_modules(dynamic_providers.__path__):
        if module.ispkg:
            import_module(f"dynamic_providers.{module.name}.provider")
    return {
        f"pulumi-python:{resource._resource_type_name}"
        for resource in DynamicResource.__subclasses__()
        if resource.__module__.startswith("dynamic_providers.")
    }


def test_every_type_that_a_stack_can_make_has_a_way_back_after_a_kill() -> None:
    assert native_types()
    assert set(AFTER_A_KILL) == native_types() | dynamic_types()
