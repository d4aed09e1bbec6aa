"""The Python language host under the real engine: tiny programs, state in a folder of the test."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from toolchain import receipt
from toolchain.__main__ import environment
from toolchain.engine import MODULES
from toolchain.places import Places

PLACES = Places()
ENGINE = receipt.read(PLACES.receipts / "engine.json")
COMMAND = receipt.read(PLACES.receipts / "plugin-command.json")


class Project:
    """A project folder with one stack, in a Pulumi home of its own."""

    def __init__(self, folder: Path, virtualenv: str = str(PLACES.venv)) -> None:
        self.folder = folder / "project"
        self.folder.mkdir(parents=True)
        (folder / "state").mkdir()
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PULUMI_", "OS_"))}
        self.environment = kept | environment(PLACES)
        self.environment["PATH"] = os.pathsep.join([str(PLACES.bin), "/usr/bin", "/bin"])
        self.environment["PULUMI_HOME"] = str(folder / "home")
        self.environment["PULUMI_BACKEND_URL"] = (folder / "state").as_uri()
        self.environment["PULUMI_CONFIG_PASSPHRASE"] = "test"
        options = f"options: {{virtualenv: {virtualenv}}}" if virtualenv else ""
        self.write("Pulumi.yaml", f"name: tiny\nruntime:\n  name: python\n  {options}\n")

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    def program(self, text: str) -> None:
        self.write("__main__.py", text)
        self.pulumi("stack", "init", "dev")

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [PLACES.bin / "pulumi", *arguments, "--non-interactive", "--color=never"],
            cwd=self.folder, env=self.environment, text=True, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def pulumi(self, *arguments: str, code: int = 0) -> str:
        """Run pulumi, which must end with this code; return what it printed."""
        child = self.start(*arguments)
        printed, _ = child.communicate(timeout=120)
        assert (child.returncode == 0) == (code == 0), printed
        return printed

    def up(self, *arguments: str, code: int = 0) -> str:
        return self.pulumi("up", "--yes", "--skip-preview", *arguments, code=code)

    def processes(self) -> list[str]:
        """The command lines of all processes that run in this project's environment."""
        found = []
        mark = f"PULUMI_HOME={self.environment['PULUMI_HOME']}".encode()
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (process / "environ").read_bytes().split(b"\0"):
                    found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue  # it ended meanwhile
        return [line for line in found if line]

    def wait_for_no_process(self) -> None:
        deadline = time.monotonic() + 15
        while (left := self.processes()) and time.monotonic() < deadline:
            time.sleep(0.2)
        assert left == []


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


THING = """
import sys, pulumi
from pulumi.dynamic import CreateResult, Resource, ResourceProvider

class Provider(ResourceProvider):
    def create(self, props):
        print(f"creating a thing of size {int(props['size'])}", file=sys.stderr, flush=True)
        return CreateResult("made", {**props, "python": sys.prefix})

class Thing(Resource, module="test", name="Thing"):
    python: pulumi.Output[str]
    def __init__(self, name, size, opts=None):
        super().__init__(Provider(), name, {"size": size, "python": None}, opts)
"""


def test_a_program_and_its_dynamic_resource_run_in_the_virtualenv_that_the_project_names(
    project: Project,
) -> None:
    project.write("thing.py", THING)
    project.program(
        "import sys, pulumi\n"
        "from thing import Thing\n"
        "pulumi.export('program', sys.prefix)\n"
        "pulumi.export('provider', Thing('a', 1).python)\n"
    )
    printed = project.up()
    assert "creating a thing of size 1" in printed
    for output in ("program", "provider"):
        assert project.pulumi("stack", "output", output).strip() == str(PLACES.venv)


def test_a_second_preview_is_empty_and_destroy_leaves_nothing(project: Project) -> None:
    project.write("thing.py", THING)
    project.program("from thing import Thing\nThing('a', 1)\n")
    project.up()
    project.pulumi("preview", "--expect-no-changes")
    project.pulumi("destroy", "--yes", "--skip-preview")
    (left,) = json.loads(project.pulumi("stack", "ls", "--json"))
    assert left["resourceCount"] == 0


def test_a_virtualenv_is_found_relative_to_the_project(tmp_path: Path) -> None:
    project = Project(tmp_path, virtualenv="here")
    (project.folder / "here").symlink_to(PLACES.venv)
    project.program("import sys, pulumi\npulumi.export('program', sys.prefix)\n")
    project.up()
    assert project.pulumi("stack", "output", "program").strip() == str(project.folder / "here")


def test_what_a_program_prints_is_shown(project: Project) -> None:
    project.program("import sys\nprint('to output')\nprint('to error', file=sys.stderr)\n")
    printed = project.up()
    assert "to output" in printed
    assert "to error" in printed


def test_configuration_reaches_the_program_and_secrets_stay_secret(project: Project) -> None:
    project.program(
        "import pulumi\n"
        "config = pulumi.Config()\n"
        "assert config.require_object('list') == ['ä', 2]\n"
        "pulumi.export('password', config.require_secret('password'))\n"
        "pulumi.export('where', [pulumi.get_project(), pulumi.get_stack(), pulumi.runtime.is_dry_run()])\n"
    )
    project.pulumi("config", "set", "list", '["ä", 2]')
    project.pulumi("config", "set", "--secret", "password", "hunter2")
    printed = project.up()
    assert "hunter2" not in printed
    assert project.pulumi("stack", "output", "password", "--show-secrets").strip() == "hunter2"
    assert json.loads(project.pulumi("stack", "output", "where", "--json")) == ["tiny", "dev", False]


