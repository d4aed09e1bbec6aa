"""The official release, fetched from a server on loopback that plays a company's mirror."""

import hashlib
import io
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from toolchain import release
from toolchain.failure import Failure, Unavailable

VERSION = "3.259.0"
ARCHIVE = f"pulumi-v{VERSION}-linux-x64.tar.gz"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass


class Mirror:
    """A folder that is served."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / f"v{VERSION}"
        self.folder.mkdir(parents=True)

    def publish(self, programs: tuple[str, ...] = release.PROGRAMS) -> bytes:
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            for name in (*programs, "../../outside"):
                content = f"#!/bin/sh\necho {name}\n".encode()
                member = tarfile.TarInfo(f"pulumi/{name}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        (self.folder / ARCHIVE).write_bytes(packed.getvalue())
        self.list_checksum(hashlib.sha256(packed.getvalue()).hexdigest())
        return packed.getvalue()

    def list_checksum(self, digest: str, archive: str = ARCHIVE) -> None:
        (self.folder / f"pulumi-{VERSION}-checksums.txt").write_text(
            f"{'0' * 64}  other\n{digest}  {archive}\n"
        )


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    served = tmp_path / "served"
    made = Mirror(served)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(served))) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        monkeypatch.setenv(release.ADDRESS_VARIABLE, f"http://127.0.0.1:{server.server_port}/")
        monkeypatch.setenv("no_proxy", "*")
        monkeypatch.setattr("platform.machine", lambda: "x86_64")
        yield made
        server.shutdown()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "fetched"
    made.mkdir()
    return made


def test_a_verified_release_leaves_its_programs_and_nothing_else(mirror: Mirror, folder: Path) -> None:
    mirror.publish()
    release.fetch(VERSION, folder)
    assert {path.name for path in folder.iterdir()} == set(release.PROGRAMS)
    assert not [path for path in folder.iterdir() if not path.stat().st_mode & 0o111]
    assert sorted(path.name for path in folder.parent.iterdir()) == ["fetched", "served"], (
        "nothing leads out of it"
    )


def test_a_changed_archive_is_refused_and_named_with_both_checksums(mirror: Mirror, folder: Path) -> None:
    content = mirror.publish() + b"changed on the way"
    (mirror.folder / ARCHIVE).write_bytes(content)
    with pytest.raises(Failure, match=r"is not what was released") as refused:
        release.fetch(VERSION, folder)
    assert hashlib.sha256(content).hexdigest() in str(refused.value)
    assert list(folder.iterdir()) == []


def test_an_archive_that_the_checksum_list_does_not_name_is_refused(mirror: Mirror, folder: Path) -> None:
    mirror.publish()
    mirror.list_checksum("a" * 64, archive="pulumi-v3.258.0-linux-x64.tar.gz")
    with pytest.raises(Failure, match=r"has no line for pulumi-v3\.259\.0-linux-x64"):
        release.fetch(VERSION, folder)


def test_an_archive_without_the_language_host_is_refused(mirror: Mirror, folder: Path) -> None:
    mirror.publish(programs=("pulumi",))
    with pytest.raises(Failure, match="has no pulumi/pulumi-language-python:"):
        release.fetch(VERSION, folder)


def test_a_mirror_that_lacks_the_release_leaves_the_next_way_open(mirror: Mirror, folder: Path) -> None:
    del mirror
    with pytest.raises(Unavailable, match="answers 404"):
        release.fetch(VERSION, folder)


def test_a_host_that_refuses_leaves_the_next_way_open(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv(release.ADDRESS_VARIABLE, "http://127.0.0.1:9")
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:9 cannot be reached \(Connection refused\)"):
        release.fetch(VERSION, folder)


def test_a_host_that_answers_anything_counts_as_reachable(mirror: Mirror) -> None:
    del mirror
    assert release.reachable(release.address() + "/nothing-here") is None
    assert "cannot be reached" in (release.reachable("http://127.0.0.1:9/") or "")
