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
            limits = spec.compute.limits(ram_mb="ram")
            openstack.compute.QuotaSetV2(name, project_id=project_id, **limits, opts=child_opts)
        if spec.network:
            limits = spec.network.limits(
                networks="network",
                subnets="subnet",
                subnet_pools="subnetpool",
                ports="port",
                routers="router",
                floating_ips="floatingip",
                security_groups="security_group",
                security_group_rules="security_group_rule",
                rbac_policies="rbac_policy",
            )
            openstack.networking.QuotaV2(name, project_id=project_id, **limits, opts=child_opts)
        if spec.volume:
            limits = spec.volume.limits(
                size_gb="gigabytes", per_volume_gb="per_volume_gigabytes", backup_gb="backup_gigabytes"
            )
            openstack.blockstorage.QuoteSetV3(
                name,
                project_id=project_id,
                **limits,
                volume_type_quota=self._by_type(spec.volume, project_id) if spec.volume.types else None,
                opts=child_opts,
            )
        self.register_outputs({})

    def _by_type(self, spec: VolumeQuotaSpec, project_id: pulumi.Input[str]) -> pulumi.Output[dict[str, str]]:
        """The limits of every volume type: the provider reads all of them back, and not only what is given."""
        given = {
            f"{cinders}_{limits.name}": str(limit)
            for limits in spec.types
            for cinders, limit in limits.limits(size_gb="gigabytes").items()
            if limit is not None
        }
        there = openstack.blockstorage.get_quotaset_v3_output(
            project_id=project_id, opts=pulumi.InvokeOptions(parent=self)
        )
        return there.volume_type_quota.apply(lambda limits: {**limits, **given})
