"""What an installation says and keeps, beyond the engine itself."""

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from toolchain import __main__ as command
from toolchain import kolla, packages, plugins, progress, receipt, venv
from toolchain.failure import Failure
from toolchain.pins import pinned
from toolchain.places import Places
from toolchain.receipt import Receipt


class ClosedRegistry(plugins.Registry):
    """A registry that is out of reach, and counts how often it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.requests = 0
        self.reason: str | None = "the registry cannot be reached"

    def install(self, name: str, version: str, places: Places) -> str | None:
        del name, version, places
        self.requests += 1
        return self.reason


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path)


def test_an_optional_plugin_that_cannot_be_had_stops_nothing(
    places: Places, capsys: pytest.CaptureFixture[str]
) -> None:
    made = plugins.install_optional("command", "1.2.1", ClosedRegistry(), places, retry=False)
    assert not made.had
    assert capsys.readouterr().err == (
        "toolchain: plugin command 1.2.1 cannot be had, stacks that use it will say so: "
        "the registry cannot be reached\n"
    )


def test_what_could_not_be_had_is_tried_again_only_on_request(places: Places) -> None:
    registry = ClosedRegistry()
    for retry in (False, False, True):
        plugins.install_optional("command", "1.2.1", registry, places, retry=retry)
    assert registry.requests == 2


def test_commands_try_no_downloads_where_something_could_not_be_had(places: Places) -> None:
    setting = "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"
    Receipt("k", "3.259.0", "release", "").write(places.receipts / "engine.json")
    assert setting not in command.environment(places)
    plugins.install_optional("command", "1.2.1", ClosedRegistry(), places, retry=False)
    assert command.environment(places)[setting] == "true"


def test_the_exports_put_the_engine_before_everything_else(places: Places) -> None:
    first, *others = command.exports(places).splitlines()
    assert first == f'export PATH={places.bin}:{places.venv}/bin:{places.kolla}/programs:"$PATH"'
    assert f"export PULUMI_HOME={places.home}" in others
    assert "export PULUMI_SKIP_UPDATE_CHECK=true" in others
    assert "export PYTHONDONTWRITEBYTECODE=''" in others


def test_missing_packages_are_named_to_a_person_who_is_not_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packages, "missing", lambda _: ["python3-rbd", "qemu-utils"])
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(Failure, match=r"only root .* python3-rbd qemu-utils$"):
        packages.install(tmp_path)


def test_a_package_that_debian_does_not_have_counts_as_missing() -> None:
    assert packages.missing(("dpkg", "no-such-package")) == ["no-such-package"]


def test_the_environment_is_kept_while_the_pins_are_the_same_and_made_anew_when_one_changes(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[list[str]] = []

    def run(arguments: list[str], *_: object, **__: object) -> None:
        ran.append(arguments)
        (places.venv / "bin").mkdir(parents=True, exist_ok=True)
        (places.venv / "bin" / "python").touch()

    monkeypatch.setattr(venv, "run", run)
    monkeypatch.setattr(venv, "link_debian_modules", lambda _: None)
    for file in places.requirements:
        file.parent.mkdir(exist_ok=True)
        file.write_text("pulumi==3.259.0\n")
    for _ in range(2):
        venv.install(places)
    assert len(ran) == 2  # the environment, and pip, once
    places.requirements[1].write_text("pytest==9.2.0\n")
    (places.venv / "left-over").touch()
    venv.install(places)
    assert len(ran) == 4
    assert not (places.venv / "left-over").exists()


def test_the_environment_is_made_by_debians_python_whichever_runs_the_toolchain(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in places.requirements:
        file.parent.mkdir(exist_ok=True)
        file.touch()
    before = venv.key(places.venv, places.requirements)
    monkeypatch.setattr("sys.version", "3.12.1 (another)")
    monkeypatch.setattr("sys.executable", "/opt/another/python3")
    assert venv.key(places.venv, places.requirements) == before
    assert venv.PYTHON == "/usr/bin/python3"


def test_kollas_environment_puts_its_programs_on_path_and_its_python_not(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*_: object, **__: object) -> None:
        (places.kolla / "bin").mkdir(parents=True, exist_ok=True)
        for name in ("python", *kolla.PROGRAMS):
            (places.kolla / "bin" / name).touch()

    monkeypatch.setattr(venv, "run", run)
    kolla.install(places)
    linked = {link.name for link in places.kolla_programs.iterdir() if link.exists()}
    assert linked == set(kolla.PROGRAMS)
    assert receipt.read(places.kolla / "receipt.json") is not None


def test_every_requirement_of_kolla_is_pinned_exactly() -> None:
    text = Places().kolla_requirements.read_text()
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert lines
    assert [line for line in lines if "==" not in line or "*" in line] == []


def test_a_package_without_a_pin_is_named(tmp_path: Path) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text("pulumi_openstack==5.5.3\n")
    assert pinned(file, "pulumi-openstack") == "5.5.3"
    with pytest.raises(Failure, match=r"pins no version of pulumi: add pulumi==X\.Y\.Z to"):
        pinned(file, "pulumi")


def test_half_a_receipt_is_no_receipt(tmp_path: Path) -> None:
    path = tmp_path / "engine.json"
    Receipt("key", "1", "release", "").write(path)
    path.write_text(path.read_text()[:20])
    assert receipt.read(path) is None


def test_a_fingerprint_tells_apart_what_its_parts_joined_would_not(tmp_path: Path) -> None:
    one, two = tmp_path / "a", tmp_path / "b"
    one.write_text("x")
    two.write_text("y")
    before = receipt.fingerprint("ab", "c", files=[one, two])
    assert before != receipt.fingerprint("a", "bc", files=[one, two])
    one.write_text("xb")
    assert before != receipt.fingerprint("ab", "c", files=[one, two])


@pytest.mark.parametrize("holds", [True, False])
def test_what_a_killed_installation_left_running_keeps_the_next_one_waiting(
    tmp_path: Path, *, holds: bool
) -> None:
    with (tmp_path / "lock").open("w") as lock:
        os.set_inheritable(lock.fileno(), True)
        descriptor = f"/proc/self/fd/{lock.fileno()}"
        found = tmp_path / "log"
        progress.run(["sh", "-c", f"readlink {descriptor} || true"], "looking", found, holds_lock=holds)
        assert found.read_text().strip() == (lock.name if holds else "")


def test_a_program_that_fails_is_named_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(Failure, match=r"^baking failed after 0 s: ERROR: no flour \(all of it in .*/log\)$"):
        progress.run(["sh", "-c", "echo 'ERROR: no flour.'; echo bye; exit 3"], "baking", tmp_path / "log")


def test_a_program_that_hangs_is_ended_at_its_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []

    class Recorded(subprocess.Popen[bytes]):
        def __init__(self, *words: Any, **options: Any) -> None:
            super().__init__(*words, **options)
            started.append(self)

    monkeypatch.setattr(subprocess, "Popen", Recorded)
    with pytest.raises(Failure, match="waiting: not done after 0 s"):
        progress.run(["sleep", "60"], "waiting", tmp_path / "log", limit=0.1)
    (child,) = started
    assert child.returncode == -signal.SIGKILL
