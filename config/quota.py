"""A project's quota: how much of compute, network and volume it may have."""

from operator import attrgetter
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from config.errors.issues import invalid
from config.fields import LARGEST_NUMBER, Name, each_once
from config.spec import Spec

UNLIMITED = "unlimited"
_WITHOUT_LIMIT = -1  # as Nova, Neutron and Cinder write it


def _limit(value: object) -> object:
    if value == UNLIMITED:
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        if value > LARGEST_NUMBER:
            raise invalid(
                f"{value} is more than the services can count; give at most {LARGEST_NUMBER}, or '{UNLIMITED}'"
            )
        return value
    hint = " (-1 means that in OpenStack)" if value == _WITHOUT_LIMIT else ""
    raise invalid(f"{value!r} is not a limit; give a whole number from 0, or '{UNLIMITED}'{hint}")


Limit = Annotated[int | Literal["unlimited"], BeforeValidator(_limit)]


def _of(what: str) -> Any:
    return Field(None, description=f"{what}, a number or '{UNLIMITED}'")


class _LimitsSpec(Spec):
    """Limits, each of which is left as the cloud has it where it is not given."""

    @model_validator(mode="after")
    def _gives_one(self) -> Self:
        limits = [field for field in type(self).model_fields if field != "name"]
        if not self.model_fields_set.intersection(limits):
            raise invalid(f"no limit is given; give one of {', '.join(limits)}, or drop this")
        return self

    def limits(self, **theirs: str) -> dict[str, Any]:
        """The limits as OpenStack's services write them, None where one is not given; THEIRS are its names by ours."""
        given = {
            name: getattr(self, name) for name in type(self).model_fields if name not in {"name", "types"}
        }
        return {
            theirs.get(name, name): _WITHOUT_LIMIT if isinstance(limit, str) else limit
            for name, limit in given.items()
        }


class ComputeQuotaSpec(_LimitsSpec):
    """What Nova lets a project have."""

    instances: Limit | None = _of("servers")
    cores: Limit | None = _of("virtual CPUs of all servers")
    ram_mb: Limit | None = _of("memory of all servers in MiB")
    key_pairs: Limit | None = _of("key pairs a user")
    metadata_items: Limit | None = _of("metadata items a server")
    server_groups: Limit | None = _of("server groups")
    server_group_members: Limit | None = _of("servers in a server group")


class NetworkQuotaSpec(_LimitsSpec):
    """What Neutron lets a project have."""

    networks: Limit | None = _of("networks of its own")
    subnets: Limit | None = _of("subnets")
    subnet_pools: Limit | None = _of("subnet pools")
    ports: Limit | None = _of("ports, on shared networks too")
    routers: Limit | None = _of("routers")
    floating_ips: Limit | None = _of("floating IPs")
    security_groups: Limit | None = _of("security groups, the default one too")
    security_group_rules: Limit | None = _of("rules of all its security groups")
    rbac_policies: Limit | None = _of("RBAC policies")


class VolumeTypeQuotaSpec(_LimitsSpec):
    """What Cinder lets a project have of one volume type."""

    name: Name = Field(description="the volume type's name")
    volumes: Limit | None = _of("volumes of the type")
    snapshots: Limit | None = _of("snapshots of such volumes")
    size_gb: Limit | None = _of("GiB of those together")


class VolumeQuotaSpec(_LimitsSpec):
    """What Cinder lets a project have."""

    volumes: Limit | None = _of("volumes")
    snapshots: Limit | None = _of("snapshots")
    size_gb: Limit | None = _of("GiB of all volumes and snapshots")
    per_volume_gb: Limit | None = _of("GiB of one volume")
    backups: Limit | None = _of("backups")
    backup_gb: Limit | None = _of("GiB of all backups")
    groups: Limit | None = _of("volume groups")
    types: Annotated[tuple[VolumeTypeQuotaSpec, ...], each_once("volume type", attrgetter("name"))] = Field(
        (), description="a list of {name, volumes, snapshots, size_gb}: limits by volume type"
    )


class QuotaSpec(Spec):
    """A project's limits, by service. A limit that is not given is left as the cloud has it."""

    compute: ComputeQuotaSpec | None = Field(None, description="{instances, cores, ram_mb, …}: Nova's limits")
    network: NetworkQuotaSpec | None = Field(None, description="{networks, ports, …}: Neutron's limits")
    volume: VolumeQuotaSpec | None = Field(None, description="{volumes, size_gb, …}: Cinder's limits")
