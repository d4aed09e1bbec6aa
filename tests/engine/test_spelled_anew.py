"""Names in another spelling, by the real engine with a FAKE OpenStack plugin that writes down what it is asked.

What the fake does not prove: that OpenStack renames. tests/lab/test_replace.py shows that.
"""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.engine.held_up import stack_with_log
from tests.program_copy import ProgramCopy

STACK = "spelled"
CORP, LAB, VMS, V4 = "Corp", "Läb", "VMs", "V4"


def text(domain: str, project: str, network: str, subnet: str, **more: Any) -> str:
    """A stack file with a domain, a project in it, and a network shared with that."""
    home = {"project": project, "domain": domain}
    config: dict[str, Any] = {
        "openstack": {"cloud": "admin"},
        "domains": [{"name": domain}],
        "projects": [{"name": project, "domain": domain, "quota": {"compute": {"instances": 1}}}],
        "networks": [
            {
                "name": network,
                "segments": [{"physical_network": "physnet1", "vlan": 200}],
                "subnets": [{"name": subnet, "cidr": "10.20.0.0/24"}],
                "shared_with": [home],
                **more,
            }
        ],
    }
    return yaml.safe_dump({"config": {f"private-cloud:{key}": value for key, value in config.items()}})


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def program(tmp_path: Path, log: Path) -> ProgramCopy:
    return stack_with_log(tmp_path, log, STACK, text(CORP, LAB, VMS, V4))


def steps(program: ProgramCopy) -> dict[str, str]:
    """What an up would do to each thing of OpenStack."""
    preview = json.loads(program.succeed("preview", "--json", "--stack", STACK))
    return {
        step["urn"].rpartition("::")[2]: step["op"]
        for step in preview["steps"]
        if "openstack:" in step["urn"].split("::")[2] and step["op"] != "same"
    }


def test_another_spelling_is_an_update_of_what_has_the_name(program: ProgramCopy, log: Path) -> None:
    program.file(STACK).write_text(text("CORP", "lab", "vms", "v4"), encoding="utf-8")
    assert set(steps(program).values()) == {"update"}
    program.succeed("up", "--yes", "--skip-preview", "--stack", STACK)
    assert not log.exists()  # it tells of creates and deletes
    program.succeed("preview", "--expect-no-changes", "--stack", STACK)


def test_renamed_from_counts_in_whichever_spelling(program: ProgramCopy, log: Path) -> None:
    renamed = text(CORP, LAB, "Guests", V4, renamed_from="vms")
    program.file(STACK).write_text(renamed, encoding="utf-8")
    assert steps(program) == {"guests": "update"}
    program.succeed("up", "--yes", "--skip-preview", "--stack", STACK)
    assert not log.exists()


def test_a_state_whose_names_are_spelled_as_in_the_file_changes_nothing(
    program: ProgramCopy, log: Path
) -> None:
    """So were the resources named until 2026-11-28."""
    state = program.succeed("stack", "export", "--stack", STACK)
    for folded, spelled in (("lab@corp", f"{LAB}@{CORP}"), ("vms/v4", f"{VMS}/{V4}"), ("::vms", f"::{VMS}")):
        state = state.replace(folded, spelled)
    program.import_state(STACK, state.replace("/lab@corp", f"/{LAB}@{CORP}").replace("::corp", f"::{CORP}"))
    assert steps(program) == {}
    program.succeed("up", "--yes", "--skip-preview", "--stack", STACK)
    assert not log.exists()
    assert "::vms/v4" in program.succeed("stack", "export", "--stack", STACK)
