"""Server groups: servers that Nova places on one host, or on several."""

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo

from config.fields import LARGEST_NUMBER, Name, between
from config.spec import Problems, Protectable, checking

ServerGroupPolicy = Literal["affinity", "anti-affinity", "soft-affinity", "soft-anti-affinity"]
"""nova/api/openstack/compute/schemas/server_groups.py"""


class ServerGroupSpec(
    Protectable, nothing="adopt protected", replaced="name project domain policy max_server_per_host"
):
    """A server group of a project. Nova changes nothing of one, and servers join it only when they are made."""

    name: Name = Field(description="the group's name, unique among this program's in its project")
    project: Name = Field(description="the project it belongs to")
    domain: Name = Field(description="the domain that project is in")
    policy: ServerGroupPolicy = Field(
        description="'affinity' (one host), 'anti-affinity' (different hosts), 'soft-affinity' or 'soft-anti-affinity' "
        "(as far as possible)"
    )
    max_server_per_host: (
        Annotated[int, between(1, LARGEST_NUMBER, "is no number of servers; give a whole number")] | None
    ) = Field(
        None, description="how many of its servers one host may have, with 'anti-affinity' only; left out, 1"
    )

    @checking("max_server_per_host")
    def _of_anti_affinity(cls, number: int | None, info: ValidationInfo) -> Problems:
        policy = info.data.get("policy")
        if number is not None and policy and policy != "anti-affinity":
            yield f"policy {policy!r} has no number of servers; drop this, or give 'anti-affinity'"

    @property
    def project_name(self) -> str:
        """PROJECT@DOMAIN."""
        return f"{self.project}@{self.domain}"

    @property
    def qualified_name(self) -> str:
        """PROJECT@DOMAIN/NAME: names it among all groups of the cloud."""
        return f"{self.project_name}/{self.name}"
