"""A change by pull request, from the first deployment to the nightly report: the lines of .github/workflows, run as they
stand there, with an application credential that ends and the login files of a job.

What this does not prove: that GitHub runs them so.
"""

import json
import os
import secrets
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import openstack
import pytest
import yaml
from openstack.connection import Connection

from lab.services.ceph_configuration import client_keyring
from lab.settings import Lab
from tests.lab.canary_accounts import awkward
from tests.lab.secret_search import Search
from tests.program_copy import ROOT, ProgramCopy

STACK = "staging"
CLOUD = "staging-ci"
Config = dict[str, Any]


@dataclass
class Repository:
    """A checkout with a stack, and what GitHub's environments `preview` and `production` give to a job's steps."""

    program: ProgramCopy
    suffix: str
    preview: dict[str, str] = field(repr=False)
    production: dict[str, str] = field(repr=False)
    canaries: dict[str, bytes] = field(repr=False)
    printed: str = field(default="", repr=False)

    @property
    def archive(self) -> str:
        """The name of a project that nobody has a role on."""
        return f"archive-{self.suffix}"

    @property
    def reviews(self) -> Path:
        return self.program.folder / ".cloud" / "review"

    @property
    def markdown(self) -> str:
        """The comment."""
        return (self.reviews / f"{STACK}.md").read_text(encoding="utf-8")

    @property
    def data(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.reviews / f"{STACK}.json").read_text(encoding="utf-8"))
        return found

    def make(self, *words: str, given: Mapping[str, str] | None = None) -> int:
        """Runs a line of a workflow; its exit code, which is make's: 2 for whatever fails."""
        environment = self.production if words[0] in {"up", "destroy"} else self.preview
        done = subprocess.run(
            ["make", "-s", *words, f"STACK={STACK}"],
            cwd=self.program.folder,
            env={**self.program.environment, **environment, **(given or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=900,
        )
        self.printed = done.stdout
        return done.returncode

    def merged(self, change: Callable[[Config], None] = lambda _: None) -> None:
        """Writes the stack file with a change."""
        config = self.declared()
        change(config)
        keys = {f"private-cloud:{key}": value for key, value in config.items()}
        file = self.program.file(STACK)
        kept = yaml.safe_load(file.read_text(encoding="utf-8")) if file.exists() else {}
        text = yaml.safe_dump({**kept, "config": keys}, sort_keys=False)
        file.write_text(text, encoding="utf-8")

    def declared(self) -> Config:
        corp = f"corp-{self.suffix}"
        project = {"project": f"development-{self.suffix}", "domain": corp}
        return {
            "openstack": {"cloud": CLOUD},
            "domains": [{"name": corp}],
            "projects": [
                {"name": f"development-{self.suffix}", "domain": corp},
                {"name": self.archive, "domain": corp},
            ],
            "accounts": [
                {
                    "name": f"robot-{self.suffix}",
                    "domain": "Default",
                    "password": {"env": "ROBOT_PASSWORD"},
                    "access": [{"roles": ["member"], **project}],
                    "application_credentials": [{"name": "nightly", **project}],
                }
            ],
            "networks": [
                {
                    "name": f"vms-{self.suffix}",
                    "segments": [{"physical_network": "physnet1", "vlan": 953}],
                    "shared_with": [project],
                    "subnets": [
                        {
                            "name": f"vms-{self.suffix}-v4",
                            "cidr": "10.195.0.0/24",
                            "gateway": "10.195.0.1",
                            "dns": ["10.195.1.2", "10.195.1.3"],
                        }
                    ],
                }
            ],
        }


def credential(lab: Lab, user: Any, password: str, name: str) -> dict[str, str]:
    """An application credential of an administrator that ends within the hour.

    Keystone lets only an unrestricted one delete others, as an `up` or `destroy` may have to.
    """
    auth = {
        "auth_url": lab.url(lab.ports.keystone, "/v3"),
        "username": user.name,
        "user_domain_name": "Default",
        "password": password,
        "project_name": "admin",
        "project_domain_name": "Default",
    }
    with openstack.connect(load_yaml_config=False, load_envvars=False, auth=auth) as own:
        made = own.identity.create_application_credential(  # type: ignore[union-attr]
            user=user.id,
            name=name,
            unrestricted=name == "production",
            expires_at=(datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S"),
        )
    return {"id": made.id, "secret": made.secret}


@pytest.fixture(scope="module")
def repository(lab: Lab, administrator: Connection, tmp_path_factory: Any) -> Iterator[Repository]:
    """What is merged already is applied, as the workflow `deploy` does it."""
    folder: Path = tmp_path_factory.mktemp("pull-request")
    suffix = f"t{secrets.token_hex(3)}"
    password, robot, passphrase = secrets.token_hex(12), awkward(), f"phrase-{secrets.token_hex(12)}"
    identity: Any = administrator.identity
    user = identity.create_user(name=f"ci-{suffix}", domain_id="default", password=password)
    try:
        admin_role, project = identity.find_role("admin"), identity.find_project("admin", domain_id="default")
        identity.assign_project_role_to_user(project, user, admin_role)
        program = checkout(folder)
        environments, canaries = {}, {"given password": robot.encode(), "passphrase": passphrase.encode()}
        for name in ("preview", "production"):
            login = credential(lab, user, password, name)
            canaries[f"application credential of {name}"] = login["secret"].encode()
            environments[name] = {
                **job_logins(lab, program, folder / name, login),
                "PULUMI_CONFIG_PASSPHRASE": passphrase,
                "ROBOT_PASSWORD": robot,
            }
        made = Repository(program, suffix, environments["preview"], environments["production"], canaries)
        made.merged()
        try:
            assert made.make("up", "YES=1") == 0, made.printed
            yield made
        finally:
            made.merged()
            assert made.make("destroy", "YES=1") == 0, made.printed
    finally:
        identity.delete_user(user)


def checkout(folder: Path) -> ProgramCopy:
    """The program with its Makefile; what its commands write below .cloud stays in FOLDER."""
    program = ProgramCopy.make(folder / "job", {}, cold=True)  # `make` looks for an engine on PATH
    for name in ("Makefile", "toolchain"):
        (program.folder / name).symlink_to(ROOT / name)
    cloud = program.folder / ".cloud"
    cloud.unlink()
    cloud.mkdir()
    for path in (ROOT / ".cloud").iterdir():
        if path.name != "review":
            (cloud / path.name).symlink_to(path)
    return program


def job_logins(lab: Lab, program: ProgramCopy, folder: Path, login: Mapping[str, str]) -> dict[str, str]:
    """What `make login-files` tells the steps that follow."""
    clouds = {
        CLOUD: {
            "auth_type": "v3applicationcredential",
            "auth": {
                "auth_url": lab.url(lab.ports.keystone, "/v3"),
                "application_credential_id": login["id"],
                "application_credential_secret": login["secret"],
            },
            "region_name": "RegionOne",
            "identity_api_version": "3",
        }
    }
    folder.mkdir()
    message = folder / "github-env"
    done = subprocess.run(
        ["make", "-s", "login-files"],
        cwd=program.folder,
        env={
            **program.environment,
            "CLOUDS_YAML": yaml.safe_dump({"clouds": clouds}),
            "CEPH_CONF_TEXT": lab.ceph_conf.read_text(encoding="utf-8"),
            "CEPH_KEYRING": client_keyring(lab, "client.image-import").read_text(encoding="utf-8"),
            "RUNNER_TEMP": str(folder / "runner"),
            "GITHUB_ENV": str(message),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert login["secret"] not in done.stdout + done.stderr
    return dict(line.split("=", 1) for line in message.read_text(encoding="utf-8").splitlines())


def no_secret_is_shown(repository: Repository) -> None:
    """In what was printed, and in what the review wrote."""
    search = Search(repository.canaries)
    assert search.in_bytes("what was printed", repository.printed.encode()) == []
    assert search.in_files(repository.reviews) == []


def test_a_harmless_change_passes_and_the_comment_says_so(repository: Repository, tmp_path: Path) -> None:
    def describe(config: Config) -> None:
        config["networks"][0]["description"] = "One virtual machine a developer"

    repository.merged(describe)
    summary = tmp_path / "summary"
    assert repository.make("review", given={"GITHUB_STEP_SUMMARY": str(summary)}) == 0, repository.printed
    assert "harmless" in repository.markdown.splitlines()[0]
    assert f"vms-{repository.suffix}" in repository.markdown
    assert [(change["operation"], change["risk"]) for change in repository.data["changes"]] == [
        ("update", "harmless")
    ]
    assert summary.read_text(encoding="utf-8") == repository.markdown
    assert (repository.reviews / f"{STACK}.html").read_text(encoding="utf-8").startswith("<!")
    no_secret_is_shown(repository)


@pytest.mark.nightly
def test_a_change_that_breaks_a_rule_fails_with_the_rules_sentence(repository: Repository) -> None:
    def one_server(config: Config) -> None:
        config["networks"][0]["subnets"][0]["dns"] = ["10.195.1.2"]

    repository.merged(one_server)
    assert repository.make("review") != 0
    assert "two-dns-servers" in repository.markdown
    assert "Give its dns two servers or more." in repository.markdown.replace("\\`", "").replace("`", "")
    assert {found["policy"] for found in repository.data["policy"] if found["level"] == "mandatory"} == {
        "two-dns-servers"
    }
    no_secret_is_shown(repository)
    assert repository.make("up", "YES=1") != 0, "what the review refuses is refused to those who merge it too"
    repository.merged()


def test_a_change_that_loses_data_is_called_so_and_fails_where_that_is_asked(
    repository: Repository, administrator: Connection
) -> None:
    def without_archive(config: Config) -> None:
        config["projects"] = [one for one in config["projects"] if one["name"] != repository.archive]

    project = administrator.identity.find_project(repository.archive, ignore_missing=False)  # type: ignore[union-attr]
    network = administrator.network.find_network(f"vms-{repository.suffix}", ignore_missing=False)
    port = administrator.network.create_port(network_id=network.id, project_id=project.id)
    try:
        repository.merged(without_archive)
        assert repository.make("review", "FAIL_ON=loses-data") != 0
        assert repository.data["risk"] == "loses data", "it failed for that and for nothing else"
        (change,) = (one for one in repository.data["changes"] if one["risk"] == "loses data")
        assert (change["what"], change["name"], change["operation"]) == (
            "project",
            f"{repository.archive}@corp-{repository.suffix}",
            "delete",
        )
        assert repository.archive in repository.markdown
    finally:
        administrator.network.delete_port(port)
        repository.merged()


def test_a_mistake_in_the_file_is_told_before_anything_is_asked(repository: Repository) -> None:
    def twice(config: Config) -> None:
        config["networks"].append({**config["networks"][0], "name": "again", "subnets": []})

    repository.merged(twice)
    nowhere = {"OS_CLIENT_CONFIG_FILE": "/nowhere/clouds.yaml"}
    assert repository.make("review", given=nowhere) != 0
    assert "its file has mistakes, and no preview was made" in repository.markdown
    assert "953" in repository.markdown


def test_a_wrong_login_is_the_reason_that_people_read(repository: Repository, tmp_path: Path) -> None:
    clouds = tmp_path / "clouds.yaml"
    text = Path(repository.preview["OS_CLIENT_CONFIG_FILE"]).read_text(encoding="utf-8")
    wrong = yaml.safe_load(text)
    wrong["clouds"][CLOUD]["auth"]["application_credential_secret"] = (secret := secrets.token_hex(16))
    clouds.write_text(yaml.safe_dump(wrong), encoding="utf-8")

    def describe(config: Config) -> None:
        config["networks"][0]["description"] = "Another"

    repository.merged(describe)
    assert repository.make("review", given={"OS_CLIENT_CONFIG_FILE": str(clouds)}) != 0
    assert "the preview failed" in repository.markdown.splitlines()[0]
    assert CLOUD in repository.markdown, "which entry of clouds.yaml has the wrong login"
    assert "401" in repository.markdown, "what Keystone says of it"
    assert Search({"wrong secret": secret.encode()}).in_bytes("printed", repository.printed.encode()) == []
    no_secret_is_shown(repository)


def test_by_night_nothing_is_left_to_do_and_what_somebody_changed_is_told(
    repository: Repository, administrator: Connection
) -> None:
    repository.merged()
    assert repository.make("drift") == 0, repository.printed
    network = administrator.network.find_network(f"vms-{repository.suffix}", ignore_missing=False)
    administrator.network.update_network(network, description="by hand, at night")
    try:
        assert repository.make("drift") != 0
        assert "by hand, at night" in repository.markdown
        no_secret_is_shown(repository)
    finally:
        administrator.network.update_network(network, description="")


def test_the_state_of_the_job_holds_no_secret_in_the_clear(repository: Repository) -> None:
    state = Path(repository.program.environment["PULUMI_BACKEND_URL"].removeprefix("file://"))
    assert list(state.rglob("*.json"))
    assert Search(repository.canaries).in_files(state) == []
    assert os.environ.get("GITHUB_ENV") is None
