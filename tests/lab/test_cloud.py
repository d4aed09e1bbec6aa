"""The whole dev stack against the real lab: what `pulumi up` made is there, stays, and goes without a trace."""

import json
import subprocess
from typing import Any

import openstack
import pytest

from tests.lab.cloud_stack import STACK, CloudStack


@pytest.mark.nightly
def test_a_second_preview_is_empty(cloud_stack: CloudStack) -> None:
    cloud_stack.program.succeed("preview", "--expect-no-changes", "--stack", STACK)


def test_a_refresh_finds_no_drift(cloud_stack: CloudStack) -> None:
    cloud_stack.program.succeed("preview", "--refresh", "--expect-no-changes", "--stack", STACK)
    cloud_stack.program.succeed("refresh", "--yes", "--expect-no-changes", "--stack", STACK)


@pytest.mark.parametrize(("name", "vlan"), [("developer-vms", 920), ("general-vms", 930)])
def test_a_network_is_the_vlan_that_was_declared(cloud_stack: CloudStack, name: str, vlan: int) -> None:
    network = cloud_stack.admin.network.find_network(cloud_stack.named(name), ignore_missing=False)
    assert network.provider_network_type == "vlan"
    assert network.provider_physical_network == "physnet1"
    assert network.provider_segmentation_id == vlan
    assert cloud_stack.outputs["networks"][network.name]["id"] == network.id
    assert cloud_stack.outputs["networks"][network.name]["vlans"] == [vlan]


def test_dns_servers_keep_their_order(cloud_stack: CloudStack) -> None:
    ids = cloud_stack.outputs["networks"][cloud_stack.named("developer-vms")]["subnets"]
    subnet = cloud_stack.admin.network.get_subnet(next(iter(ids.values()))["id"])
    servers = subnet.dns_nameservers
    assert servers == ["10.92.0.53", "10.91.0.54", "10.91.0.53"]
    assert servers != sorted(servers)


def test_a_network_is_shared_with_its_project_alone(cloud_stack: CloudStack) -> None:
    network = cloud_stack.admin.network.find_network(cloud_stack.named("developer-vms"), ignore_missing=False)
    project_id = next(iter(cloud_stack.outputs["projects"].values()))["id"]
    policies = list(cloud_stack.admin.network.rbac_policies(object_id=network.id))
    assert [(policy.action, policy.target_project_id) for policy in policies] == [
        ("access_as_shared", project_id)
    ]
    assert not network.is_shared


def test_an_account_of_the_default_domain_gets_a_token_for_the_project_of_another(
    cloud_stack: CloudStack,
) -> None:
    project, domain = cloud_stack.named("development"), cloud_stack.named("corp")
    runner = openstack.connect(
        cloud="lab-ci-runner",
        auth={"project_name": project, "project_domain_name": domain},
    )
    answer = runner.identity.get("/auth/tokens", headers={"X-Subject-Token": runner.auth_token})
    token = answer.json()["token"]
    assert (token["user"]["name"], token["user"]["domain"]["name"]) == ("ci-runner", "Default")
    assert (token["project"]["name"], token["project"]["domain"]["name"]) == (project, domain)
    assert "member" in [role["name"] for role in token["roles"]]


def test_a_sharing_removed_by_hand_is_found_and_made_again(cloud_stack: CloudStack) -> None:
    policy = next(
        iter(
            cloud_stack.admin.network.rbac_policies(
                object_id=cloud_stack.outputs["networks"][cloud_stack.named("developer-vms")]["id"]
            )
        )
    )
    cloud_stack.admin.network.delete_rbac_policy(policy)
    drifted = cloud_stack.program.pulumi("preview", "--refresh", "--expect-no-changes", "--stack", STACK)
    assert drifted.returncode != 0
    assert "RbacPolicyV2" in drifted.stdout
    cloud_stack.program.succeed("up", "--refresh", "--yes", "--skip-preview", "--stack", STACK)
    cloud_stack.program.succeed("preview", "--refresh", "--expect-no-changes", "--stack", STACK)


def rbd(*arguments: str) -> Any:
    """What `rbd` answers about Glance's pool; CEPH_CONF says which cluster."""
    command = ["rbd", "--pool", "images", *arguments, "--format", "json"]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def test_the_image_is_active_raw_and_its_snapshot_protected(cloud_stack: CloudStack) -> None:
    output = cloud_stack.outputs["images"][cloud_stack.named("debian-12")]
    image = cloud_stack.admin.image.get_image(output["glance_id"])
    assert (image.name, image.status, image.disk_format) == (cloud_stack.named("debian-12"), "active", "raw")
    assert image.size == output["size_bytes"] == rbd("info", image.id)["size"]
    assert output["location"].startswith("rbd://")
    assert output["location"].endswith(f"/images/{image.id}/snap")
    assert [(snap["name"], snap["protected"]) for snap in rbd("snap", "ls", "--all", image.id)] == [
        ("snap", "true")
    ]


def test_destroy_leaves_nothing_in_keystone_neutron_glance_or_ceph(cloud_stack: CloudStack) -> None:
    """Last of the module: the fixture finds nothing left to destroy."""
    image_ids = {output["glance_id"] for output in cloud_stack.outputs["images"].values()}
    cloud_stack.program.succeed("destroy", "--yes", "--skip-preview", "--stack", STACK)
    admin = cloud_stack.admin
    left = [
        *(domain["name"] for domain in admin.identity.get("/domains").json()["domains"]),
        *(project["name"] for project in admin.identity.get("/projects").json()["projects"]),
        *(network.name for network in admin.network.networks()),
        *(subnet.name for subnet in admin.network.subnets()),
        *(image.name for image in admin.image.images()),
    ]
    assert not [name for name in left if name and name.endswith(cloud_stack.suffix)]
    assert not image_ids & set(rbd("ls"))
    assert not image_ids & {trashed["name"] for trashed in rbd("trash", "ls", "--all")}
    assert "Current stack resources (0)" in cloud_stack.program.succeed("stack", "--stack", STACK)
