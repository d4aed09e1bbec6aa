"""The dev stack, up against the real lab under names of its own, beside a dev stack that may be up."""

import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import openstack
import pytest
import yaml

from tests.program_copy import ROOT, ProgramCopy

STACK = "dev"
VLANS = {200: 920, 300: 930}  # the dev stack's, and what this one uses instead
PREFIXES = {"10.10.": "10.91.", "10.20.": "10.92.", "10.30.": "10.93."}
NAMES = ("corp", "development", "developer-vms", "general-vms", "debian-12", "nightly")


def lab_environment() -> dict[str, str]:
    """What `python -m lab env` exports, without its state backend."""
    printed = subprocess.run(
        [sys.executable, "-m", "lab", "env"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    names = ("OS_CLIENT_CONFIG_FILE", "OS_CLOUD", "CEPH_CONF", "LAB_LDAP_URL")
    lines = (line.removeprefix("export ").partition("=") for line in printed.splitlines())
    return {name: value.strip("'\"") for name, _, value in lines if name in names}


def renamed_dev_stack(suffix: str) -> str:
    """Pulumi.dev.yaml with other names, VLANs and addresses."""
    text = (ROOT / "Pulumi.dev.yaml").read_text(encoding="utf-8")
    content = {"config": yaml.safe_load(text)["config"]}

    def renamed(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {inner_key: renamed(inner, inner_key) for inner_key, inner in value.items()}
        if isinstance(value, list):
            return [renamed(inner, key) for inner in value]
        if key == "vlan":
            return VLANS.get(value, value)
        if key in {"name", "domain", "project"} and value.removesuffix("-v4") in NAMES:
            return f"{value}-{suffix}"
        for old, new in PREFIXES.items():
            if isinstance(value, str) and value.startswith(old):
                return new + value.removeprefix(old)
        return value

    return yaml.safe_dump(renamed(content), sort_keys=False)


@dataclass(frozen=True)
class CloudStack:
    """The stack that is up: the program that made it, its names' suffix, and a look at the cloud."""

    program: ProgramCopy
    suffix: str

    @cached_property
    def outputs(self) -> dict[str, Any]:
        """The stack's outputs."""
        printed: dict[str, Any] = json.loads(
            self.program.succeed("stack", "output", "--json", "--stack", STACK)
        )
        return printed

    @cached_property
    def admin(self) -> openstack.connection.Connection:
        """The administrator's connection."""
        return openstack.connect(cloud="lab-admin")

    def named(self, name: str) -> str:
        """What NAME of Pulumi.dev.yaml is called in this stack."""
        return f"{name}-{self.suffix}"


@pytest.fixture(scope="module")
def cloud_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudStack]:
    environment = lab_environment()
    folder = tmp_path_factory.mktemp("cloud")
    suffix = f"t{secrets.token_hex(3)}"
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    program = ProgramCopy.make(folder, environment)
    program.stack(STACK, renamed_dev_stack(suffix))
    stack = CloudStack(program, suffix)
    try:
        program.succeed("up", "--yes", "--skip-preview", "--stack", STACK)
        yield stack
    finally:
        program.succeed("destroy", "--yes", "--skip-preview", "--stack", STACK)
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
        shutil.rmtree(folder)
