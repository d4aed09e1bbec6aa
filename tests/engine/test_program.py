"""The real program under the real engine, with a FAKE OpenStack plugin.

What the fake does not prove: that OpenStack accepts these inputs, that a refresh finds no drift, which changes
replace. tests/lab/test_cloud.py shows those against a real cloud. The image's provider is the real one; a
preview never calls its create.
"""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from tests.engine.held_up import program_with_fake
from tests.program_copy import ROOT, ProgramCopy


@pytest.fixture
def program(tmp_path: Path) -> ProgramCopy:
    return program_with_fake(tmp_path, {})


@pytest.fixture
def cold_program(tmp_path: Path) -> ProgramCopy:
    """The same, whose processes start as a person's do."""
    return program_with_fake(tmp_path, {}, cold=True)


def dev_without_images() -> str:
    """Nor what dynamic providers would ask a real Keystone or Neutron for."""
    content = yaml.safe_load((ROOT / "Pulumi.dev.yaml").read_text(encoding="utf-8"))
    dynamic = ("accounts", "grants", "security_groups", "images", "image_store")
    left_out = {f"private-cloud:{key}" for key in dynamic}
    config = {key: value for key, value in content["config"].items() if key not in left_out}
    for domain in config["private-cloud:domains"]:
        domain.pop("directory", None)
    for project in config["private-cloud:projects"]:
        project.pop("default_security_group", None)
    return yaml.safe_dump({"config": config}, sort_keys=False)


def grant(user: str, project: str) -> dict[str, object]:
    """The role member for a user of Default on a project of corp."""
    scope = {"project": project, "domain": "corp"}
    return {"role": "member", "user": {"name": user, "domain": "Default"}, "scope": scope}


def test_the_prod_stack_previews_and_says_that_its_directory_cannot_be_reached(program: ProgramCopy) -> None:
    program = ProgramCopy(program.folder, {**program.environment, "CORP_LDAP_PASSWORD": "a-bind-password"})
    text = (ROOT / "Pulumi.prod.yaml").read_text(encoding="utf-8")
    text = text.replace("ldap.corp.example:636", "127.0.0.1:9")  # nobody listens there
    program.stack("prod", text.replace("/etc/ceph/ceph.conf", "/nowhere/ceph.conf"))
    printed = program.succeed("preview", "--stack", "prod")
    for expected in (
        "openstack:networking:Subnet storage-lab/storage-lab-v4 create",
        "RoleSet group/platform@corp/corp create",
        "ApplicationCredential nightly@default/pipeline/1 create",
        "RbdImage developer-stack create",
        "User backup.2 create",
        "ceph: could not be asked from here (there is no Ceph configuration at /nowhere/ceph.conf",
        "DomainConfig corp create",
        "directory of domain corp: could not be reached from here (ldaps://127.0.0.1:9",
        "not checked",
    ):
        assert expected in printed
    assert "a-bind-password" not in printed


def test_the_dev_stack_goes_up_previews_empty_changes_and_is_destroyed_whole(
    cold_program: ProgramCopy,
) -> None:
    cold_program.stack("dev", dev_without_images())
    cold_program.succeed("up", "--yes", "--skip-preview", "--stack", "dev")
    outputs = yaml.safe_load(cold_program.succeed("stack", "output", "--json", "--stack", "dev"))
    assert list(outputs["networks"]) == ["developer-vms", "general-vms"]
    assert outputs["version"] == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    cold_program.succeed("preview", "--expect-no-changes", "--stack", "dev")
    cold_program.succeed("preview", "--refresh", "--expect-no-changes", "--stack", "dev")
    # Another order of DNS servers is a change.
    content = yaml.safe_load(cold_program.file("dev").read_text(encoding="utf-8"))
    content["config"]["private-cloud:networks"][0]["subnets"][0]["dns"].reverse()
    cold_program.file("dev").write_text(yaml.safe_dump(content), encoding="utf-8")
    done = cold_program.pulumi("preview", "--expect-no-changes", "--stack", "dev")
    assert done.returncode != 0
    assert re.search(r"Subnet developer-vms/developer-vms-v4\s+update \[diff: ~dnsNameservers", done.stdout)
    # A renamed network is the same network.
    content = yaml.safe_load(dev_without_images())
    network = content["config"]["private-cloud:networks"][0]
    network |= {"name": "dev-vms", "renamed_from": network["name"]}
    cold_program.file("dev").write_text(yaml.safe_dump(content), encoding="utf-8")
    printed = cold_program.succeed("up", "--yes", "--skip-preview", "--stack", "dev")
    assert "Network dev-vms updated" in printed
    assert "1 updated" in printed
    assert not [word for word in ("created", "replaced", "deleted") if f" {word}" in printed]
    # Destroy leaves nothing.
    cold_program.succeed("destroy", "--yes", "--skip-preview", "--stack", "dev")
    assert "Current stack resources (0)" in cold_program.succeed("stack", "--stack", "dev")


