"""What is declared of a fleet's servers."""

import hashlib

from pydantic import BaseModel, ConfigDict, Field

from config.fleet import FleetProbeSpec, FleetUpdateSpec
from dynamic_providers.base import Inputs


class Flavor(BaseModel):
    """A flavor by what Nova keeps of it with a server."""

    model_config = ConfigDict(frozen=True)

    name: str
    vcpus: int
    ram_mb: int
    disk_gb: int


class Wanted(BaseModel):
    """What each server of a fleet should be, as far as a preview knows it too.

    Attributes:
        sha256: of the image's source: its content, under whichever id.
        recreate: the stack file's text.
        user_data: a digest of it; empty where there is none.
        flavor: their size.
        server_group: the name of the group that they are in; empty for none.
        metadata: what the stack file declares of it.
    """

    model_config = ConfigDict(frozen=True)

    sha256: str
    recreate: str = ""
    user_data: str = ""
    flavor: Flavor
    server_group: str = ""
    metadata: dict[str, str] = Field(default_factory=dict)


class Member(BaseModel):
    """A server by its name, and the ports that are its own."""

    model_config = ConfigDict(frozen=True)

    name: str
    port_ids: list[str]


class ServerFleetArgs(Inputs):
    """What a fleet declares.

    Attributes:
        cloud: entry of clouds.yaml with an administrator's login: everything is read with it.
        credential_id: the application credential of the fleet's own account: everything is written with it.
        credential_secret: likewise.
        project_id: whose servers they are.
        owner_stack: ``project/stack``: whose fleet it is.
        name: of the fleet.
        wanted: what each server should be.
        members: its servers, in order.
        image_id: Glance's id of the image.
        build_digest: what the console of a server of this image calls it; empty for whatever it says.
        flavor_id: of the flavor.
        server_group_id: of the group that they are in; empty for none.
        user_data: cloud-init's user data.
        update: how servers are made anew.
        probe: what a server has to show.
        plan: what this run's program found is to do, by server. An empty one is no change, whatever was there before.
    """

    cloud: str = Field(min_length=1)
    credential_id: str = Field(min_length=1)
    credential_secret: str = Field(min_length=1, repr=False)
    project_id: str = Field(min_length=1)
    owner_stack: str = Field(min_length=1)
    name: str = Field(min_length=1)
    wanted: Wanted
    members: list[Member]
    image_id: str = Field(min_length=1)
    build_digest: str = ""
    flavor_id: str = Field(min_length=1)
    server_group_id: str = ""
    user_data: str = Field("", repr=False)
    update: FleetUpdateSpec
    probe: FleetProbeSpec
    plan: dict[str, str] = Field(default_factory=dict)


def digest_of(user_data: str) -> str:
    """What tells user data from others without showing it; empty for none."""
    return hashlib.sha256(user_data.encode()).hexdigest()[:24] if user_data else ""
