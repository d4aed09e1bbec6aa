import importlib.util
import json
import re
import shutil
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from clients.errors import CloudError
from components.hosts.kickstart import NETWORK_FILE
from config.host import HostImageSpec
from operations import host_image

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "host_image"
CONTAINERFILE = (FOLDER / "Containerfile").read_text()
UNIT = FOLDER / "root/usr/lib/systemd/system/host-network.service"
WORKFLOW = ROOT / ".github/workflows/host-image.yml"


def instructions(kind: str) -> list[str]:
    """The Containerfile's instructions of a kind, each on one line."""
    text = re.sub(r"^\s*#.*\n", "", CONTAINERFILE, flags=re.MULTILINE).replace("\\\n", " ")
    return [line.removeprefix(kind).strip() for line in text.splitlines() if line.startswith(f"{kind} ")]


def workflow() -> dict[Any, Any]:
    read: dict[Any, Any] = yaml.safe_load(WORKFLOW.read_text())
    return read


def steps() -> list[dict[str, Any]]:
    return [step for job in workflow()["jobs"].values() for step in job["steps"]]


@pytest.fixture
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("host_network", FOLDER / "host_network.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_everything_that_is_copied_into_the_image_is_there():
    copied = [line.split()[-2] for line in instructions("COPY")]
    assert copied
    for source in copied:
        assert (FOLDER / source).exists(), source


def test_the_image_is_linted_after_everything_else():
    last = CONTAINERFILE.rstrip().splitlines()[-1]
    assert last == "RUN bootc container lint"


def test_the_base_without_a_choice_is_the_one_that_the_stack_file_documents():
    (base,) = [line.partition("=")[2] for line in instructions("ARG") if line.startswith("BASE=")]
    assert base == HostImageSpec().base


def test_every_build_argument_that_a_stack_decides_is_the_containerfiles():
    stack = {
        "private-cloud:host_image": {"base": "registry.corp.example/base:10"},
        "private-cloud:kolla": {"container_engine": "podman"},
        "private-cloud:monitoring": {"agent": "new-relic"},
    }
    repositories = {name: f"https://mirror.corp.example/{name}.repo" for name in host_image.REPOSITORIES}
    given = host_image.arguments(stack, repositories)
    assert given == repositories | {
        "BASE": "registry.corp.example/base:10",
        "CONTAINER_ENGINE": "podman",
        "MONITORING_AGENT": "new-relic",
    }
    assert set(given) <= {line.partition("=")[0] for line in instructions("ARG")}


def test_what_a_stack_leaves_out_the_containerfile_decides():
    assert host_image.arguments({"private-cloud:host_image": None}, {"DOCKER_REPOSITORY": ""}) == {}


def test_the_build_makes_the_image_that_hosts_boot():
    stack = {"private-cloud:host_image": {"image": "registry.corp.example/host:1"}}
    image = host_image.reference(stack, "Pulumi.prod.yaml")
    command = host_image.build(image, {"BASE": "a b"})
    assert "--tag=registry.corp.example/host:1" in command
    assert "--build-arg=BASE=a b" in command
    assert command[-1] == str(FOLDER)


@pytest.mark.parametrize("image", [None, "registry.corp.example/host@sha256:" + "0" * 64])
def test_a_stack_without_an_image_to_build_is_told_what_to_give(image):
    with pytest.raises(CloudError, match=r"^Pulumi.dev.yaml names .*; give "):
        host_image.reference({"private-cloud:host_image": {"image": image}}, "Pulumi.dev.yaml")


@pytest.mark.parametrize("number", range(len(instructions("RUN"))))
def test_a_shell_understands_every_instruction(number):
    command = ["sh", "-n", "-c", instructions("RUN")[number]]
    assert not subprocess.run(command, capture_output=True, check=True).stderr


def test_the_network_is_there_before_the_container_engine_and_after_open_vswitch():
    options = [line.partition("=") for line in UNIT.read_text().splitlines() if "=" in line]
    words = {key: value.split() for key, _, value in options}
    # Kolla's units wait for docker.service, or with podman for network-online.target.
    assert {"docker.service", "network-online.target", "kolla.target"} <= set(words["Before"])
    assert "openvswitch.service" in words["After"]
    assert "openvswitch.service" in words["Requires"]
    assert words["ConditionPathExists"] == [NETWORK_FILE]
    (copied,) = [line.split()[-1] for line in instructions("COPY") if "host_network.py" in line]
    assert words["ExecStart"] == [copied]
    assert "host-network.service" in CONTAINERFILE.partition("systemctl enable openvswitch.service")[2]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
def test_systemd_understands_the_unit(tmp_path):
    units = tmp_path / "usr/lib/systemd/system"
    shutil.copytree(FOLDER / "root", tmp_path, dirs_exist_ok=True)
    script = tmp_path / "usr/libexec/private-cloud/host-network"
    script.parent.mkdir(parents=True)
    shutil.copy(FOLDER / "host_network.py", script)
    (units / "openvswitch.service").write_text(
        "[Service]\nType=oneshot\nExecStart=/usr/libexec/private-cloud/host-network\n"
    )
    for target in ("network", "network-online", "multi-user", "sysinit", "basic", "shutdown"):
        (units / f"{target}.target").write_text("[Unit]\n")
    done = subprocess.run(
        ["systemd-analyze", f"--root={tmp_path}", "--man=no", "--recursive-errors=no", "verify", UNIT.name],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_every_path_that_starts_the_workflow_is_there():
    on = workflow()[True]  # YAML 1.1 reads `on` as true
    for event in ("push", "pull_request"):
        for path in on[event]["paths"]:
            assert (ROOT / path.removesuffix("/**")).exists(), path
    assert WORKFLOW.relative_to(ROOT).as_posix() in on["push"]["paths"]


def test_every_action_is_pinned_to_a_commit():
    used = [step["uses"] for step in steps() if "uses" in step]
    assert used
    for action in used:
        assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}", action), action
        assert re.search(rf"{action}  # v\d+\.\d+\.\d+$", WORKFLOW.read_text(), re.MULTILINE), action


def test_the_workflow_builds_by_the_makefile_and_for_a_stack_that_is_there():
    assert any("make host-image" in step.get("run", "") for step in steps())
    assert re.search(r"^host-image:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert (ROOT / f"Pulumi.{workflow()['env']['STACK']}.yaml").exists()


def test_only_the_job_that_signs_may_ask_for_an_identity_and_nothing_is_published_for_a_proposal():
    assert workflow()["permissions"] == {"contents": "read"}
    allowed = {name: job.get("permissions", {}) for name, job in workflow()["jobs"].items()}
    assert allowed.pop("build") == {"contents": "read", "id-token": "write"}
    assert not [name for name, permissions in allowed.items() if "write" in permissions.values()]
    publishing = [step for step in steps() if "secrets." in str(step) or "cosign" in str(step)]
    assert publishing
    assert {step["if"] for step in publishing} == {"github.event_name != 'pull_request'"}


def test_the_management_ports_mac_address_stays_and_is_a_hosts_own(script):
    mine, other = script.own_mac("10.110.0.21/24"), script.own_mac("10.110.0.22/24")
    assert mine == script.own_mac("10.110.0.21/24")
    assert mine != other
    assert re.fullmatch(r"02(:[0-9a-f]{2}){5}", mine)  # locally administered, unicast


def test_a_host_without_either_link_says_so_and_with_one_goes_on(script):
    with pytest.raises(script.NetworkError, match="neither of the links none1 and none2 is there"):
        script.missing_links(["none1", "none2"], within=0)
    assert script.missing_links(["lo", "none2"], within=0) == ["none2"]
    assert script.missing_links(["lo"], within=60) == []


@pytest.mark.parametrize("text", [None, "{", json.dumps({"links": []})])
def test_a_file_that_cannot_be_used_is_named(script, tmp_path, text):
    file = tmp_path / "network.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(script.NetworkError, match=re.escape(str(file))):
        script.configuration(file)
