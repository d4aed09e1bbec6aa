"""`pulumi up` of an image: what it shows while it takes long, and what Ctrl-C leaves."""

import hashlib
import http.server
import os
import re
import secrets
import signal
import subprocess
import threading
import time

import pytest
import yaml

from dynamic_providers.rbd_image.generation import generation_id
from tests.lab.cloud_stack import lab_environment
from tests.lab.golden_image import MIB, glance, raw_digest_in_rbd, rbd_names, recorded_names
from tests.program_copy import ProgramCopy

STACK = "image"
PROGRESS = re.compile(r"fetching: +[0-9]+%, [0-9]+ MiB/s, [0-9]+ s left")
PIECES, PAUSE_S = 26, 0.5  # so that fetching takes longer than two intervals between lines


@pytest.fixture(autouse=True)
def at_the_lab(lab, monkeypatch):
    """The lab's accounts in this process."""
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(lab.clouds))
    monkeypatch.setenv("CEPH_CONF", str(lab.ceph_conf))


@pytest.fixture
def name():
    return f"test-{secrets.token_hex(4)}"


@pytest.fixture
def declared(tmp_path, name):
    """Declares one RAW image; the program that has it. It is destroyed afterwards, and nothing of it is left."""
    program = ProgramCopy.make(tmp_path / "stack", lab_environment() | {"XDG_CACHE_HOME": str(tmp_path)})

    def declare(source, sha256):
        config = {
            "private-cloud:openstack": {"cloud": "lab-admin"},
            "private-cloud:image_store": {
                "cloud": "lab-image-import",
                "pool": "images",
                "ceph_user": "image-import",
            },
            "private-cloud:images": [
                {"name": name, "source": str(source), "sha256": sha256, "source_format": "raw"}
            ],
        }
        program.stack(STACK, yaml.safe_dump({"config": config}, sort_keys=False))
        made.append(generation_id(f"private-cloud/{STACK}", name, sha256))
        return program

    made: list[str] = []
    yield declare
    program.succeed("state", "unprotect", "--all", "--yes", "--stack", STACK)
    program.succeed("destroy", "--yes", "--skip-preview", "--stack", STACK)
    assert not set(made) & (rbd_names() | recorded_names())


def noise(path, mib):
    """A RAW disk of that size whose every piece differs; its SHA-256 and SHA-512."""
    with path.open("wb") as file:
        for number in range(mib):
            file.write(hashlib.shake_128(str(number).encode()).digest(4096) * (MIB // 4096))
    found = []
    for algorithm in ("sha256", "sha512"):
        with path.open("rb") as file:
            found.append(hashlib.file_digest(file, algorithm).hexdigest())
    return found


@pytest.fixture
def slow_server(lab, tmp_path):
    """A web server on loopback that sends a RAW disk in pieces, with a pause after each."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", str(PIECES * MIB))
            self.end_headers()
            with (tmp_path / "disk.raw").open("rb") as file:
                while piece := file.read(MIB):
                    self.wfile.write(piece)
                    time.sleep(PAUSE_S)

        def log_message(self, *_):
            """Say nothing."""

    server = http.server.ThreadingHTTPServer((lab.address, 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://{lab.address}:{server.server_address[1]}/disk.raw"
    server.shutdown()
    server.server_close()
    thread.join()


def test_an_import_that_takes_long_shows_percent_speed_and_time_left_at_most_every_five_seconds(
    declared, slow_server, tmp_path
):
    sha256, _ = noise(tmp_path / "disk.raw", PIECES)
    program = declared(slow_server, sha256)
    started = time.monotonic()
    printed = program.succeed("up", "--yes", "--skip-preview", "--stack", STACK)
    elapsed = time.monotonic() - started
    lines = set(PROGRESS.findall(printed))  # each is shown as it comes, and again at the end
    assert 1 <= len(lines) <= elapsed / 5
    assert re.search(rf"fetching: {PIECES} MiB in [0-9.]+ s \([0-9]+ MiB/s\)", printed)


def test_ctrl_c_in_mid_import_ends_up_with_a_true_state_and_the_next_up_converges_without_orphans(
    declared, name, tmp_path
):
    sha256, sha512 = noise(tmp_path / "disk.raw", 300)
    program = declared(tmp_path / "disk.raw", sha256)
    image_id = generation_id(f"private-cloud/{STACK}", name, sha256)
    with (tmp_path / "up.log").open("w+", encoding="utf-8") as log:
        up = subprocess.Popen(
            ["pulumi", "up", "--yes", "--skip-preview", "--stack", STACK, "--non-interactive"],
            cwd=program.folder,
            env=dict(program.cold.environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        deadline = time.monotonic() + 120
        while image_id not in rbd_names():
            assert up.poll() is None, "up ended before anything was in RBD"
            assert time.monotonic() < deadline
        os.killpg(up.pid, signal.SIGINT)
        up.wait(timeout=300)
        log.seek(0)
        printed = log.read()
    assert up.returncode != 0, printed
    assert "cancel" in printed.lower()
    assert "locked by" not in program.pulumi("stack", "--stack", STACK).stdout
    known = program.succeed("stack", "export", "--stack", STACK)
    assert '"pending_operations"' not in known
    assert (image_id in known) == (glance(image_id) is not None and glance(image_id)["status"] == "active")
    program.succeed("up", "--yes", "--skip-preview", "--stack", STACK)
    assert raw_digest_in_rbd(image_id) == sha512
    assert [image for image in rbd_names() if image == image_id] == [image_id]
    program.succeed("preview", "--refresh", "--expect-no-changes", "--stack", STACK)
