"""However an entry of clouds.yaml is written, the program and Pulumi's OpenStack plugin read the same of it."""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.settings import Lab
from tests.lab.own_stack import STACK, OwnStack, own_stack
from tests.program_copy import ProgramCopy

DOMAIN = f"clouds-t{secrets.token_hex(3)}"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnStack]:
    grant = {
        "role": "reader",
        "user": {"name": "ci-runner", "domain": "Default"},
        "scope": {"domain": DOMAIN},
    }
    config = {"openstack": {"cloud": "lab-admin"}, "domains": [{"name": DOMAIN}], "grants": [grant]}
    with own_stack(tmp_path_factory.mktemp("clouds"), config) as made:
        yield made


@pytest.fixture
def entry(lab: Lab) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(lab.clouds.read_text(encoding="utf-8"))["clouds"]["lab-admin"]
    return found


def with_clouds(stack: OwnStack, folder: Path, entry: Any, **more: str) -> ProgramCopy:
    file = folder / "clouds.yaml"
    file.write_text(yaml.safe_dump({"clouds": {"lab-admin": entry}}), encoding="utf-8")
    environment = {**stack.program.environment, "OS_CLIENT_CONFIG_FILE": str(file), **more}
    return ProgramCopy(stack.program.folder, environment)


def test_regions_and_secure_files_count_and_the_shells_variables_do_not(
    stack: OwnStack, entry: dict[str, Any], tmp_path: Path
) -> None:
    auth = entry["auth"]
    secure = tmp_path / "hidden.yaml"
    secure.write_text(yaml.safe_dump({"clouds": {"lab-admin": {"auth": {"password": auth["password"]}}}}))
    public = {key: value for key, value in auth.items() if key not in {"password", "auth_url"}}
    values = {"auth": {"auth_url": auth["auth_url"]}}
    program = with_clouds(
        stack,
        tmp_path,
        {"auth": public, "regions": [{"name": entry["region_name"], "values": values}]},
        OS_CLIENT_SECURE_FILE=str(secure),
        OS_CLOUD="another",
        OS_REGION_NAME="Nowhere",
        OS_PASSWORD="of another",
    )
    program.succeed("preview", "--refresh", "--expect-no-changes", "--stack", STACK)


def test_the_environment_alone_is_the_entry_envvars(
    stack: OwnStack, entry: dict[str, Any], tmp_path: Path
) -> None:
    text = stack.program.file(STACK).read_text(encoding="utf-8")
    variables = {f"OS_{key.upper()}": value for key, value in entry["auth"].items()}
    program = with_clouds(stack, tmp_path, {}, **variables, OS_REGION_NAME=entry["region_name"], OS_CLOUD="")
    stack.program.file(STACK).write_text(text.replace("lab-admin", "envvars"), encoding="utf-8")
    try:
        planned = program.succeed("preview", "--diff", "--stack", STACK)
    finally:
        stack.program.file(STACK).write_text(text, encoding="utf-8")
    assert "replace" not in planned
    assert "delete" not in planned


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"region_name": "Nowhere"},
            "cloud 'lab-admin': public endpoint for identity service in Nowhere region",
        ),
        ({"auth": {"password": "wrong"}}, "cloud 'lab-admin': no token from"),
        (
            {"auth": {"usrname": "admin"}},
            "'usrname' is not a key of auth for auth_type password; 'username' is one",
        ),
    ],
)
def test_a_wrong_entry_is_named(
    stack: OwnStack, entry: dict[str, Any], tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    wrong = {**entry, **change, "auth": entry["auth"] | change.get("auth", {})}
    done = with_clouds(stack, tmp_path, wrong).pulumi("preview", "--stack", STACK)
    assert done.returncode != 0
    assert message in done.stdout
    assert "Traceback" not in done.stdout
