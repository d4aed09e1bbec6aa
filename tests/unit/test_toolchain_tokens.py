"""The OpenStack plugin's token map against the classes and functions of the pip SDK."""

import importlib.util
import json
import re
from collections.abc import Iterator
from pathlib import Path

from toolchain.pins import PLUGIN_SOURCES

TOKENS = json.loads((PLUGIN_SOURCES / "tokens.json").read_text())
SERVICES = ("blockstorage", "compute", "identity", "images", "networking")


def sdk_folder() -> Path:
    found = importlib.util.find_spec("pulumi_openstack")
    assert found is not None
    assert found.submodule_search_locations is not None
    return Path(found.submodule_search_locations[0])


def class_tokens(service: str) -> Iterator[tuple[str, str]]:
    """Each resource class of a service, and the token it is decorated with."""
    for file in (sdk_folder() / service).glob("*.py"):
        for token, name in re.findall(
            r'^@pulumi\.type_token\("(.+)"\)\nclass (\w+)\(', file.read_text(), re.MULTILINE
        ):
            yield name, token


def function_tokens(service: str) -> Iterator[str]:
    """The token of each function of a service."""
    for file in (sdk_folder() / service).glob("get_*.py"):
        yield from re.findall(r"pulumi\.runtime\.invoke\('([^']+)'", file.read_text())


def test_the_map_has_every_class_of_the_services_and_no_other() -> None:
    found = {token for service in SERVICES for _, token in class_tokens(service)}
    assert {f"openstack:{token}" for token in TOKENS["resources"].values()} == found


def test_the_map_has_every_function_of_the_services_and_no_other() -> None:
    found = {token for service in SERVICES for token in function_tokens(service)}
    assert {f"openstack:{token}" for token in TOKENS["functions"].values()} == found


def test_each_token_names_the_class_that_carries_it() -> None:
    for service in SERVICES:
        for name, token in class_tokens(service):
            assert token.split(":")[1:] == [f"{service}/{name[0].lower()}{name[1:]}", name]


def test_no_two_terraform_names_share_a_token() -> None:
    for kind in ("resources", "functions"):
        assert len(set(TOKENS[kind].values())) == len(TOKENS[kind])


def test_each_terraform_name_belongs_to_the_service_of_its_token() -> None:
    for kind in ("resources", "functions"):
        for name, token in TOKENS[kind].items():
            assert name.startswith(f"openstack_{token.split('/')[0]}_")
            words = name.removesuffix(name[-3:]).split("_")[2:]
            # "QuoteSet" is the SDK's own spelling of Cinder's quota set.
            spelled = token.split(":")[1].lower().replace("quoteset", "quotaset").removeprefix("get")
            assert spelled.startswith("".join(words))
