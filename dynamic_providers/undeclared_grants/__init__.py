"""Removes grants on a project that its stack file does not declare."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi.dynamic import Resource

from dynamic_providers.undeclared_grants.provider import UndeclaredGrantsProvider

__all__ = ["UndeclaredGrants"]


class UndeclaredGrants(Resource, module="identity", name="UndeclaredGrants"):
    """The grants of one project that shall go, as the program has just found them.

    Removes them when it is made or updated, but never the account's that runs it, nor the project's last admin.
    An empty list is no change; deleting it changes nothing in the cloud.

    Attributes:
        removed: what the last update removed: who, which role, where.
    """

    removed: pulumi.Output[list[str]]

    def __init__(
        self,
        name: str,
        *,
        cloud: str,
        project_id: pulumi.Input[str],
        undeclared: pulumi.Input[Sequence[Mapping[str, Any]]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {"cloud": cloud, "project_id": project_id, "undeclared": undeclared, "removed": None}
        super().__init__(UndeclaredGrantsProvider(), name, inputs, opts)
