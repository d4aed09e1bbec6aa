"""OSDs that fill or leave at a pace that clients do not notice."""

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo

from config.fields import AtLeastOne, CephConf, CephUser, HostName, Name, Size, each_once
from config.spec import Problems, Spec, checking


class OsdExpansionSpec(Spec, nothing="user conf probe_pool strategy latency_times latency_ms time_budget_s"):
    """OSDs that fill or leave, one at a time, a few placement groups after another."""

    user: CephUser = Field(
        "osd-expansion",
        description="the cephx user without 'client.'; `python -m dynamic_providers.osd_expansion caps` prints its caps",
    )
    conf: CephConf = None
    probe_pool: Name = Field(
        description="the pool in which latency is measured, by 4 KiB writes to objects of its own, such as 'volumes'"
    )
    fill: Annotated[tuple[Size, ...], each_once("OSD")] = Field(
        (), description="a list of numbers of OSDs that get the CRUSH weight of their size"
    )
    hosts: Annotated[tuple[HostName, ...], each_once("host")] = Field(
        (), description="a list of hosts in CRUSH, all OSDs of which do"
    )
    remove: Annotated[tuple[Size, ...], each_once("OSD")] = Field(
        (),
        description="a list of numbers of OSDs that are emptied, and purged once their daemons are stopped",
    )
    strategy: Literal["steps", "upmap"] = Field(
        "steps",
        description="'steps': OSDs that fill get their weight in small steps; 'upmap': the whole weight first, with the "
        "placement groups pinned where they are, and then one after another",
    )
    latency_times: float = Field(
        2.0,
        gt=1,
        description="how many times the p99 latency of a quiet moment is the bound, a number above 1",
    )
    latency_ms: AtLeastOne | None = Field(
        None, description="the bound of the p99 latency in milliseconds instead, a number from 1"
    )
    time_budget_s: AtLeastOne = Field(
        60, description="seconds after which a run begins no further step; the next run goes on"
    )

    @checking("remove")
    def _do_not_fill_too(cls, remove: tuple[int, ...], info: ValidationInfo) -> Problems:
        for index, osd in enumerate(remove):
            if osd in info.data.get("fill", ()):
                yield (index,), f"OSD {osd} is in fill too; leave it in one of the two"
