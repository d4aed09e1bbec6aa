"""Flavors: the sizes that servers come in, and which projects may use them."""

from operator import attrgetter
from typing import Annotated

from pydantic import BeforeValidator, Field, ValidationInfo

from config.fields import AtLeastOne, Line, Name, Size, each_once, matching
from config.network import ProjectReference
from config.spec import Problems, Protectable, checking


def _as_text(value: object) -> object:
    """YAML's true and 2 as Nova keeps them: as text."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


ExtraSpecKey = Annotated[
    str,
    matching(  # nova/api/openstack/compute/schemas/flavors_extraspecs.py
        r"[a-zA-Z0-9_:. -]{1,255}",
        "is not the key of an extra spec; give 1 to 255 of letters, digits, and _ - : . or spaces",
    ),
]
ExtraSpec = Annotated[Line, BeforeValidator(_as_text)]


class FlavorProjectSpec(ProjectReference):
    """A project that may use a flavor, and its domain."""

    adopt: str | None = Field(
        None,
        min_length=1,
        description="FLAVOR/PROJECT, the two ids, where the project may use it already: that is taken over, and protected",
    )


class FlavorSpec(
    Protectable, nothing="adopt protected", replaced="name vcpus ram_mb disk_gb ephemeral_gb swap_mb public"
):
    """A size of servers. Servers keep theirs when their flavor changes or goes."""

    name: Name = Field(description="the flavor's name, unique in the cloud, such as 'dev.large'")
    description: Line = Field("", description="free text; left out, one that is there stays")
    vcpus: AtLeastOne = Field(description="virtual CPUs, a number from 1")
    ram_mb: AtLeastOne = Field(description="MiB of memory, a number from 1")
    disk_gb: Size = Field(description="GiB of the root disk, a number from 0; 0 is the size of the image")
    ephemeral_gb: Size = Field(0, description="GiB of an empty second disk, a number from 0")
    swap_mb: Size = Field(0, description="MiB of a swap disk, a number from 0")
    extra_specs: dict[ExtraSpecKey, ExtraSpec] = Field(
        default_factory=dict, description="a map of Nova's extra specs, such as hw:cpu_policy: dedicated"
    )
    public: bool = Field(default=True, description="true or false: whether every project may use it")
    projects: Annotated[tuple[FlavorProjectSpec, ...], each_once("project", attrgetter("qualified_name"))] = (
        Field((), description="a list of {project, domain}: the projects that may use one that is not public")
    )

    @checking("projects")
    def _shared_in_one_way(cls, projects: tuple[FlavorProjectSpec, ...], info: ValidationInfo) -> Problems:
        if projects and info.data.get("public"):
            yield "every project may use the flavor already; drop this, or set public to false"
