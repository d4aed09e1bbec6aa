"""A project's quota: how much of compute, network and volume it may have."""

from typing import Annotated, Literal, Self

import pulumi
import pulumi_openstack as openstack
from pydantic import BeforeValidator, Field, field_validator, model_validator

from components.annotated_types import LARGEST_NUMBER, Name
from components.problems import Refusals, refusal
from components.spec import Spec

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


class Quota(pulumi.ComponentResource):
    """A project's quota.

    Makes one `openstack.compute.QuotaSetV2`, `openstack.networking.QuotaV2` and
    `openstack.blockstorage.QuoteSetV3`, each where its part is given. Deleting one leaves the limits as they
    are: the provider only forgets them (terraform-provider-openstack 3.4, `schema.RemoveFromState`).
    """

    def __init__(
        self,
        name: str,
        spec: QuotaSpec,
        *,
        project_id: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("private-cloud:quota:Quota", name, None, opts)
        child_opts = pulumi.ResourceOptions(parent=self)
        if spec.compute:
            openstack.compute.QuotaSetV2(
                name,
                project_id=project_id,
                instances=spec.compute.number("instances"),
                cores=spec.compute.number("cores"),
                ram=spec.compute.number("ram_mb"),
                key_pairs=spec.compute.number("key_pairs"),
                metadata_items=spec.compute.number("metadata_items"),
                server_groups=spec.compute.number("server_groups"),
                server_group_members=spec.compute.number("server_group_members"),
                opts=child_opts,
            )
        if spec.network:
            openstack.networking.QuotaV2(
                name,
                project_id=project_id,
                network=spec.network.number("networks"),
                subnet=spec.network.number("subnets"),
                subnetpool=spec.network.number("subnet_pools"),
                port=spec.network.number("ports"),
                router=spec.network.number("routers"),
                floatingip=spec.network.number("floating_ips"),
                security_group=spec.network.number("security_groups"),
                security_group_rule=spec.network.number("security_group_rules"),
                rbac_policy=spec.network.number("rbac_policies"),
                opts=child_opts,
            )
        if spec.volume:
            openstack.blockstorage.QuoteSetV3(
                name,
                project_id=project_id,
                volumes=spec.volume.number("volumes"),
                snapshots=spec.volume.number("snapshots"),
                gigabytes=spec.volume.number("size_gb"),
                per_volume_gigabytes=spec.volume.number("per_volume_gb"),
                backups=spec.volume.number("backups"),
                backup_gigabytes=spec.volume.number("backup_gb"),
                groups=spec.volume.number("groups"),
                volume_type_quota=self._by_type(spec.volume, project_id) if spec.volume.types else None,
                opts=child_opts,
            )
        self.register_outputs({})

    def _by_type(self, spec: VolumeQuotaSpec, project_id: pulumi.Input[str]) -> pulumi.Output[dict[str, str]]:
        """The limits of every volume type: the provider reads all of them back, and not only what is given."""
        given = {
            f"{cinders}_{limits.name}": str(limits.number(field))
            for limits in spec.types
            for field, cinders in (
                ("volumes", "volumes"),
                ("snapshots", "snapshots"),
                ("size_gb", "gigabytes"),
            )
            if limits.number(field) is not None
        }
        there = openstack.blockstorage.get_quotaset_v3_output(
            project_id=project_id, opts=pulumi.InvokeOptions(parent=self)
        )
        return there.volume_type_quota.apply(lambda limits: {**limits, **given})
