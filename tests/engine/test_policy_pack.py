"""The policy pack in the real engine: every rule stops what breaks it, and the shipped stack files keep them all."""

import json
from pathlib import Path
from typing import get_args

import pytest
import yaml

from config.policy import RuleName
from tests.engine.held_up import one_network, program_with_fake
from tests.engine.test_program import dev_without_images
from tests.program_copy import ROOT, ProgramCopy

PACK = ("--policy-pack", "policy")

BREAKS_ALL = '''
"""Breaks the rules that no stack file can break, and some more."""
import pulumi
import pulumi_openstack as openstack

from clients.ssh import SshHost
from config.load import load
from dynamic_providers.keystone_domain_config.provider import KeystoneDomainConfig, KeystoneDomainConfigArgs
from dynamic_providers.ceph_user.provider import CephUser, CephUserArgs
from dynamic_providers.kolla_host.declared import KollaHostArgs
from dynamic_providers.kolla_host.provider import KollaHost
from dynamic_providers.rbd_image.provider import RbdImage, RbdImageArgs

settings = load()
provider = openstack.Provider("openstack", cloud="admin", insecure=True)
opts = pulumi.ResourceOptions(provider=provider)
for name in ("one", "Other Network"):
    segment = openstack.networking.NetworkSegmentArgs(
        physical_network="physnet1", network_type="vlan", segmentation_id=200
    )
    network = openstack.networking.Network(name, name=name, segments=[segment], shared=True, opts=opts)
    openstack.networking.Subnet(name, name="v4", network_id=network.id, cidr="10.20.0.0/24",
                                dns_nameservers=["8.8.8.8"], opts=opts)
ssh = SshHost(name="compute-1", address="10.10.0.21", port=22, user="kolla", private_key_file="key",
              known_hosts_file="known")
KollaHost("compute-1", KollaHostArgs(ssh=ssh, roles=["compute"], container_engine="docker", labels={}, kickstart="",
          inventory="inventory", kickstart_file="kickstart", links=["eno1", "eno2"], network=""))
RbdImage("debian-12", RbdImageArgs(name="debian-12", source="x.qcow2", sha256="0" * 64, visibility="public",
         cloud="admin", pool="images", ceph_user="image-import", owner_stack="a/b", source_format="qcow2"))
CephUser("backup", CephUserArgs(user="backup", caps={"mon": "profile rbd", "osd": "allow rwx"}, login="admin",
         ceph_conf=None, owner_stack="a/b"))
openstack.images.Image("cirros", container_format="bare", disk_format="qcow2", opts=opts)
openstack.identity.User("nightly@Default", name="nightly", opts=opts)
project = openstack.identity.Project("dev@Default", name="dev", opts=opts)
ldap = {"url": "ldap://ldap.example", "tls_req_cert": "never"}
KeystoneDomainConfig("corp", KeystoneDomainConfigArgs(domain="corp", options={"ldap": ldap}, cloud="admin"),
                     domain_id="an-id", password="x")
openstack.networking.SecGroupRule("ssh", direction="ingress", ethertype="IPv4", protocol="tcp",
    port_range_min=22, port_range_max=22, security_group_id="a-group", opts=opts)
'''


def with_clouds(program: ProgramCopy, auth_url: str) -> ProgramCopy:
    clouds = program.folder.parent / "clouds.yaml"
    clouds.write_text(
        f"clouds: {{admin: {{auth: {{auth_url: '{auth_url}', username: a, password: b}}}}}}\n",
        encoding="utf-8",
    )
    return ProgramCopy(program.folder, {**program.environment, "OS_CLIENT_CONFIG_FILE": str(clouds)})


def fleet_that_breaks_all(folder: Path) -> dict[str, object]:
    (folder / "SHA256SUMS").write_text(f"{'0' * 64}  x.qcow2\n", encoding="utf-8")
    segment = {"physical_network": "physnet1", "vlan": 300}
    fleet = {"name": "test", "project": {"name": "dev", "domain": "Default"}, "people": ["anna"]}
    without_care = {"home_gb": 1, "recreate": "2026-11-29", "update": {"mode": "proactive"}}
    return {
        "image_store": {"cloud": "admin", "pool": "images", "ceph_user": "image-import"},
        "images": [{"name": "looked-up", "source": "x.qcow2", "sha256sums": "SHA256SUMS"}],
        "flavors": [{"name": "small", "vcpus": 1, "ram_mb": 512, "disk_gb": 1}],
        "networks": [{"name": "vms", "segments": [segment], "shared": True}],
        "fleets": [
            {**fleet, **without_care, "image": "looked-up", "flavor": "small", "networks": ["vms"]},
        ],
    }


@pytest.fixture
def program(tmp_path: Path) -> ProgramCopy:
    return program_with_fake(tmp_path, {})


