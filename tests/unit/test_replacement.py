"""Every custom resource of the program is deleted before it is replaced; a provider is not."""

import copy
from types import SimpleNamespace
from typing import Any

import pulumi
import pulumi_openstack as openstack
import pytest
from pulumi.runtime import stack

from dynamic_providers.role_set.provider import RoleSet
from program.replacement import delete_before_replace


@pytest.fixture
def transformation(monkeypatch: pytest.MonkeyPatch) -> pulumi.ResourceTransformation:
    root: Any = SimpleNamespace(_transformations=None)
    monkeypatch.setattr(stack, "get_root_resource", lambda: root)
    delete_before_replace()
    registered: pulumi.ResourceTransformation = root._transformations[0]
    return registered


def options(
    transformation: pulumi.ResourceTransformation, kind: type[pulumi.Resource], opts: pulumi.ResourceOptions
) -> pulumi.ResourceOptions:
    args = pulumi.ResourceTransformationArgs(kind.__new__(kind), "a:type", "name", {}, opts)
    result = transformation(args)
    return result.opts if result else opts


@pytest.mark.parametrize("kind", [openstack.identity.User, openstack.networking.Network, RoleSet])
def test_a_custom_resource_is_deleted_first_and_keeps_its_other_options(
    transformation: pulumi.ResourceTransformation, kind: type[pulumi.Resource]
) -> None:
    given = pulumi.ResourceOptions(protect=True, replace_on_changes=["segments"])
    before = copy.copy(vars(given))
    found = options(transformation, kind, given)
    assert vars(found) == before | {"delete_before_replace": True}
    assert vars(given) == before


@pytest.mark.parametrize("kind", [openstack.Provider, pulumi.ComponentResource])
def test_providers_and_components_stay_as_they_are(
    transformation: pulumi.ResourceTransformation, kind: type[pulumi.Resource]
) -> None:
    given = pulumi.ResourceOptions()
    assert options(transformation, kind, given) is given
