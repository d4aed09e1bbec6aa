"""How hosts are brought to another OS image."""

from typing import ClassVar, Literal

from pydantic import Field

from config.spec import Effects, Spec, changing


class HostOsSpec(Spec):
    """How hosts are brought to another OS image: one at a time, and no further than the first failure."""

    effects: ClassVar[Effects] = changing(nothing="on_failure wait may_interrupt")

    on_failure: Literal["rollback", "stop"] = Field(
        "rollback",
        description="'rollback' or 'stop': whether a host whose containers are not as well on another image as "
        "before goes back to the former one, or is left so",
    )
    wait: int = Field(
        900,
        gt=0,
        description="seconds that a host may take to restart, and as many again for its containers",
    )
    may_interrupt: tuple[Literal["control-plane", "instances"], ...] = Field(
        (),
        description="what a restart may interrupt: 'instances' that run on the host; 'control-plane', where there "
        "are fewer than three control hosts",
    )
