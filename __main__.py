"""The cloud of the current stack: settings in, components, outputs."""

import pulumi
import pulumi_openstack as openstack

from components.access import RoleGrant
from components.identity import Domain, ExistingDomain, Project
from components.image import GoldenImage
from components.network import ProviderNetwork
from components.settings import load

settings = load()
opts = pulumi.ResourceOptions(providers=[openstack.Provider("openstack", cloud=settings.openstack.cloud)])

domain_ids = {name: ExistingDomain(name, opts).domain_id for name in settings.named_domains}
domain_ids |= {spec.name: Domain(spec.name, spec, opts).domain_id for spec in settings.domains}
projects = {
    spec.qualified_name: Project(spec.qualified_name, spec, domain_id=domain_ids[spec.domain], opts=opts)
    for spec in settings.projects
}
project_ids = {name: project.project_id for name, project in projects.items()}
for grant in settings.grants:
    RoleGrant(
        grant.qualified_name,
        grant,
        cloud=settings.openstack.cloud,
        principal_domain_id=domain_ids[grant.principal.domain],
        scope_id=grant.scope.id_from(domain_ids, project_ids),
        opts=opts,
    )
networks = {
    spec.name: ProviderNetwork(
        spec.name, spec, cloud=settings.openstack.cloud, project_ids=project_ids, opts=opts
    )
    for spec in settings.networks
}
images = {
    spec.name: GoldenImage(spec.name, spec, store=settings.image_store)
    for spec in settings.images
    if settings.image_store  # which load() asks for where there are images
}

pulumi.export("projects", {name: project.summary for name, project in projects.items()})
pulumi.export("networks", {name: network.summary for name, network in networks.items()})
pulumi.export("images", {name: image.summary for name, image in images.items()})
