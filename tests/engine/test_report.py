"""`make report` with the real engine and a FAKE OpenStack plugin; there is no cloud that could be asked.

What the fake does not prove: who depends on what changes. tests/lab/test_report.py shows that.
"""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.engine.held_up import one_network, program_with_fake
from tests.program_copy import ProgramCopy

STACK = "reported"
CANARY = "correct-horse-battery-staple"


@pytest.fixture
def program(tmp_path: Path) -> ProgramCopy:
    environment = {"CORP_PASSWORD": CANARY}
    return program_with_fake(tmp_path, environment)


def written(program: ProgramCopy, *arguments: str, code: int = 0) -> tuple[dict[str, Any], str, str]:
    """The report as data, as Markdown and as a page."""
    files = [program.folder / name for name in ("r.json", "r.md", "r.html")]
    words = [word for file in files for word in (f"--{_option(file)}", str(file))]
    done = program.report(STACK, *words, *arguments)
    assert done.returncode == code, done.stdout
    assert "Traceback" not in done.stdout
    data: dict[str, Any] = json.loads(files[0].read_text(encoding="utf-8"))
    return data, files[1].read_text(encoding="utf-8"), files[2].read_text(encoding="utf-8")


def _option(file: Path) -> str:
    return {".json": "json", ".md": "markdown", ".html": "html"}[file.suffix]


def up(program: ProgramCopy, text: str) -> None:
    program.stack(STACK, text)
    program.succeed("up", "--yes", "--skip-preview", "--stack", STACK)


def test_a_new_stack_is_harmless_and_drawn(program: ProgramCopy) -> None:
    program.stack(STACK, one_network())
    data, markdown, page = written(program, "--fail-on", "interrupts")
    assert data["risk"] == "harmless"
    assert [(one["operation"], one["what"]) for one in data["changes"]] == [("create", "network")]
    assert "VLAN 200" in page
    assert "create network vms" in markdown


def test_an_empty_stack_file_gets_an_empty_report(program: ProgramCopy) -> None:
    program.stack(STACK, yaml.safe_dump({"config": {"private-cloud:openstack": {"cloud": "admin"}}}))
    data, markdown, page = written(program, "--fail-on", "harmless")
    assert data["changes"] == []
    assert "nothing changes" in markdown
    assert "declares nothing that could be shown" in page


def test_another_vlan_replaces_and_where_nobody_can_be_asked_that_needs_a_person(
    program: ProgramCopy,
) -> None:
    up(program, one_network())
    program.file(STACK).write_text(
        one_network(segments=[{"physical_network": "physnet1", "vlan": 201}]), encoding="utf-8"
    )
    data, markdown, _ = written(program, "--fail-on", "needs-a-person", code=3)
    (found,) = data["changes"]
    assert (found["operation"], found["risk"]) == ("replace", "needs a person")
    assert found["replaced_because"] == ["segments (replaced: the old one is removed, a new one made)"]
    assert [fact["what"] for fact in found["depending"]] == ["instances", "ports", "projects"]
    assert all("cloud 'admin': no token" in fact["not_known"] for fact in found["depending"])
    assert "instances, ports, projects: not known" in markdown
    assert "segments" in markdown


def test_what_is_really_there_is_shown_beside_what_is_declared(program: ProgramCopy) -> None:
    up(program, one_network(description="ours"))
    real = {"FAKE_OPENSTACK_REAL": json.dumps({"description": "by hand", "mtu": 1400})}
    drifted = ProgramCopy(program.folder, {**program.environment, **real})
    data, markdown, page = written(drifted)
    assert data["drift"] == [
        {"what": "network vms", "key": "description", "declared": "ours", "real": "by hand"},
        {"what": "network vms", "key": "mtu", "declared": "not set", "real": "1400"},
    ]
    assert data["changes"] == []
    for text in (markdown, page):
        assert "by hand" in text
    data, markdown, _ = written(drifted, "--no-drift")
    assert "Not known: it was not looked for" in markdown


def test_a_broken_policy_is_told_by_rule_and_level_and_the_report_is_made_all_the_same(
    program: ProgramCopy,
) -> None:
    program.stack(STACK, one_network(name="Lab Net", shared=True))
    data, markdown, page = written(program, "--preview-args", "--policy-pack policy", code=1)
    assert [(one["level"], one["policy"], one["what"]) for one in data["policy"]] == [
        ("mandatory", "names", "lab net"),
        ("advisory", "network-not-for-everyone", "lab net"),
    ]
    for text in (markdown, page):
        assert "Rename it" in text
        assert "it is shared with every project of the cloud" in text
        assert "the preview failed; of what it shows, at worst, this is harmless" in text
    assert [one["name"] for one in data["changes"]] == ["lab net"]


def test_mistakes_of_a_stack_file_are_in_the_report(program: ProgramCopy) -> None:
    program.stack(STACK, one_network(segments=[{"physical_network": "physnet1", "vlan": 99999}]))
    _, markdown, _ = written(program, code=1)
    assert "the preview failed" in markdown
    assert "99999" in markdown


def test_a_stack_that_is_not_there_gets_a_sentence(program: ProgramCopy) -> None:
    done = program.report("nowhere")
    assert done.returncode == 1
    assert "report: pulumi preview fails" in done.stdout
    assert "Traceback" not in done.stdout


def test_a_class_that_there_is_none_of_is_a_wrong_call(program: ProgramCopy) -> None:
    done = program.report(STACK, "--fail-on", "terrible")
    assert done.returncode == 2
    assert "argument --fail-on: invalid choice: 'terrible'" in done.stdout


def test_no_secret_of_the_stack_is_in_any_of_its_reports(program: ProgramCopy) -> None:
    def accounts(**more: object) -> str:
        account = {"name": "bot", "domain": "Default", "password": {"env": "CORP_PASSWORD"}, **more}
        config = {"private-cloud:openstack": {"cloud": "admin"}, "private-cloud:accounts": [account]}
        return yaml.safe_dump({"config": config})

    up(program, accounts())
    changed = ProgramCopy(program.folder, {**program.environment, "CORP_PASSWORD": f"{CANARY}-2"})
    program.file(STACK).write_text(accounts(description="another"), encoding="utf-8")
    data, markdown, page = written(changed)
    (found,) = data["changes"]
    assert {key["key"] for key in found["keys"]} == {"description", "password"}
    assert found["risk"] == "interrupts"
    for text in (json.dumps(data), markdown, page):
        assert CANARY not in text
        assert "a secret" in text
