"""What is declared of a fleet's servers."""

from pydantic import BaseModel, ConfigDict, Field

from config.fleet import OWN_METADATA, FleetProbeSpec, FleetUpdateSpec
from dynamic_providers.base import Inputs

OWNER = f"{OWN_METADATA}owner"
LEFT = f"{OWN_METADATA}left"
DELETION = f"{OWN_METADATA}deletion"
ANNOUNCED = "announced"


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
    """A server by its name, and what is its own.

    Attributes:
        name: of the server.
        port_ids: of its ports, in order; None for one that is yet to be made.
        owner: the account of the person whose machine it is; empty for nobody's.
        left: the day on which its owner was first found gone; empty for one who is there.
        deletion: ANNOUNCED once nothing but one more run keeps it; empty before.
        home: of the volume that outlives the server; None for none, empty for one that is yet to be made.
        keys: the owner's public SSH keys.
        user_data: a digest of what is its own of its user data; empty where Wanted has all of it.
        held: why it may not be made or made anew now; empty where it may.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    port_ids: list[str | None]
    owner: str = ""
    left: str = ""
    deletion: str = ""
    home: str | None = None
    keys: list[str] = Field(default_factory=list)
    user_data: str = ""
    held: str = ""

    @property
    def metadata(self) -> dict[str, str]:
        """What its server's metadata, and its home's, say of its owner."""
        return {OWNER: self.owner, LEFT: self.left, DELETION: self.deletion} if self.owner else {}


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
