"""What is declared of OSDs that fill or leave."""

from typing import Literal

from pydantic import Field

from dynamic_providers.base import Inputs


class OsdExpansionArgs(Inputs):
    """What an expansion declares.

    Attributes:
        user: cephx user without ``client.``, with the caps of `cluster.rights`.
        conf: path of ceph.conf; $CEPH_CONF or /etc/ceph/ceph.conf if none is given.
        probe_pool: the pool in which latency is measured.
        fill: OSDs that get the CRUSH weight of their size.
        hosts: CRUSH hosts, all OSDs of which do.
        remove: OSDs that are emptied and purged.
        strategy: how OSDs fill: by steps of their weight, or at their whole weight with pinned placement groups.
        latency_times: how many times the quiet p99 latency may rise to.
        latency_ms: milliseconds that it may rise to instead.
        time_budget_s: seconds after which a run begins no further step.
        plan: what this run's program found is to do, by OSD. An empty one is no change, whatever was there before.
    """

    user: str = Field(min_length=1)
    conf: str | None = None
    probe_pool: str = Field(min_length=1)
    fill: list[int] = Field(default_factory=list)
    hosts: list[str] = Field(default_factory=list)
    remove: list[int] = Field(default_factory=list)
    strategy: Literal["steps", "upmap"] = "steps"
    latency_times: float = 2.0
    latency_ms: int | None = None
    time_budget_s: int = 60
    plan: dict[str, str] = Field(default_factory=dict)
