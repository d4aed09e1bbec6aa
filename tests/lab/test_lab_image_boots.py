"""The lab's image is a real one: a machine starts from it."""

import hashlib
import os
import selectors
import subprocess
import time
import uuid

import pytest
import rbd

from clients import ceph
from dynamic_providers.rbd_image.provider import RbdImageProvider

pytestmark = [pytest.mark.xdist_group(name="ceph"), pytest.mark.nightly]

SECONDS = 300
USER = "image-import"


@pytest.fixture
def clone(lab, monkeypatch):
    """A clone of the golden image's protected snapshot, as a virtual machine's volume would be."""
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(lab.clouds))
    monkeypatch.setenv("CEPH_CONF", str(lab.ceph_conf))
    digest, name = (lab.images / "SHA256SUMS").read_text().split()
    volume = f"test-boot-{uuid.uuid4().hex[:8]}"
    inputs = {"name": volume, "source": str(lab.images / name), "sha256": digest, "pool": "images"}
    access = {"cloud": "lab-image-import", "ceph_user": USER, "owner_stack": "private-cloud/test-boot"}
    provider = RbdImageProvider()
    golden = provider.create(inputs | access)
    assert golden.outs
    with ceph.pool("images", USER) as pool:
        rbd.RBD().clone(pool.ioctx, golden.outs["glance_id"], "snap", pool.ioctx, volume)
        yield f"rbd:images/{volume}:id={USER}:conf={lab.ceph_conf}"
        rbd.RBD().remove(pool.ioctx, volume)
    provider.delete(golden.id, golden.outs)


def console(machine: subprocess.Popen[bytes], until: bytes, seconds: float) -> bytes:
    """What the machine writes to its serial console, up to `until`."""
    assert machine.stdout
    seen = b""
    deadline = time.monotonic() + seconds
    with selectors.DefaultSelector() as ready:
        ready.register(machine.stdout, selectors.EVENT_READ)
        while until not in seen and time.monotonic() < deadline:
            if ready.select(timeout=1):
                piece = os.read(machine.stdout.fileno(), 65536)
                if not piece:
                    break
                seen += piece
    return seen


def test_a_machine_boots_to_its_login_prompt_from_a_clone_in_ceph(clone):
    command = ["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "1", "-m", "512"]
    command += ["-nodefaults", "-no-reboot", "-display", "none", "-serial", "stdio"]
    command += ["-drive", f"file={clone},format=raw,if=virtio,cache=writeback"]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as machine:
        try:
            seen = console(machine, b" login: ", SECONDS)
        finally:
            machine.terminate()  # politely: a killed machine would hold its volume for half a minute
            machine.wait(timeout=60)
    assert b" login: " in seen, seen[-3000:].decode(errors="replace")
    assert b"Debian GNU/Linux 12" in seen


def test_the_image_matches_its_checksum_and_is_small(lab):
    digest, name = (lab.images / "SHA256SUMS").read_text().split()
    with (lab.images / name).open("rb") as handle:
        assert hashlib.file_digest(handle, "sha256").hexdigest() == digest
    assert (lab.images / name).stat().st_size < 300 * 1000**2
