"""This project's build of the OpenStack plugin against the pip SDK that talks to it.

The official plugin, where that was installed, has nothing to compare: it is made with the SDK.
"""

import importlib
import inspect
import json
import re
import subprocess
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pulumi import _types as sdk

from toolchain import plugins, receipt
from toolchain.pins import pinned
from toolchain.places import Places

PLACES = Places()
BUILT = receipt.read(PLACES.receipts / "plugin-openstack.json")

pytestmark = [
    pytest.mark.skipif(
        BUILT is None or BUILT.way != plugins.BUILT, reason="the official OpenStack plugin is installed"
    ),
    # The SDK warns of its own old names while it is imported.
    pytest.mark.filterwarnings("ignore:openstack.index/:DeprecationWarning"),
]

Properties = dict[str, dict[str, Any]]


def program() -> Path:
    return plugins.program("openstack", pinned(PLACES.requirements[0], "pulumi_openstack"), PLACES)


@pytest.fixture(scope="module")
def names() -> dict[str, Properties]:
    printed = subprocess.run([program(), "-names"], capture_output=True, check=True, timeout=60).stdout
    return typing.cast("dict[str, Properties]", json.loads(printed))


def resources(names: dict[str, Properties]) -> Iterator[tuple[type, Properties]]:
    for token, properties in names.items():
        _, module, name = token.split(":")
        if name[0].isupper():
            package = importlib.import_module(f"pulumi_openstack.{module.split('/')[0]}")
            yield getattr(package, name), properties


def functions(names: dict[str, Properties]) -> Iterator[tuple[type, Properties]]:
    for token, properties in names.items():
        _, module, name = token.split(":")
        if name[0].islower():
            package = importlib.import_module(f"pulumi_openstack.{module.split('/')[0]}")
            yield getattr(package, name[0].upper() + name[1:] + "Result"), properties


def differences(where: str, properties: Properties, types: dict[str, Any]) -> Iterator[str]:
    """Compare names, lists and nested objects, all the way down."""
    if set(properties) != set(types):
        yield f"{where}: {sorted(set(properties) ^ set(types))}"
        return
    for name, described in properties.items():
        inner, is_list = unwrapped(types[name])
        if described["list"] != is_list:
            yield f"{where}.{name}: list here {described['list']}, in the SDK {is_list}"
        if "fields" in described:
            yield from differences(f"{where}.{name}", described["fields"], sdk.output_type_types(inner))


def unwrapped(annotation: Any) -> tuple[Any, bool]:
    is_list = False
    while True:
        origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
        if origin is None or origin is dict or "Mapping" in str(origin):
            return annotation, is_list
        if origin in {list, tuple} or "Sequence" in str(origin):
            is_list = True
        annotation = next(part for part in arguments if part is not type(None))


def test_the_plugin_says_the_version_of_the_sdk() -> None:
    printed = subprocess.run([program(), "-version"], capture_output=True, check=True, text=True, timeout=60)
    assert printed.stdout.strip() == pinned(PLACES.requirements[0], "pulumi_openstack")


def test_every_resource_class_of_the_sdk_finds_its_inputs_in_the_plugin(names: dict[str, Properties]) -> None:
    compared = 0
    for resource, properties in resources(names):
        arguments = getattr(inspect.getmodule(resource), f"{resource.__name__}Args")
        expected = set(sdk.input_type_py_to_pulumi_names(arguments).values())
        assert {name for name, described in properties.items() if described["input"]} == expected, resource
        compared += 1
    assert compared > 50


def test_every_resource_class_of_the_sdk_finds_its_outputs_in_the_plugin(
    names: dict[str, Properties],
) -> None:
    found = [
        difference
        for resource, properties in resources(names)
        for difference in differences(resource.__name__, properties, sdk.resource_types(resource))
    ]
    assert found == []


def test_every_function_of_the_sdk_finds_its_results_in_the_plugin(names: dict[str, Properties]) -> None:
    found: list[str] = []
    assert len(list(functions(names))) > 20
    for result, properties in functions(names):
        expected = sdk.output_type_types(result)
        # The SDK adds an id to what Terraform calls a data source without naming it.
        found += differences(
            result.__name__, properties, {n: t for n, t in expected.items() if n != "id" or n in properties}
        )
    assert found == []


def test_what_the_sdk_keeps_secret_the_plugin_keeps_secret(names: dict[str, Properties]) -> None:
    compared = 0
    for resource, properties in resources(names):
        source = inspect.getsource(resource)
        listed = re.search(r"additional_secret_outputs=\[([^\]]*)\]", source)
        expected = set(re.findall(r'"(\w+)"', listed[1])) if listed else set()
        assert {name for name, described in properties.items() if described["secret"]} == expected, resource
        compared += len(expected)
    assert compared > 3
