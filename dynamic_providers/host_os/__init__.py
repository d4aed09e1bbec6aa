"""The OS images that the hosts of a stack have booted: one rollout, a result a host."""

from typing import Any

import pulumi
from pulumi.dynamic import Resource

from dynamic_providers.host_os.provider import HostOsArgs, HostOsProvider
from dynamic_providers.host_os.upgrade import HostOsHost

__all__ = ["HostOs", "HostOsArgs", "HostOsHost"]


class HostOs(Resource, module="hosts", name="HostOs"):
    """The bootc images of all hosts of a stack, brought to them one host at a time.

    It succeeds also where hosts failed, so that state tells of the others: look at the results.

    Attributes:
        results: by host: ok, image, digest, serial, message, untouched.
    """

    results: pulumi.Output[dict[str, Any]]

    def __init__(self, name: str, args: HostOsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        declared = args.model_dump(mode="json", exclude_none=True)
        super().__init__(HostOsProvider(), name, {**declared, "results": None}, opts)
