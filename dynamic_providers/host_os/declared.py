"""What is declared of the OS images of a stack's hosts."""

from typing import Literal

from pydantic import Field

from clients.managed_host import ManagedHost
from dynamic_providers.base import CloudInputs


class HostOsHost(ManagedHost):
    """A host and what it should boot.

    Attributes:
        image: reference of the bootc image; left out for a host whose image is its own affair.
        serial: another one fetches what the reference names by now.
    """

    image: str | None = None
    serial: int


class HostOsArgs(CloudInputs):
    """What the OS images of a stack's hosts declare.

    Attributes:
        hosts: all hosts of the stack, in the order in which they are upgraded.
        on_failure: of an image that does not prove itself.
        wait: seconds for a restart, and as many again for the containers.
        may_interrupt: "control-plane" and "instances", as far as a restart may interrupt them.
    """

    hosts: list[HostOsHost]
    on_failure: Literal["rollback", "stop"] = "rollback"
    wait: float = Field(900, gt=0)
    may_interrupt: list[Literal["control-plane", "instances"]] = Field(default_factory=list)
