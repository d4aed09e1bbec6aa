"""A host as all that is done with it knows it: how it is reached, and what it is to the cloud."""

from typing import Literal

from pydantic import BaseModel, Field

from clients.ssh import SshHost


class ManagedHost(BaseModel, frozen=True, extra="forbid"):
    """A host of the cloud.

    Nothing has a default: one that is in a resource's state and not in what is declared would be a difference.

    Attributes:
        ssh: how it is reached; the name there is the host's everywhere.
        roles: Kolla's groups that it is in.
        container_engine: docker or podman.
        labels: the operator's own words for it.
    """

    ssh: SshHost
    roles: tuple[str, ...] = Field(min_length=1)
    container_engine: Literal["docker", "podman"]
    labels: dict[str, str]

    @property
    def name(self) -> str:
        """Its name."""
        return self.ssh.name
