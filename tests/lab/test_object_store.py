"""Pulumi's state in Ceph's own object store: the real RADOS gateway, the real engine, a FAKE OpenStack plugin.

What is shown is the backend: login, locks, versions. What the stack declares is for other tests.
"""

import json
import secrets
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from lab.services import object_store, s3
from lab.settings import Lab
from tests.engine.held_up import held_up, one_network, program_with_fake
from tests.program_copy import ProgramCopy

XML = {"s3": "http://s3.amazonaws.com/doc/2006-03-01/"}


@pytest.fixture
def stack() -> str:
    return f"s{secrets.token_hex(4)}"


@pytest.fixture
def program(lab: Lab, tmp_path: Path, stack: str) -> Iterator[ProgramCopy]:
    made = program_with_fake(
        tmp_path,
        {
            "PULUMI_BACKEND_URL": object_store.backend_url(lab),
            "AWS_SHARED_CREDENTIALS_FILE": str(object_store.credentials(lab)),
        },
    )
    made.stack(stack, one_network())
    yield made
    made.succeed("destroy", "--yes", "--skip-preview", "--stack", stack)
    made.succeed("stack", "rm", "--yes", "--stack", stack)


def versions(lab: Lab, key: str) -> list[str]:
    """The versions of an object, the newest first."""
    path = f"/{object_store.BUCKET}?prefix={quote(key, safe='')}&versions="
    listed = ET.fromstring(s3.request(object_store.account(lab), "GET", path))  # noqa: S314 - of our own gateway
    return [
        str(version.findtext("s3:VersionId", namespaces=XML))
        for version in listed.findall("s3:Version", XML)
        if version.findtext("s3:Key", namespaces=XML) == key
    ]


def test_the_bucket_is_its_accounts_own_and_keeps_former_versions(lab: Lab) -> None:
    account = object_store.account(lab)
    message = s3.request(account, "GET", f"/{object_store.BUCKET}?versioning=")
    assert "<Status>Enabled</Status>" in message
    wrong = s3.Account(account.endpoint, account.region, account.access_key, "another")
    with pytest.raises(s3.S3Error, match="403"):
        s3.request(wrong, "GET", f"/{object_store.BUCKET}")


def test_a_stack_lives_there_and_a_second_preview_is_empty(
    program: ProgramCopy, stack: str, lab: Lab
) -> None:
    program.succeed("login", program.environment["PULUMI_BACKEND_URL"])
    assert f"s3://{object_store.BUCKET}" in program.succeed("whoami", "--verbose")
    program.succeed("up", "--yes", "--skip-preview", "--stack", stack)
    program.succeed("preview", "--expect-no-changes", "--stack", stack)
    assert versions(lab, f".pulumi/stacks/private-cloud/{stack}.json")
    assert not list((program.folder.parent / "state").rglob("*.json"))


@pytest.mark.nightly
def test_versions_bring_a_former_state_back(program: ProgramCopy, stack: str, lab: Lab) -> None:
    program.succeed("up", "--yes", "--skip-preview", "--stack", stack)
    key = f".pulumi/stacks/private-cloud/{stack}.json"
    former = program.succeed("stack", "export", "--stack", stack)
    good, *_ = versions(lab, key)
    emptied = json.loads(former)
    emptied["deployment"]["resources"] = []
    spoiled = program.folder.parent / "spoiled.json"
    spoiled.write_text(json.dumps(emptied), encoding="utf-8")
    program.succeed("stack", "import", "--file", str(spoiled), "--stack", stack)
    assert program.pulumi("preview", "--expect-no-changes", "--stack", stack).returncode != 0
    source = f"x-amz-copy-source: /{object_store.BUCKET}/{quote(key)}?versionId={quote(good, safe='')}"
    s3.request(object_store.account(lab), "PUT", f"/{object_store.BUCKET}/{key}", headers=(source,))
    assert program.succeed("stack", "export", "--stack", stack) == former
    program.succeed("preview", "--expect-no-changes", "--stack", stack)


def test_two_ups_at_once_the_second_is_refused_and_a_killed_one_is_repaired(
    program: ProgramCopy, stack: str
) -> None:
    program.succeed("up", "--yes", "--skip-preview", "--stack", stack)
    program.file(stack).write_text(one_network(description="another"), encoding="utf-8")
    with held_up(program, stack) as up:
        second = program.pulumi("up", "--yes", "--skip-preview", "--stack", stack)
        assert second.returncode != 0
        assert (
            "the stack is currently locked by 1 lock(s). Either wait for the other process(es)"
            in second.stdout
        )
        assert (
            f"s3://{object_store.BUCKET}/.pulumi/locks/organization/private-cloud/{stack}/" in second.stdout
        )
        assert f"(pid {up.process.pid})" in second.stdout
        assert program.repair(stack).returncode == 1
        up.kill()
        assert program.repair(stack).returncode == 0
    printed = program.succeed("up", "--yes", "--skip-preview", "--stack", stack)
    assert "pending operations" not in printed
    program.succeed("preview", "--expect-no-changes", "--stack", stack)
