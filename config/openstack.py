"""How OpenStack's own resources are made."""

from typing import ClassVar

from pydantic import Field

from config.fields import Name
from config.spec import Effects, Spec, changing


class OpenStackSpec(Spec):
    """How OpenStack's own resources are made."""

    effects: ClassVar[Effects] = changing(nothing="cloud allow_system_scope")

    cloud: Name = Field(description="the entry of clouds.yaml with an administrator's login")
    allow_system_scope: bool = Field(
        default=False, description="true or false: whether grants may be on the whole system"
    )