def test_every_rule_of_production_stops_what_breaks_it(program: ProgramCopy) -> None:
    (program.folder / "__main__.py").unlink()
    (program.folder / "__main__.py").write_text(BREAKS_ALL, encoding="utf-8")
    access = {"roles": ["admin"], "project": "dev", "domain": "Default"}
    unneeded = {"rule": "image-raw", "resource": "gone", "reason": "It was there", "until": "2099-12-31"}
    ended = {"rule": "names", "resource": "Other Network", "reason": "It is old", "until": "2020-12-31"}
    section = {
        "production": True,
        "dns_servers": ["10.10.0.53"],
        "exceptions": [unneeded, ended],
        "levels": {"image-protected": "advisory"},
    }
    config = {
        "openstack": {"cloud": "admin"},
        "policy": section,
        "projects": [{"name": "dev", "domain": "Default"}],
        "accounts": [
            {"name": "nightly", "domain": "Default", "password": {"generated": 1}, "access": [access]}
        ],
        **fleet_that_breaks_all(program.folder),
    }
    text = yaml.safe_dump({"config": {f"private-cloud:{key}": value for key, value in config.items()}})
    program.stack("breaks", text)
    program = with_clouds(program, "http://127.0.0.1:9/v3")
    done = program.pulumi("preview", "--stack", "breaks", *PACK)
    assert done.returncode != 0, done.stdout
    missing = [rule for rule in get_args(RuleName) if f"]  {rule}  (" not in done.stdout]
    assert missing == [], done.stdout
    advisory = {rule for rule in get_args(RuleName) if f"[advisory]  {rule}  (" in done.stdout}
    assert advisory == {"exceptions-current", "image-protected", "rules-held"}
    assert "VLAN 200 on physnet1 is that of network" in done.stdout
    assert "Its exception ended on 2020-12-31: It is old." in done.stdout


def test_the_dev_stack_keeps_its_rules(program: ProgramCopy) -> None:
    program.stack("dev", dev_without_images())
    printed = program.succeed("preview", "--stack", "dev", *PACK)
    assert "mandatory" not in printed
    assert "[advisory]  network-not-for-everyone" in printed


def test_the_prod_stack_keeps_every_rule_with_its_exceptions(program: ProgramCopy) -> None:
    program = ProgramCopy(program.folder, {**program.environment, "CORP_LDAP_PASSWORD": "a-bind-password"})
    text = (ROOT / "Pulumi.prod.yaml").read_text(encoding="utf-8")
    program.stack("prod", text.replace("ldap.corp.example:636", "127.0.0.1:9"))  # nobody listens there
    printed = program.succeed("preview", "--stack", "prod", *PACK)
    assert "private-cloud@v1.0.0 (local: policy)" in printed
    assert "mandatory" not in printed
    assert "a-bind-password" not in printed


def test_nothing_is_made_of_what_breaks_a_rule(program: ProgramCopy) -> None:
    program.stack("dev", one_network(name="Lab Net"))
    done = program.pulumi("up", "--yes", "--stack", "dev", *PACK)
    assert done.returncode != 0
    assert "does not match" in done.stdout
    assert '"openstack:networking/network:Network"' not in program.succeed(
        "stack", "export", "--stack", "dev"
    )


def stack_file(**sections: object) -> str:
    config = {"openstack": {"cloud": "admin"}, **sections}
    return yaml.safe_dump({"config": {f"private-cloud:{key}": value for key, value in config.items()}})


def test_what_is_protected_is_not_removed_before_that_is_lifted(program: ProgramCopy) -> None:
    def declared(protected: bool) -> str:
        subnet = {"name": "v4", "cidr": "10.20.0.0/24", "dns": ["10.10.0.53", "10.10.0.54"]}
        network = {"name": "vms", "segments": [{"physical_network": "physnet1", "vlan": 200}]}
        return stack_file(
            domains=[{"name": "corp", "protected": protected}],
            projects=[{"name": "dev", "domain": "corp", "protected": protected}],
            networks=[{**network, "subnets": [subnet], "protected": protected}],
        )

    program.stack("dev", declared(protected=True))
    program.succeed("up", "--yes", "--skip-preview", "--stack", "dev", *PACK)
    program.file("dev").write_text(stack_file(), encoding="utf-8")
    refused = program.pulumi("up", "--yes", "--skip-preview", "--stack", "dev", *PACK)
    assert refused.returncode != 0
    assert "protected" in refused.stdout
    exported = json.loads(program.succeed("stack", "export", "--stack", "dev"))["deployment"]["resources"]
    kept = {resource["urn"].rpartition("::")[2] for resource in exported if resource.get("protect")}
    assert kept == {"corp", "dev@corp", "vms", "vms/v4"}
    program.file("dev").write_text(declared(protected=False), encoding="utf-8")
    program.succeed("up", "--yes", "--skip-preview", "--stack", "dev", *PACK)
    program.file("dev").write_text(stack_file(), encoding="utf-8")
    program.succeed("up", "--yes", "--skip-preview", "--stack", "dev", *PACK)


def test_mistakes_of_the_stack_file_are_told_once(program: ProgramCopy) -> None:
    program.stack("dev", one_network(mtu="large"))
    done = program.pulumi("preview", "--stack", "dev", *PACK)
    assert done.returncode != 0
    assert done.stdout.count("'large' is not a whole number") == 1
    assert "Traceback" not in done.stdout


def test_encrypted_secrets_reach_the_pack_and_no_output(program: ProgramCopy) -> None:
    account = {"name": "nightly", "domain": "Default"}
    config = {"private-cloud:openstack": {"cloud": "admin"}, "private-cloud:accounts": [account]}
    program.stack("dev", yaml.safe_dump({"config": config}))
    path = "private-cloud:accounts[0].password"
    program.succeed("config", "set", "--stack", "dev", "--secret", "--path", path, "Tr0ub4dor-canary")
    done = program.pulumi("preview", "--stack", "dev", *PACK)
    assert done.returncode == 0, done.stdout
    assert "[advisory]  no-password-login" in done.stdout
    assert "Tr0ub4dor-canary" not in done.stdout
