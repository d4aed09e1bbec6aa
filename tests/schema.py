"""What stacks of version 1 rely on: the keys of a stack file, the stack's outputs, and the names in its state.

`make schema` writes it to tests/schema.yaml; tests/unit/test_schema.py holds it there.
"""

import ast
import inspect
import pkgutil
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pulumi_openstack
import yaml

import dynamic_providers
from dynamic_providers.base import DynamicResource
from operations.field_tables import specs

ROOT = Path(__file__).parents[1]
FILE = Path(__file__).with_suffix(".yaml")
_COMPONENT = re.compile(r'"(private-cloud:\w+:\w+)"')


def schema() -> dict[str, Any]:
    """All of it, from the code."""
    return {
        "keys of the stack file": {
            name: {
                field.alias
                or key: f"{'required' if field.is_required() else 'optional'}, {spec.effect_of(key).name.lower()}"
                for key, field in sorted(spec.model_fields.items())
            }
            for name, spec in sorted(specs().items())
        },
        "outputs of the stack": sorted(
            node.args[0].value
            for node in ast.walk(ast.parse((ROOT / "__main__.py").read_text(encoding="utf-8")))
            if isinstance(node, ast.Call)
            and ast.unparse(node.func) == "pulumi.export"
            and isinstance(node.args[0], ast.Constant)
        ),
        "components in state": sorted(
            {
                found
                for file in _components()
                for found in _COMPONENT.findall(file.read_text(encoding="utf-8"))
            }
        ),
        "resources of the OpenStack plugin in state": sorted(native_types()),
        "dynamic resources in state": {
            type_: {
                "inputs": sorted(resource.made_by.inputs_model.model_fields),
                "outputs": sorted(resource.made_by.outputs_model.model_fields),
            }
            for type_, resource in sorted(dynamic_types().items())
        },
    }


def native_types() -> set[str]:
    """Every resource of the OpenStack plugin that the program or a component names."""
    found = set()
    for file in (ROOT / "__main__.py", *_components()):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match node:
                case ast.Attribute(ast.Attribute(ast.Name("openstack"), module), name):
                    resource = getattr(getattr(pulumi_openstack, module), name)
                    if hasattr(resource, "pulumi_type"):
                        found.add(resource.pulumi_type)
    return {type_ for type_ in found if not isinstance(type_, property)}


def dynamic_types() -> dict[str, type[DynamicResource]]:
    """Every dynamic resource of this project, by its type."""
    for module in pkgutil.iter_modules(dynamic_providers.__path__):
        if module.ispkg:
            import_module(f"dynamic_providers.{module.name}.provider")
    return {
        f"pulumi-python:{resource._resource_type_name}": resource
        for resource in DynamicResource.__subclasses__()
        if resource.__module__.startswith("dynamic_providers.") and not inspect.isabstract(resource)
    }


def _components() -> list[Path]:
    return sorted((ROOT / "components").rglob("*.py"))


if __name__ == "__main__":
    FILE.write_text(
        "# Written by `make schema`. A change needs a line in CHANGELOG.md, and a migration where stacks notice it.\n"
        + yaml.safe_dump(schema(), sort_keys=False, width=120),
        encoding="utf-8",
    )