def test_an_exception_is_shown_once_from_the_users_own_line(project: Project) -> None:
    project.program("def broken():\n    raise ValueError('this value')\n\nbroken()\n")
    printed = project.up(code=1)
    # Once while it runs, once in the summary: the engine prints each diagnostic in both.
    assert printed.count("ValueError: this value") == 1
    assert "line 4, in <module>" in printed
    assert "runpy" not in printed
    assert "exited with code" not in printed


def test_a_program_that_ends_without_a_word_is_said_to_have_failed(project: Project) -> None:
    project.program("import os\nos._exit(7)\n")
    assert "the Python program exited with code 7" in project.up(code=1)


def test_a_missing_virtualenv_is_named(tmp_path: Path) -> None:
    project = Project(tmp_path, virtualenv="not-made")
    project.program("")
    printed = project.up(code=1)
    assert "runtime option virtualenv: not-made names no virtual environment" in printed


@pytest.mark.skipif(ENGINE is None or ENGINE.way != MODULES, reason="the official language host does more")
def test_an_option_that_only_the_official_host_knows_is_refused_by_name(project: Project) -> None:
    project.write("Pulumi.yaml", "name: tiny\nruntime: {name: python, options: {toolchain: poetry}}\n")
    project.program("")
    assert "runtime option toolchain: poetry is not supported" in project.up(code=1)


POLICY = """
from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy

def check(args, report):
    if args.resource_type.endswith(":Thing") and args.props["size"] > 1:
        report(f"{args.name} is too big")

PolicyPack("tiny-rules", enforcement_level=EnforcementLevel.MANDATORY, policies=[
    ResourceValidationPolicy(name="size", description="Things are small", validate=check)])
"""


@pytest.fixture
def policed(project: Project) -> Project:
    project.write("thing.py", THING)
    project.write(
        "rules/PulumiPolicy.yaml", f"runtime: {{name: python, options: {{virtualenv: {PLACES.venv}}}}}\n"
    )
    project.write("rules/__main__.py", POLICY)
    return project


def test_a_policy_pack_stops_what_it_forbids_before_it_is_made(policed: Project) -> None:
    policed.program("from thing import Thing\nThing('fine', 1)\nThing('big', 2)\n")
    printed = policed.pulumi("preview", "--policy-pack", "rules", code=1)
    assert "big is too big" in printed
    assert "fine is too big" not in printed
    assert "creating a thing of size 2" not in policed.up("--policy-pack", "rules", code=1)


def test_a_policy_pack_lets_pass_what_it_allows(policed: Project) -> None:
    policed.program("from thing import Thing\nThing('fine', 1)\n")
    assert "tiny-rules" in policed.up("--policy-pack", "rules")


def test_a_broken_policy_pack_fails_with_its_own_traceback(policed: Project) -> None:
    policed.write("rules/__main__.py", "raise ValueError('these rules')\n")
    policed.program("")
    assert "ValueError: these rules" in policed.pulumi("preview", "--policy-pack", "rules", code=1)


def test_where_a_file_is_in_the_place_of_its_logs_pulumi_works_and_leaves_it_as_it_is(
    project: Project,
) -> None:
    logs = Path(project.environment["PULUMI_HOME"]) / "logs"
    logs.parent.mkdir(parents=True)
    logs.write_text("no logs\n")
    project.program("")
    project.up()
    assert logs.read_text() == "no logs\n"


SLEEPER = "import pathlib, time\npathlib.Path('running').touch()\ntime.sleep(600)\n"


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} was not made within a minute"
        time.sleep(0.1)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_update_ends_quietly_and_leaves_no_process(
    project: Project, number: signal.Signals
) -> None:
    project.program(SLEEPER)
    child = project.start("up", "--yes", "--skip-preview")
    wait_for(project.folder / "running")
    child.send_signal(number)
    time.sleep(1)
    child.send_signal(number)  # a second one does not wait for the program
    printed, _ = child.communicate(timeout=60)
    assert child.returncode != 0
    assert "Traceback" not in printed
    project.wait_for_no_process()


def test_a_killed_engine_leaves_no_process(project: Project) -> None:
    project.program(SLEEPER)
    child = project.start("up", "--yes", "--skip-preview")
    wait_for(project.folder / "running")
    assert project.processes() != []
    child.kill()
    child.communicate(timeout=60)
    project.wait_for_no_process()


@pytest.mark.skipif(COMMAND is None or COMMAND.had, reason="the command plugin could be had")
def test_a_plugin_that_could_not_be_had_fails_only_the_stack_that_uses_it_and_in_one_sentence(
    project: Project,
) -> None:
    project.program(
        "import pulumi\n"
        "if pulumi.Config().get_bool('uses_it'):\n"
        "    import pulumi_command\n"
        "    pulumi_command.local.Command('c', create='true')\n"
    )
    project.up()
    project.pulumi("config", "set", "uses_it", "true")
    started = time.monotonic()
    printed = project.up(code=1).partition("Diagnostics:")[2]
    errors = [line.strip() for line in printed.splitlines() if "error:" in line]
    assert len(errors) == 1
    assert "no resource plugin 'pulumi-resource-command' found" in errors[0]
    assert time.monotonic() - started < 10  # no retries against a registry that cannot be reached
