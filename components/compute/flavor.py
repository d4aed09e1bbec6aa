"""Flavors, and which projects may use them."""

import pulumi
import pulumi_openstack as openstack

from components.identity.ids import Ids
from config.flavor import FlavorSpec
from config.resource_names import child_name, resource_name
from program.resource_options import adopting, known_as, protecting


class Flavor(pulumi.ComponentResource):
    """A size of servers.

    Makes one `openstack.compute.Flavor`, and one `FlavorAccess` for each project that may use one that is not
    public. Nova changes the description and the extra specs of a flavor; another size replaces it, old before new,
    because two of one name cannot be. Servers keep the size that they have.
    """

    flavor_id: pulumi.Output[str]
    summary: dict[str, object]
    """What the stack exports: id, vcpus, ram_mb, disk_gb."""

    def __init__(
        self, name: str, spec: FlavorSpec, *, ids: Ids, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        name, spelled = resource_name(name), name
        super().__init__("private-cloud:compute:Flavor", name, None, known_as(opts, name, spelled))
        child_opts = pulumi.ResourceOptions(parent=self)
        # The plugin cannot take a description away: it sends no empty one.
        kept = pulumi.ResourceOptions(ignore_changes=[] if spec.description else ["description"])
        flavor = openstack.compute.Flavor(
            name,
            name=spec.name,
            description=spec.description or None,
            vcpus=spec.vcpus,
            ram=spec.ram_mb,
            disk=spec.disk_gb,
            ephemeral=spec.ephemeral_gb,
            swap=spec.swap_mb,
            extra_specs=spec.extra_specs,
            is_public=spec.public,
            opts=adopting(protecting(pulumi.ResourceOptions.merge(child_opts, kept), spec), spec),
        )
        self.flavor_id = flavor.id
        for project in spec.projects:
            access = child_name(name, project.qualified_name)
            openstack.compute.FlavorAccess(
                access,
                flavor_id=flavor.id,
                tenant_id=ids.projects[project.qualified_name],
                opts=adopting(known_as(child_opts, access, f"{name}/{project.qualified_name}"), project),
            )
        self.summary = {
            "id": self.flavor_id,
            "vcpus": spec.vcpus,
            "ram_mb": spec.ram_mb,
            "disk_gb": spec.disk_gb,
        }
        self.register_outputs({"flavor_id": self.flavor_id})
