"""load() and the stack files of the repository."""

import json
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from config.load import SettingsError, load, parse

ROOT = Path(__file__).parents[2]


def stack_file(stack: str) -> dict[str, Any]:
    config = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8"))["config"]
    return {key.removeprefix("private-cloud:"): value for key, value in config.items()}


def test_the_prod_stack_file_has_no_mistakes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORP_LDAP_PASSWORD", "of the directory")
    settings = parse(stack_file("prod"), file_name="Pulumi.prod.yaml", root=ROOT)
    assert settings.management
    vlans = [segment.vlan for network in settings.networks for segment in network.segments]
    assert [settings.management.vlan, *vlans] == [110, 120, 130, 140]
    assert len(settings.images) == 3
    assert settings.domains[0].directory


def test_the_dev_stack_file_has_no_mistakes_once_the_lab_has_been_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_LDAP_URL", "ldaps://127.0.0.1:1636")
    password = tmp_path / ".cloud" / "lab" / "etc" / "ldap" / "bind.password"
    password.parent.mkdir(parents=True)
    password.write_text("of the directory\n", encoding="utf-8")
    sums = tmp_path / ".cloud" / "lab" / "images" / "SHA256SUMS"
    sums.parent.mkdir(parents=True)
    sums.write_text(f"{'a' * 64}  debian-12.qcow2\n", encoding="utf-8")
    settings = parse(stack_file("dev"), file_name="Pulumi.dev.yaml", root=tmp_path)
    servers = [str(server) for server in settings.networks[0].subnets[0].dns]
    assert servers != sorted(servers), "the lab shows that the order is kept"


def test_the_hosts_stack_file_has_no_mistakes_once_the_lab_has_been_made(tmp_path: Path) -> None:
    key = tmp_path / ".cloud" / "lab" / "etc" / "hosts" / "id_ed25519.pub"
    key.parent.mkdir(parents=True)
    key.write_text("ssh-ed25519 AAAA lab\n", encoding="utf-8")
    settings = parse(stack_file("hosts"), file_name="Pulumi.hosts.yaml", root=tmp_path)
    assert [host.name for host in settings.hosts] == ["lab-host-1", "lab-host-2", "lab-host-3"]


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_the_story_is_in_each_stack_file(stack: str) -> None:
    config = stack_file(stack)
    assert config["grants"]
    assert any(grant.get("user", {}).get("domain") == "Default" for grant in config["grants"])


def test_load_reads_this_programs_keys_and_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PULUMI_CONFIG", raising=False)
    pulumi.runtime.set_all_config(
        {
            "openstack:cloud": "another",
            "private-cloud:openstack": json.dumps({"cloud": "admin"}),
            "private-cloud:existing_domains": json.dumps(["heat"]),
        }
    )
    settings = load()
    assert settings.openstack.cloud == "admin"
    assert settings.existing_domains == ("heat",)
    pulumi.runtime.set_all_config({"private-cloud:openstack": "admin"})
    with pytest.raises(SettingsError, match="is not a map of keys and values"):
        load()
