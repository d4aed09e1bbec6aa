"""A project's quota: how much of compute, network and volume it may have."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from config.errors.problems import Refusals, refusal
from config.fields import LARGEST_NUMBER, Name
from config.spec import Spec

UNLIMITED = "unlimited"
_WITHOUT_LIMIT = -1  # as Nova, Neutron and Cinder write it


def _limit(value: object) -> object:
    if value == UNLIMITED:
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        if value > LARGEST_NUMBER:
            raise refusal(
                f"{value} is more than the services can count; give at most {LARGEST_NUMBER}, or '{UNLIMITED}'"
            )
        return value
    hint = " (-1 means that in OpenStack)" if value == _WITHOUT_LIMIT else ""
    raise refusal(f"{value!r} is not a limit; give a whole number from 0, or '{UNLIMITED}'{hint}")


Limit = Annotated[int | Literal["unlimited"], BeforeValidator(_limit)]


class _LimitsSpec(Spec):
    """Limits, each of which is left as the cloud has it where it is not given."""

    @model_validator(mode="after")
    def _gives_one(self) -> Self:
        limits = [field for field in type(self).model_fields if field != "name"]
        if not self.model_fields_set.intersection(limits):
            raise refusal(f"no limit is given; give one of {', '.join(limits)}, or drop this")
        return self

    def number(self, field: str) -> int | None:
        """The limit FIELD as OpenStack's services write it, None where it is not given."""
        limit: int | str | None = getattr(self, field)
        return _WITHOUT_LIMIT if isinstance(limit, str) else limit


class ComputeQuotaSpec(_LimitsSpec):
    """What Nova lets a project have."""

    instances: Limit | None = Field(None, description="servers, a number or 'unlimited'")
    cores: Limit | None = Field(None, description="virtual CPUs of all servers, a number or 'unlimited'")
    ram_mb: Limit | None = Field(None, description="memory of all servers in MiB, a number or 'unlimited'")
    key_pairs: Limit | None = Field(None, description="key pairs a user, a number or 'unlimited'")
    metadata_items: Limit | None = Field(None, description="metadata items a server, a number or 'unlimited'")
    server_groups: Limit | None = Field(None, description="server groups, a number or 'unlimited'")
    server_group_members: Limit | None = Field(
        None, description="servers in a server group, a number or 'unlimited'"
    )


class NetworkQuotaSpec(_LimitsSpec):
    """What Neutron lets a project have."""

    networks: Limit | None = Field(None, description="networks of its own, a number or 'unlimited'")
    subnets: Limit | None = Field(None, description="subnets, a number or 'unlimited'")
    subnet_pools: Limit | None = Field(None, description="subnet pools, a number or 'unlimited'")
    ports: Limit | None = Field(None, description="ports, on shared networks too, a number or 'unlimited'")
    routers: Limit | None = Field(None, description="routers, a number or 'unlimited'")
    floating_ips: Limit | None = Field(None, description="floating IPs, a number or 'unlimited'")
    security_groups: Limit | None = Field(
        None, description="security groups, the default one too, a number or 'unlimited'"
    )
    security_group_rules: Limit | None = Field(
        None, description="rules of all its security groups, a number or 'unlimited'"
    )
    rbac_policies: Limit | None = Field(None, description="RBAC policies, a number or 'unlimited'")


class VolumeTypeQuotaSpec(_LimitsSpec):
    """What Cinder lets a project have of one volume type."""

    name: Name = Field(description="the volume type's name")
    volumes: Limit | None = Field(None, description="volumes of the type, a number or 'unlimited'")
    snapshots: Limit | None = Field(None, description="snapshots of such volumes, a number or 'unlimited'")
    size_gb: Limit | None = Field(None, description="GiB of those together, a number or 'unlimited'")


class VolumeQuotaSpec(_LimitsSpec):
    """What Cinder lets a project have."""

    volumes: Limit | None = Field(None, description="volumes, a number or 'unlimited'")
    snapshots: Limit | None = Field(None, description="snapshots, a number or 'unlimited'")
    size_gb: Limit | None = Field(
        None, description="GiB of all volumes and snapshots, a number or 'unlimited'"
    )
    per_volume_gb: Limit | None = Field(None, description="GiB of one volume, a number or 'unlimited'")
    backups: Limit | None = Field(None, description="backups, a number or 'unlimited'")
    backup_gb: Limit | None = Field(None, description="GiB of all backups, a number or 'unlimited'")
    groups: Limit | None = Field(None, description="volume groups, a number or 'unlimited'")
    types: tuple[VolumeTypeQuotaSpec, ...] = Field(
        (), description="a list of {name, volumes, snapshots, size_gb}: limits by volume type"
    )

    @field_validator("types")
    @classmethod
    def _each_type_once(cls, types: tuple[VolumeTypeQuotaSpec, ...]) -> tuple[VolumeTypeQuotaSpec, ...]:
        refused = Refusals()
        names = [limits.name for limits in types]
        for index, name in enumerate(names):
            if name in names[:index]:
                refused.add((index,), f"volume type {name!r} is given twice; give it once")
        refused.raise_if_any()
        return types


class QuotaSpec(Spec):
    """A project's limits, by service. A limit that is not given is left as the cloud has it."""

    compute: ComputeQuotaSpec | None = Field(None, description="{instances, cores, ram_mb, …}: Nova's limits")
    network: NetworkQuotaSpec | None = Field(None, description="{networks, ports, …}: Neutron's limits")
    volume: VolumeQuotaSpec | None = Field(None, description="{volumes, size_gb, …}: Cinder's limits")
