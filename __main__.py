"""The cloud of the current stack: settings in, components, outputs."""

import program.garbage_collection  # noqa: F401 - before all others

# isort: split

import pulumi

from components.compute.flavor import Flavor
from components.compute.fleet import Parts, make_fleet_accounts, make_fleets
from components.compute.server_group import ProjectServerGroup
from components.hosts.all_hosts import enrol
from components.identity.account import ServiceAccount
from components.identity.domain import Domain, ExistingDomain
from components.identity.grants import make_grants
from components.identity.ids import Ids
from components.identity.project import Project
from components.identity.undeclared_grants import make_authoritative
from components.network.provider_network import ProviderNetwork
from components.network.security_group import make_security_groups
from components.storage.ceph_users import make_ceph_users
from components.storage.images import make_images
from components.storage.osd_expansion import make_osd_expansion
from config.load import load
from program.adopted import check_adopted
from program.debug_messages import disable_sdk_debug_logging
from program.dynamic_host import keep_one_host
from program.openstack_provider import openstack_provider
from program.replacement import delete_before_replace
from program.sdk_patches import patch_pulumi_sdk
from program.version import version

disable_sdk_debug_logging()
patch_pulumi_sdk()
delete_before_replace()
keep_one_host()
settings = load()
check_adopted(settings)
cloud = settings.openstack.cloud
opts = pulumi.ResourceOptions(providers=[openstack_provider(cloud)])

there = {name: ExistingDomain(name, opts).domain_id for name in settings.named_domains}
domains = {
    spec.name: Domain(
        spec.name, spec, cloud=cloud, kolla=settings.kolla, principals=settings.principals_of(spec), opts=opts
    )
    for spec in settings.domains
}
domain_ids = there | {name: domain.domain_id for name, domain in domains.items()}
projects = {
    spec.qualified_name: Project(
        spec.qualified_name, spec, cloud=cloud, domain_id=domain_ids[spec.domain], opts=opts
    )
    for spec in settings.projects
}
ids = Ids(
    domains=domain_ids,
    principals_domains=there | {name: domain.principals_domain_id for name, domain in domains.items()},
    projects={name: project.project_id for name, project in projects.items()},
)
accounts = {
    spec.qualified_name: ServiceAccount(spec.qualified_name, spec, cloud=cloud, ids=ids, opts=opts)
    for spec in settings.accounts
}
grants = make_grants(settings.grants, cloud=cloud, ids=ids, opts=opts)
fleet_accounts = make_fleet_accounts(settings, ids, opts)
make_authoritative(settings, ids, grants, (*accounts.values(), *fleet_accounts.values()), opts)
networks = {
    spec.name: ProviderNetwork(spec.name, spec, cloud=cloud, ids=ids, opts=opts) for spec in settings.networks
}
security_groups = make_security_groups(settings.security_groups, cloud=cloud, projects=projects, opts=opts)
flavors = {spec.name: Flavor(spec.name, spec, ids=ids, opts=opts) for spec in settings.flavors}
server_groups = {
    spec.qualified_name: ProjectServerGroup(
        spec.qualified_name, spec, cloud=cloud, project=projects[spec.project_name], grants=grants, opts=opts
    )
    for spec in settings.server_groups
}
ceph_users = make_ceph_users(settings)
images = make_images(settings, ceph_users)
fleets = make_fleets(
    settings, Parts(projects, fleet_accounts, networks, security_groups, flavors, server_groups, images), opts
)
pulumi.export("version", version())
pulumi.export("projects", {name: project.summary for name, project in projects.items()})
pulumi.export("accounts", {name: account.summary for name, account in accounts.items()})
logins = [account.login_files for account in accounts.values()] + [u.login_files for u in ceph_users.values()]
for file_name, text in (file for files in logins for file in files.items()):
    pulumi.export(file_name, text)
pulumi.export("networks", {name: network.summary for name, network in networks.items()})
pulumi.export("security_groups", {name: group.summary for name, group in security_groups.items()})
pulumi.export("flavors", {name: flavor.summary for name, flavor in flavors.items()})
pulumi.export("server_groups", {name: group.summary for name, group in server_groups.items()})
pulumi.export("ceph_users", {name: user.summary for name, user in ceph_users.items()})
pulumi.export("osd_expansion", make_osd_expansion(settings.osd_expansion))
pulumi.export("images", {name: image.summary for name, image in images.items()})
pulumi.export("fleets", {name: fleet.summary for name, fleet in fleets.items()})
pulumi.export("hosts", enrol(settings, opts))
