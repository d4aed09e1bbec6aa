"""A project's quota, set in Nova, Neutron and Cinder."""

import pulumi
import pulumi_openstack as openstack

from config.quota import QuotaSpec, VolumeQuotaSpec


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
