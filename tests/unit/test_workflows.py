"""What the workflows may do: no secret for a fork, no text of strangers in a shell, no logic that people do not share."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".github" / "workflows"
OURS = ("pull-request.yml", "deploy.yml", "nightly.yml")
ALL = (*OURS, "host-image.yml")
BOOTSTRAP = "apt-get update -qq && apt-get install -y -qq make git"  # Debian's image has neither
ACTIONS = {  # by tag of the action's own repository, looked up there
    "actions/checkout": "3d3c42e5aac5ba805825da76410c181273ba90b1",  # v7.0.1
    "actions/upload-artifact": "bbbca2ddaa5d8feaa63e36b76fdaad77386f024f",  # v7.0.0
    "actions/download-artifact": "3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c",  # v8.0.1
    "sigstore/cosign-installer": "6f9f17788090df1f26f669e9d70d6ae9567deba6",  # v4.1.2
}
SAME_REPOSITORY = "github.event.pull_request.head.repo.full_name == github.repository"
LONGEST_MINUTES = 360


@cache
def workflow(name: str) -> dict[str, Any]:
    loaded: dict[Any, Any] = yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))
    loaded["on"] = loaded.pop(True)  # what YAML 1.1 makes of the word
    return loaded


def jobs(*names: str) -> list[tuple[str, dict[str, Any]]]:
    return [(f"{name}: {job}", body) for name in names for job, body in workflow(name)["jobs"].items()]


def steps(*names: str) -> list[tuple[str, dict[str, Any]]]:
    return [(where, step) for where, job in jobs(*names) for step in job["steps"]]


def uses_secrets(job: dict[str, Any]) -> bool:
    return "environment" in job or re.search(r"\bsecrets\b", yaml.safe_dump(job)) is not None


def test_every_workflow_is_looked_at() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(ALL)


@pytest.mark.parametrize("name", ALL)
def test_no_workflow_is_started_by_a_fork_with_this_repositorys_rights(name: str) -> None:
    started = workflow(name)["on"]
    assert not {"pull_request_target", "workflow_run", "issue_comment"} & set(started)


@pytest.mark.parametrize(("where", "job"), jobs("pull-request.yml"))
def test_a_job_that_runs_for_a_fork_knows_no_secret(where: str, job: dict[str, Any]) -> None:
    for_forks = SAME_REPOSITORY not in job.get("if", "") and "prod" not in job.get("needs", "")
    assert for_forks is (where.rpartition(" ")[2] in {"checks", "tests", "lab"})
    if for_forks:
        assert not uses_secrets(job)
        assert job["permissions"] == {"contents": "read"}
        assert job["runs-on"] == "ubuntu-24.04", "a stranger's code runs on a machine that is thrown away"


def test_what_comes_after_the_jobs_with_secrets_does_not_run_where_they_did_not() -> None:
    comment = workflow("pull-request.yml")["jobs"]["comment"]
    assert "needs.prod.result != 'skipped'" in comment["if"]
    assert comment["permissions"] == {"contents": "read", "pull-requests": "write"}
    checkout = comment["steps"][0]
    assert checkout["with"]["ref"] == "${{ github.event.pull_request.base.sha }}"


@pytest.mark.parametrize("name", OURS)
def test_nothing_is_allowed_that_no_job_asks_for(name: str) -> None:
    assert workflow(name)["permissions"] == {}


@pytest.mark.parametrize(("where", "job"), jobs(*OURS))
def test_each_job_says_what_it_may_and_how_long(where: str, job: dict[str, Any]) -> None:
    assert 0 < job["timeout-minutes"] <= LONGEST_MINUTES
    writes = {name for name, right in job["permissions"].items() if right == "write"}
    assert writes <= ({"pull-requests"} if where.endswith("comment") else set())


@pytest.mark.parametrize(("where", "step"), steps(*ALL))
def test_no_expression_is_pasted_into_a_shell(where: str, step: dict[str, Any]) -> None:
    assert "${{" not in step.get("run", ""), where


def test_each_action_is_a_known_commit() -> None:
    used = {step["uses"] for _, step in steps(*ALL) if "uses" in step}
    assert used == {f"{action}@{commit}" for action, commit in ACTIONS.items()}


def test_no_checkout_leaves_its_token_behind() -> None:
    checkouts = [
        (where, step) for where, step in steps(*ALL) if step.get("uses", "").startswith("actions/checkout")
    ]
    assert {where for where, _ in checkouts} == {where for where, _ in jobs(*ALL)}
    assert [where for where, step in checkouts if step["with"]["persist-credentials"] is not False] == []


@pytest.mark.parametrize(("where", "step"), steps(*OURS))
def test_what_runs_is_a_target_that_people_have_too(where: str, step: dict[str, Any]) -> None:
    if "run" not in step or step["run"] == BOOTSTRAP:
        return
    (line,) = step["run"].strip().splitlines()
    words = line.split()
    assert words[0] == "make", where
    targets = [word for word in words[1:] if "=" not in word]
    known = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert targets
    assert set(targets) <= set(known), where
    assert all(re.fullmatch(r"[A-Z]+=[a-z0-9]+", word) for word in words[1:] if "=" in word), where


@pytest.mark.parametrize(("where", "job"), jobs(*OURS))
def test_a_secret_is_in_the_environment_of_the_one_step_that_needs_it(
    where: str, job: dict[str, Any]
) -> None:
    assert "secrets." not in yaml.safe_dump(job.get("env", {})), where
    seen: set[str] = set()
    for step in job["steps"]:
        given = {name for name, value in step.get("env", {}).items() if "secrets." in value}
        if given:
            assert "run" in step, f"{where}: {sorted(given)} go to an action"
            assert "environment" in job, (
                f"{where}: {sorted(given)} are the repository's and not an environment's"
            )
        assert not given & seen, f"{where}: {sorted(given & seen)} are in two steps"
        seen |= given
    assert bool(seen) is uses_secrets(job), where


def test_prod_is_changed_by_one_job_alone_which_waits_for_an_approval_and_for_the_one_before() -> None:
    changing = {
        where
        for where, step in steps(*OURS)
        if re.match(r"make (up|destroy|adopt|repair)\b.*STACK=(?!dev)", step.get("run", ""))
    }
    assert changing == {"deploy.yml: prod"}
    prod = workflow("deploy.yml")["jobs"]["prod"]
    assert prod["environment"] == "production"
    assert prod["needs"] == "review"
    assert prod["if"] == "github.ref == 'refs/heads/main'"
    assert prod["concurrency"] == {"group": "stack-prod", "cancel-in-progress": False}
    others = [where for where, job in jobs(*OURS) if job.get("concurrency", {}).get("group") == "stack-prod"]
    assert others == ["deploy.yml: prod"]


def test_production_is_the_environment_of_no_pull_request() -> None:
    assert "production" not in (FOLDER / "pull-request.yml").read_text(encoding="utf-8")
    assert set(workflow("deploy.yml")["on"]) == {"push", "workflow_dispatch"}
    assert workflow("deploy.yml")["on"]["push"] == {"branches": ["main"]}


def gitlab() -> dict[str, Any]:
    """The example of docs/ci.md."""
    text = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    loaded: dict[str, Any] = yaml.safe_load(example)
    return loaded


def test_gitlabs_example_runs_the_same_targets() -> None:
    jobs_ = {name: job for name, job in gitlab().items() if isinstance(job, dict) and "script" in job}
    known = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    for name, job in jobs_.items():
        for line in job["script"]:
            assert line.startswith("make "), name
            assert {word for word in line.split()[1:] if "=" not in word} <= set(known), name
    assert {line for job in jobs_.values() for line in job["script"]} >= {
        "make review STACK=prod",
        "make up STACK=prod YES=1",
        "make drift STACK=prod",
    }


def test_gitlabs_prod_is_one_at_a_time_by_hand_and_reviewed_for_no_fork() -> None:
    found = gitlab()
    assert found["deploy"]["resource_group"] == "stack-prod"
    assert [rule["when"] for rule in found["deploy"]["rules"]] == ["manual"]
    for_requests = [rule["if"] for rule in found["review"]["rules"] if "merge_request_event" in rule["if"]]
    assert for_requests
    assert not [
        rule for rule in for_requests if "$CI_MERGE_REQUEST_SOURCE_PROJECT_ID == $CI_PROJECT_ID" not in rule
    ]
