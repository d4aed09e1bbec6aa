"""A domain's file through Kolla under the real engine, with a FAKE pulumi-command and a FAKE kolla-ansible.

The fake plugin really runs the commands, here. What this does not prove: that the published plugin does the
same, and that Kolla brings the file into Keystone's containers. docs/real-cloud.md says what was tried by hand
with the real Kolla-Ansible.
"""

import json
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.program_copy import ROOT, ProgramCopy

FAKE = Path(__file__).parent / "fakes" / "fake_command_plugin" / "fake_command.py"
PLUGIN = "resource-command-v1.2.1"
SECRET = "bind-Passw0rd {{ 'x' }} {% y %} $HOME `id` 'q' \"d\""
TEXT = f"[identity]\ndriver = ldap\n\n[ldap]\npassword = {SECRET}\n"
DOMAIN = 'corp & it\'s `people` "here"'
HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKEFAK"

PROGRAM = """
from pathlib import Path
import pulumi
from config.kolla import KollaSpec
from components.identity.kolla_domain_file import KollaDomainFile

config = pulumi.Config("private-cloud")
KollaDomainFile(
    "corp",
    domain=config.require("domain"),
    text=pulumi.Output.secret(Path(config.require("text")).read_text()),
    kolla=KollaSpec.model_validate(config.require_object("kolla")),
)
"""


@dataclass(frozen=True)
class Kolla:
    """A deployment machine's folders, with a program that copies of this test's stack use."""

    program: ProgramCopy
    folder: Path

    @property
    def spec(self) -> dict[str, object]:
        return {
            "configdir": str(self.folder / "etc kolla"),
            "inventory": str(self.folder / "multi 'node"),
            "command": str(self.folder / "kolla" / "kolla-ansible"),
        }

    def declare(self, text: str = TEXT, domain: str = DOMAIN, **changes: object) -> None:
        file = self.folder / "text"
        file.write_text(text, encoding="utf-8")
        content = yaml.safe_load(self.program.file("test").read_text(encoding="utf-8"))
        content["config"] = {
            "private-cloud:domain": domain,
            "private-cloud:text": str(file),
            "private-cloud:kolla": self.spec | changes,
        }
        self.program.file("test").write_text(yaml.safe_dump(content), encoding="utf-8")

    def up(self) -> str:
        return self.program.succeed("up", "--yes", "--skip-preview", "--stack", "test")

    def file(self, domain: str = DOMAIN, configuration: str = "etc kolla/config") -> Path:
        return self.folder / configuration / "keystone" / "domains" / f"keystone.{domain}.conf"

    def runs(self) -> list[list[str]]:
        """The arguments of each run of a fake, with its name first."""
        log = self.folder / "runs"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    def commands(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in (self.folder / "commands").read_text().splitlines()]

    @property
    def reconfigure(self) -> list[str]:
        return [
            "kolla-ansible",
            "reconfigure",
            *("--configdir", str(self.spec["configdir"])),
            *("--inventory", str(self.spec["inventory"])),
            *("--tags", "keystone"),
        ]


