"""The cloud of the current stack: settings in, components, outputs."""

import pulumi
import pulumi_openstack as openstack

from components.access import RoleGrant
from components.account import ServiceAccount
from components.identity import Domain, ExistingDomain, Project
from components.image import GoldenImage
from components.network import ProviderNetwork
from components.settings import load
from components.undeclared_grants import make_authoritative

settings = load()
cloud = settings.openstack.cloud
opts = pulumi.ResourceOptions(providers=[openstack.Provider("openstack", cloud=cloud)])

domain_ids = {name: ExistingDomain(name, opts).domain_id for name in settings.named_domains}
domains = {
    spec.name: Domain(
        spec.name,
        spec,
        cloud=cloud,
        kolla=settings.kolla,
        principals=settings.principals_of(spec.name),
        opts=opts,
    )
    for spec in settings.domains
}
principals_domain_ids = domain_ids | {name: made.principals_domain_id for name, made in domains.items()}
domain_ids |= {name: made.domain_id for name, made in domains.items()}
projects = {
    spec.qualified_name: Project(
        spec.qualified_name, spec, cloud=cloud, domain_id=domain_ids[spec.domain], opts=opts
    )
    for spec in settings.projects
}
project_ids = {name: project.project_id for name, project in projects.items()}
accounts = {
    spec.qualified_name: ServiceAccount(
        spec.qualified_name, spec, cloud=cloud, domain_ids=domain_ids, project_ids=project_ids, opts=opts
    )
    for spec in settings.accounts
}
grants = [
    RoleGrant(
        grant.qualified_name,
        grant,
        cloud=cloud,
        principal_domain_id=principals_domain_ids[grant.principal.domain],
        scope_id=grant.scope.id_from(domain_ids, project_ids),
        opts=opts,
    )
    for grant in settings.grants
]
make_authoritative(settings, project_ids, [*grants, *accounts.values()], opts)
networks = {
    spec.name: ProviderNetwork(spec.name, spec, cloud=cloud, project_ids=project_ids, opts=opts)
    for spec in settings.networks
}
images = {
    spec.name: GoldenImage(spec.name, spec, store=settings.image_store)
    for spec in settings.images
    if settings.image_store  # which load() asks for where there are images
}

pulumi.export("projects", {name: project.summary for name, project in projects.items()})
pulumi.export("accounts", {name: account.summary for name, account in accounts.items()})
for account in accounts.values():
    for file_name, text in account.login_files.items():
        pulumi.export(file_name, text)
pulumi.export("networks", {name: network.summary for name, network in networks.items()})
pulumi.export("images", {name: image.summary for name, image in images.items()})
