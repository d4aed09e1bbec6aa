"""How each resource type of a stack comes back under the state's control after a killed run."""

from enum import StrEnum


class After(StrEnum):
    """What happens to an object that the cloud has and the state does not."""

    IMPORTED = "the service refuses a second one: repair looks for it by its name and imports it"
    RERUN = "the next up finds it by its identity, or sets it again"
    COLLECTED = "the service takes a second one: what nothing uses, the next ups delete"
    NOWHERE = "it is in the state only: nothing can be left on the cloud"


AFTER_A_KILL = {
    "openstack:identity/project:Project": After.IMPORTED,  # domains too
    "openstack:identity/user:User": After.IMPORTED,
    "openstack:networking/network:Network": After.IMPORTED,
    "openstack:networking/subnet:Subnet": After.IMPORTED,
    "openstack:networking/port:Port": After.COLLECTED,
    "openstack:networking/rbacPolicyV2:RbacPolicyV2": After.IMPORTED,
    "openstack:networking/secGroup:SecGroup": After.IMPORTED,
    "openstack:compute/flavor:Flavor": After.IMPORTED,
    "openstack:compute/flavorAccess:FlavorAccess": After.IMPORTED,
    "openstack:compute/quotaSetV2:QuotaSetV2": After.RERUN,
    "openstack:networking/quotaV2:QuotaV2": After.RERUN,
    "openstack:blockstorage/quoteSetV3:QuoteSetV3": After.RERUN,
    "openstack:blockstorage/volume:Volume": After.RERUN,
    "pulumi-python:dynamic/ceph:LoginFiles": After.RERUN,
    "pulumi-python:dynamic/ceph:OsdExpansion": After.RERUN,
    "pulumi-python:dynamic/ceph:RbdImage": After.RERUN,
    "pulumi-python:dynamic/ceph:User": After.RERUN,
    "pulumi-python:dynamic/compute:ServerGroup": After.RERUN,
    "pulumi-python:dynamic/compute:ServerFleet": After.RERUN,
    "pulumi-python:dynamic/hosts:HostOs": After.RERUN,
    "pulumi-python:dynamic/hosts:MonitoringAgent": After.RERUN,
    "pulumi-python:dynamic/identity:ApplicationCredential": After.RERUN,
    "pulumi-python:dynamic/identity:GeneratedPassword": After.NOWHERE,
    "pulumi-python:dynamic/identity:RoleSet": After.RERUN,
    "pulumi-python:dynamic/identity:UndeclaredGrants": After.RERUN,
    "pulumi-python:dynamic/keystone:DomainConfig": After.RERUN,
    "pulumi-python:dynamic/kolla:KollaDeployment": After.RERUN,
    "pulumi-python:dynamic/kolla:KollaHost": After.RERUN,
    "pulumi-python:dynamic/network:HostRoutes": After.RERUN,
    "pulumi-python:dynamic/network:NetworkAttributes": After.RERUN,
    "pulumi-python:dynamic/network:NoAllocationPools": After.RERUN,
    "pulumi-python:dynamic/networking:DefaultSecurityGroup": After.RERUN,
    "pulumi-python:dynamic/networking:SecurityGroupRules": After.RERUN,
}
"""Every type that a stack can make, by its token; a unit test holds it against the code."""