def test_every_mistake_of_a_stack_file_is_told_before_the_cloud_is_asked(program: ProgramCopy) -> None:
    content = yaml.safe_load(dev_without_images())
    networks = content["config"]["private-cloud:networks"]
    networks[0]["subnets"][0]["dns"][2] = "10.20.0.300"
    networks[1]["segments"][0]["vlan"] = 200
    content["config"]["private-cloud:grant"] = []
    content["config"]["private-cloud:grants"] = [grant("ci-runner", "developmnet")]
    program.stack("dev", yaml.safe_dump(content))
    done = program.pulumi("preview", "--stack", "dev")
    assert done.returncode != 0
    assert "Pulumi.dev.yaml has 4 mistakes" in done.stdout
    assert "did you mean 'development@corp'?" in done.stdout
    assert "did you mean 'grants'?" in done.stdout
    assert "10.20.0.300" in done.stdout
    assert "Traceback" not in done.stdout
    assert "openstack:" not in done.stdout


def test_a_grant_to_an_account_that_is_not_there_gets_a_sentence(program: ProgramCopy) -> None:
    content = yaml.safe_load(dev_without_images())
    content["config"]["private-cloud:grants"] = [grant("missing-runner", "development")]
    program.stack("dev", yaml.safe_dump(content))
    done = program.pulumi("up", "--yes", "--skip-preview", "--stack", "dev")
    assert done.returncode != 0
    assert (
        "there is no user 'missing-runner' in domain 'Default'; make it, or correct the name" in done.stdout
    )
    assert "Traceback" not in done.stdout


def test_undeclared_grants_that_cannot_be_read_are_a_warning_and_no_change(program: ProgramCopy) -> None:
    content = yaml.safe_load(dev_without_images())
    content["config"]["private-cloud:projects"][0]["undeclared_grants"] = "remove"
    program.stack("dev", yaml.safe_dump(content))
    printed = program.succeed("up", "--yes", "--skip-preview", "--stack", "dev")
    assert (
        "project development@corp: undeclared grants could not be looked for: cloud 'lab-admin': no token"
        in printed
    )
    assert "dynamic/identity:UndeclaredGrants development@corp created" in printed
    program.succeed("preview", "--expect-no-changes", "--stack", "dev")


def test_a_grant_on_the_system_is_refused_before_the_cloud_is_asked(program: ProgramCopy) -> None:
    content = yaml.safe_load(dev_without_images())
    content["config"]["private-cloud:grants"] = [
        grant("ci-runner", "development") | {"scope": {"system": "all"}}
    ]
    program.stack("dev", yaml.safe_dump(content))
    done = program.pulumi("preview", "--stack", "dev")
    assert done.returncode != 0
    assert "grants[0].scope.system: role 'member' on the whole system" in done.stdout
    assert "set openstack.allow_system_scope to true" in done.stdout
    assert "openstack:" not in done.stdout


def test_an_encrypted_password_reaches_the_account_and_stands_nowhere_in_the_clear(
    program: ProgramCopy,
) -> None:
    canary = "c4nary-passw0rd"
    account = {"name": "nightly", "domain": "Default", "password": "to be set"}
    config = {"private-cloud:openstack": {"cloud": "admin"}, "private-cloud:accounts": [account]}
    program.stack("dev", yaml.safe_dump({"config": config}))
    refused = program.pulumi("preview", "--stack", "dev")
    assert refused.returncode != 0
    assert "the secret stands here in plain text" in refused.stdout
    key = "private-cloud:accounts[0].password"
    program.succeed("config", "set", "--secret", "--path", key, canary, "--stack", "dev")
    printed = program.succeed("up", "--yes", "--skip-preview", "--stack", "dev")
    assert "User nightly@default created" in printed
    shown = program.succeed("stack", "export", "--show-secrets", "--stack", "dev")
    assert canary in shown
    state = program.folder.parent / "state"
    kept = [path.read_bytes() for path in (*state.rglob("*"), program.file("dev")) if path.is_file()]
    assert kept
    assert not any(canary.encode() in text for text in (*kept, printed.encode()))
