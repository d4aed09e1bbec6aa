"""Which way the engine is got, and when it is kept; the ways themselves are fakes here."""

from pathlib import Path

import pytest

from toolchain import engine, golang, modules, release
from toolchain.failure import Failure, Unavailable
from toolchain.places import Places
from toolchain.receipt import fingerprint

VERSION = "3.259.0"


class Ways:
    """The three ways, each open or closed, with a record of which were tried."""

    def __init__(self) -> None:
        self.tried: list[str] = []
        self.release: Exception | None = None
        self.modules: Exception | None = None

    def fetch(self, version: str, folder: Path) -> None:
        self._fill("release", version, folder, self.release)

    def build(self, version: str, go: golang.Go, folder: Path, places: Places) -> None:
        del go, places
        self._fill("modules", version, folder, self.modules)

    def _fill(self, way: str, version: str, folder: Path, closed: Exception | None) -> None:
        self.tried.append(way)
        if closed is not None:
            raise closed
        for name in release.PROGRAMS:
            script(folder / name, f"echo v{version}  # {way}")


def script(path: Path, body: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


@pytest.fixture
def ways(monkeypatch: pytest.MonkeyPatch) -> Ways:
    made = Ways()
    monkeypatch.setattr(release, "fetch", made.fetch)
    monkeypatch.setattr(modules, "build", made.build)
    monkeypatch.setattr(golang, "choose", lambda: golang.Go("1.26.0", None, "Go 1.26.0"))
    return made


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is first on PATH."""
    folder = tmp_path / "installed"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "checkout")


def install_whole(folder: Path, version: str) -> None:
    for name in release.PROGRAMS:
        script(folder / name, f"echo v{version}")


def test_a_matching_installed_engine_is_taken_first(ways: Ways, installed: Path, places: Places) -> None:
    install_whole(installed, VERSION)
    assert engine.install(VERSION, places).way == engine.INSTALLED
    assert ways.tried == []
    assert (places.bin / "pulumi").resolve() == installed / "pulumi"


@pytest.mark.parametrize("version", ["3.258.0", "3.260.0"])
def test_an_installed_engine_of_another_version_is_passed_over(
    ways: Ways, installed: Path, places: Places, version: str
) -> None:
    install_whole(installed, version)
    made = engine.install(VERSION, places)
    assert made.way == engine.RELEASE
    assert f"is v{version}, needed is v{VERSION}" in made.why
    assert ways.tried == ["release"]


def test_an_installed_engine_without_its_language_host_is_passed_over(
    ways: Ways, installed: Path, places: Places
) -> None:
    install_whole(installed, VERSION)
    (installed / "pulumi-language-python").unlink()
    assert "has no pulumi-language-python beside it" in engine.install(VERSION, places).why
    assert ways.tried == ["release"]


@pytest.mark.parametrize("folder", ["engine/bin", "warm-x"])  # the second is tests/warm's, and forks
def test_an_engine_in_the_checkout_does_not_count_as_installed(
    ways: Ways, places: Places, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    install_whole(places.cloud / folder, VERSION)
    monkeypatch.setenv("PATH", f"{places.cloud / folder}:/usr/bin:/bin")
    assert engine.install(VERSION, places).way == engine.RELEASE
    assert ways.tried == ["release"]


def test_modules_are_built_only_where_the_release_cannot_be_had_and_both_reasons_are_kept(
    ways: Ways, installed: Path, places: Places
) -> None:
    del installed
    ways.release = Unavailable("the mirror answers 404")
    made = engine.install(VERSION, places)
    assert made.way == engine.MODULES
    assert "no pulumi is on PATH and the mirror answers 404" in made.why
    assert ways.tried == ["release", "modules"]


def test_a_checksum_that_does_not_match_stops_everything(ways: Ways, installed: Path, places: Places) -> None:
    del installed
    ways.release = Failure("is not what was released")
    with pytest.raises(Failure, match="is not what was released"):
        engine.install(VERSION, places)
    assert ways.tried == ["release"]
    assert not places.bin.exists()
    assert list(places.staging.iterdir()) == []


def test_an_engine_is_kept_when_nothing_changed(ways: Ways, installed: Path, places: Places) -> None:
    del installed
    ways.release = Unavailable("no way out")
    first = engine.install(VERSION, places)
    assert engine.install(VERSION, places) == first
    assert ways.tried == ["release", "modules"]


def test_an_engine_is_built_again_when_its_sources_change(
    ways: Ways, installed: Path, places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del installed
    source = tmp_path / "go.mod"
    source.write_text("go 1.26")
    monkeypatch.setattr(modules, "sources", lambda: [source])
    ways.release = Unavailable("no way out")
    engine.install(VERSION, places)
    source.write_text("go 1.27")
    engine.install(VERSION, places)
    assert ways.tried == ["release", "modules"] * 2


def test_another_release_address_is_tried_even_if_an_engine_was_built(
    ways: Ways, installed: Path, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    del installed
    ways.release = Unavailable("no way out")
    engine.install(VERSION, places)
    ways.release = None
    monkeypatch.setenv(release.ADDRESS_VARIABLE, "https://mirror.example/pulumi")
    assert engine.install(VERSION, places).way == engine.RELEASE


def test_a_lost_program_is_got_again(ways: Ways, installed: Path, places: Places) -> None:
    del installed
    engine.install(VERSION, places)
    (places.bin / "pulumi-language-python-exec").unlink()
    engine.install(VERSION, places)
    assert ways.tried == ["release", "release"]


def test_an_installation_killed_in_the_middle_is_finished_by_the_next(
    ways: Ways, installed: Path, places: Places
) -> None:
    del installed
    ways.release = KeyboardInterrupt()  # type: ignore[assignment] # ends it where a signal would
    with pytest.raises(KeyboardInterrupt):
        engine.install(VERSION, places)
    assert not places.receipts.exists()
    ways.release = None
    assert engine.install(VERSION, places).had
    assert all((places.bin / name).exists() for name in release.PROGRAMS)


def test_a_file_stands_in_the_place_of_pulumis_logs_unless_somebody_wants_them(places: Places) -> None:
    logs = places.home / "logs"
    engine.leave_out_logs(places)
    engine.leave_out_logs(places)
    assert "put a folder in place of this file" in logs.read_text(encoding="utf-8")
    logs.unlink()
    logs.mkdir()
    engine.leave_out_logs(places)
    assert logs.is_dir()


def test_a_fingerprint_is_the_same_wherever_the_files_lie(tmp_path: Path) -> None:
    prints = set()
    for folders in (("a", "b"), ("b", "a")):
        files = [
            tmp_path / "-".join(folders) / folder / name for folder, name in zip(folders, "xy", strict=True)
        ]
        for file in files:
            file.parent.mkdir(parents=True)
            file.write_text(file.name)
        prints.add(fingerprint("one", files=files))
    assert len(prints) == 1