def program_file(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


@pytest.fixture
def kolla(tmp_path: Path) -> Kolla:
    home = tmp_path / "home"
    program_file(
        home / "plugins" / PLUGIN / "pulumi-resource-command",
        f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" "{FAKE}" "$@"\n',
    )
    log = tmp_path / "runs"
    for name in (
        "kolla-ansible",
        "ansible",
    ):  # FAKES: they record their arguments, and read what they are given
        program_file(
            tmp_path / "kolla" / name,
            f"#!{sys.executable}\n"
            "import json, os, sys\n"
            "assert os.environ['ANSIBLE_DIFF_ALWAYS'] == 'False'\n"
            "print('stdin:', sys.stdin.read())\n"
            f"with open({str(log)!r}, 'a') as log:\n"
            f"    log.write(json.dumps([{name!r}, *sys.argv[1:]]) + '\\n')\n"
            f"sys.exit(os.path.exists({str(tmp_path / 'fails')!r}))\n",
        )
    program = ProgramCopy.make(
        tmp_path / "copy", {"PULUMI_HOME": str(home), "FAKE_COMMAND_LOG": str(tmp_path / "commands")}
    )
    (program.folder / "__main__.py").unlink()
    (program.folder / "__main__.py").write_text(PROGRAM, encoding="utf-8")
    program.stack("test", "config: {}\n")
    made = Kolla(program, tmp_path)
    made.declare()
    return made


def rendered(file: Path) -> str:
    """What Ansible's template module makes of FILE; Jinja's own rules, without its variables."""
    text = file.read_text(encoding="utf-8")
    for mark in ("{{", "{%", "{#"):
        text = text.replace(f"{{{{ '{mark}' }}}}", f"\0{mark[1]}")
    assert not any(mark in text for mark in ("{{", "{%", "{#"))
    return text.replace("\0", "{")


def test_up_writes_the_file_for_its_owner_alone_and_reconfigures_keystone(kolla: Kolla) -> None:
    kolla.up()
    assert rendered(kolla.file()) == TEXT
    assert stat.S_IMODE(kolla.file().stat().st_mode) == 0o600
    assert [path.name for path in kolla.file().parents[1].iterdir()] == ["domains"]
    assert kolla.runs() == [kolla.reconfigure]


def test_nothing_runs_where_nothing_changed(kolla: Kolla) -> None:
    kolla.up()
    kolla.program.succeed("preview", "--expect-no-changes", "--stack", "test")
    kolla.program.succeed("preview", "--refresh", "--expect-no-changes", "--stack", "test")
    kolla.up()
    assert len(kolla.runs()) == 1


def test_another_text_is_written_and_applied_again(kolla: Kolla) -> None:
    kolla.up()
    kolla.declare(text="[identity]\ndriver = ldap\n")
    printed = kolla.up()
    assert "1 updated" in printed
    assert rendered(kolla.file()) == "[identity]\ndriver = ldap\n"
    assert stat.S_IMODE(kolla.file().stat().st_mode) == 0o600
    assert kolla.runs() == [kolla.reconfigure, kolla.reconfigure]


def test_a_run_that_failed_is_run_again(kolla: Kolla) -> None:
    (kolla.folder / "fails").touch()
    assert kolla.program.pulumi("up", "--yes", "--skip-preview", "--stack", "test").returncode != 0
    (kolla.folder / "fails").unlink()
    kolla.up()
    assert rendered(kolla.file()) == TEXT
    assert len(kolla.runs()) == 2


def test_another_folder_moves_the_file(kolla: Kolla) -> None:
    kolla.up()
    kolla.declare(config_folder=str(kolla.folder / "overrides"))
    kolla.up()
    assert not kolla.file().exists()
    assert rendered(kolla.file(configuration="overrides")) == TEXT


def test_removal_removes_the_file_here_and_on_keystones_hosts_and_reconfigures(kolla: Kolla) -> None:
    kolla.up()
    kolla.program.succeed("destroy", "--yes", "--skip-preview", "--stack", "test")
    assert not kolla.file().exists()
    forget, reconfigure = kolla.runs()[1:]
    assert forget[:2] == ["ansible", "keystone"]
    found = json.loads(forget[forget.index("--args") + 1])
    assert found == {
        "path": "{{ node_config_directory | default('/etc/kolla') }}/keystone/domains/" + kolla.file().name,
        "state": "absent",
    }
    assert forget[forget.index("--extra-vars") + 1] == f"@{kolla.spec['configdir']}/globals.yml"
    assert reconfigure == kolla.reconfigure


def test_the_secret_is_in_no_argument_no_output_and_not_in_the_clear_in_state(kolla: Kolla) -> None:
    printed = kolla.up()
    printed += kolla.program.succeed("preview", "--diff", "--stack", "test")
    kolla.declare(text=TEXT.replace("ldap", "sql", 1))
    printed += kolla.program.succeed("up", "--yes", "--diff", "--stack", "test")
    state = kolla.program.succeed("stack", "export", "--stack", "test")
    files = "".join(
        path.read_text(errors="replace")
        for path in (kolla.folder / "copy" / "state").rglob("*")
        if path.is_file()
    )
    shown = json.dumps([kolla.commands(), kolla.runs()])
    for place in (printed, state, files, shown):
        assert "Passw0rd" not in place
    revealed = kolla.program.succeed("stack", "export", "--show-secrets", "--stack", "test")
    assert "Passw0rd" in revealed  # so the looks above could have found it


def test_a_host_is_reached_with_its_host_key_and_the_key_of_the_account(kolla: Kolla) -> None:
    key = kolla.folder / "key"
    key.write_text("PRIVATE-KEY-OF-KOLLA\n")
    host = {
        "address": "deploy.corp.example",
        "user": "kolla",
        "private_key": {"file": str(key)},
        "host_key": HOST_KEY,
    }
    kolla.declare(host=host)
    printed = kolla.up()
    assert "command:remote:Command corp created" in printed
    (command,) = kolla.commands()
    assert command["connection"] == {
        "host": "deploy.corp.example",
        "port": 22,
        "user": "kolla",
        "privateKey": "PRIVATE-KEY-OF-KOLLA",
        "hostKey": HOST_KEY,
        "dialErrorLimit": 10,
        "perDialTimeout": 15,
    }
    assert rendered(kolla.file()) == TEXT
    assert "PRIVATE-KEY" not in printed + kolla.program.succeed("stack", "export", "--stack", "test")


def test_a_domain_that_cannot_be_a_files_name_gets_a_sentence(kolla: Kolla) -> None:
    kolla.declare(domain="corp/people")
    done = kolla.program.pulumi("preview", "--stack", "test")
    assert done.returncode != 0
    assert (
        "domain 'corp/people' cannot be part of a file's name for Kolla; give it a name without '/'"
        in done.stdout
    )
    assert "Traceback" not in done.stdout


def test_a_stack_that_needs_the_plugin_says_so_where_it_cannot_be_had(kolla: Kolla) -> None:
    plugin = kolla.folder / "home" / "plugins" / PLUGIN / "pulumi-resource-command"
    plugin.unlink()
    plugin.parent.rmdir()
    # As `python3 -m toolchain env` sets it where a plugin could not be had.
    environment = {**kolla.program.environment, "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true"}
    done = ProgramCopy(kolla.program.folder, environment).pulumi("preview", "--stack", "test")
    assert done.returncode != 0
    assert (
        "error: no resource plugin 'pulumi-resource-command' found in the workspace at version v1.2.1"
        in done.stdout
    )
    assert "Traceback" not in done.stdout
