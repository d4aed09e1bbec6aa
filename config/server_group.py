"""Server groups: servers that Nova places on one host, or on several."""

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from config.errors.issues import invalid
from config.fields import LARGEST_NUMBER, Name
from config.spec import Effects, Protectable, changing

ServerGroupPolicy = Literal["affinity", "anti-affinity", "soft-affinity", "soft-anti-affinity"]
"""nova/api/openstack/compute/schemas/server_groups.py"""


def _servers(value: int) -> int:
    if not 1 <= value <= LARGEST_NUMBER:
        raise invalid(f"{value} is no number of servers; give a whole number from 1 to {LARGEST_NUMBER}")
    return value


class ServerGroupSpec(Protectable):
    """A server group of a project. Nova changes nothing of one, and servers join it only when they are made."""

    effects: ClassVar[Effects] = changing(
        nothing="adopt protected", replaced="name project domain policy max_server_per_host"
    )

    name: Name = Field(description="the group's name, unique among this program's in its project")
    project: Name = Field(description="the project it belongs to")
    domain: Name = Field(description="the domain that project is in")
    policy: ServerGroupPolicy = Field(
        description="'affinity' (one host), 'anti-affinity' (different hosts), 'soft-affinity' or 'soft-anti-affinity' "
        "(as far as possible)"
    )
    max_server_per_host: Annotated[int, AfterValidator(_servers)] | None = Field(
        None, description="how many of its servers one host may have, with 'anti-affinity' only; left out, 1"
    )

    @field_validator("max_server_per_host")
    @classmethod
    def _of_anti_affinity(cls, number: int | None, info: ValidationInfo) -> int | None:
        policy = info.data.get("policy")
        if number is not None and policy and policy != "anti-affinity":
            raise invalid(f"policy {policy!r} has no number of servers; drop this, or give 'anti-affinity'")
        return number

    @property
    def project_name(self) -> str:
        """PROJECT@DOMAIN."""
        return f"{self.project}@{self.domain}"

    @property
    def qualified_name(self) -> str:
        """PROJECT@DOMAIN/NAME: names it among all groups of the cloud."""
        return f"{self.project_name}/{self.name}"
