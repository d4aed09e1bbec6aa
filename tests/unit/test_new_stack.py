"""`make stack`: a stack file from the template, and what is left to fill in."""

import re
import sys
from pathlib import Path

import pytest
import yaml

from clients.errors import CloudError
from config.load import parse
from operations import new_stack
from operations.stack_file.file import StackFile, mistakes

LEFT = (
    "openstack.cloud: it is empty; give the entry of clouds.yaml with an administrator's login",
    "management.vlan: it is empty; give the management VLAN's ID, a number from 1 to 4094",
    "management.cidr: it is empty; give the management VLAN's addresses, such as '10.10.0.0/24'",
    "domains[0].name: it is empty; give the domain's name, unique in the cloud",
    "projects[0].name: it is empty; give the project's name, unique in its domain",
    "projects[0].domain: it is empty; give the domain it is in, declared or existing",
    "networks[0].name: it is empty; give the network's name, unique among this program's networks",
    "networks[0].segments[0].physical_network: it is empty; give Neutron's name of the physical network, such as 'physnet1'",
    "networks[0].segments[0].vlan: it is empty; give the VLAN ID, a number from 1 to 4094",
)
FILLED = (
    ("cloud:\n", "cloud: cloud-admin\n"),
    ("    vlan:\n", "    vlan: 110\n"),
    ("cidr:\n", "cidr: 192.0.2.0/24\n"),
    ("    - name:\n      # description", "    - name: company\n      # description"),
    ("    - name:\n      domain:\n", "    - name: development\n      domain: company\n"),
    ("    - name:\n      segments", "    - name: developers\n      segments"),
    ("physical_network:\n", "physical_network: physnet1\n"),
    ("          vlan:\n", "          vlan: 120\n"),
)


def filled(text: str) -> str:
    for empty, full in FILLED:
        assert text.count(empty) >= 1, empty
        text = text.replace(empty, full, 1)
    return text


def test_what_is_left_to_fill_in_is_told_a_sentence_a_key(tmp_path: Path) -> None:
    assert tuple(mistakes(new_stack.make("staging", tmp_path))) == LEFT


def test_filled_in_it_is_a_stack_file_without_mistakes(tmp_path: Path) -> None:
    path = new_stack.make("staging", tmp_path)
    path.write_text(filled(path.read_text(encoding="utf-8")), encoding="utf-8")
    assert mistakes(path) == []


def test_what_the_template_shows_in_comments_is_right_too(tmp_path: Path) -> None:
    path = new_stack.make("staging", tmp_path)
    text = filled(path.read_text(encoding="utf-8"))
    shown = re.sub(r"^( +)# ", r"\1", text, flags=re.MULTILINE)
    keys = yaml.safe_load(shown)["config"]
    assert len(keys) == 12
    keys = {key.removeprefix("private-cloud:"): value for key, value in keys.items()}
    keys["domains"][0]["directory"]["bind_password"] = {"file": "password"}
    (tmp_path / "password").write_text("x", encoding="utf-8")
    parse(keys, file_name="template", root=tmp_path)


@pytest.mark.parametrize("name", ["", "a/b", "two words", "x" * 101, "../up", "a$b"])
def test_a_name_that_no_stack_can_have_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(CloudError, match="is no name for a stack"):
        new_stack.make(name, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_stack_that_exists_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "Pulumi.dev.yaml"
    path.write_text("config: {}\n", encoding="utf-8")
    with pytest.raises(CloudError, match=r"Pulumi.dev.yaml is there already"):
        new_stack.make("dev", tmp_path)
    assert path.read_text(encoding="utf-8") == "config: {}\n"


def test_it_makes_the_file_and_nothing_else_and_says_what_to_do_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["new_stack", "--name", "staging"])
    assert new_stack.main() == 0
    assert [path.name for path in tmp_path.iterdir()] == ["Pulumi.staging.yaml"]
    printed = capsys.readouterr().out
    assert [line.removeprefix("  - ") for line in printed.splitlines() if line.startswith("  - ")] == list(
        LEFT
    )
    assert "pulumi stack init staging" in printed
    first_line = StackFile.read(tmp_path / "Pulumi.staging.yaml").text.splitlines()[0]
    assert "`make stack NAME=staging`" in first_line
    assert "`make preview STACK=staging`" in first_line
    assert new_stack.main() == 1
    assert "stack: Pulumi.staging.yaml is there already" in capsys.readouterr().err
