"""The lab's image is a real one: a machine starts from it."""

import hashlib
import os
import selectors
import subprocess
import time
import uuid

import pytest
import rados
import rbd

SECONDS = 300
USER = "image-import"


@pytest.fixture
def clone(lab):
    """A clone of a protected snapshot of the image, as a virtual machine's volume would be."""
    name = f"test-boot-{uuid.uuid4().hex[:8]}"
    target = f"rbd:images/{name}:id={USER}:conf={lab.ceph_conf}"
    source = lab.images / "debian-12.qcow2"
    convert = ["qemu-img", "convert", "-W", "-m", "16", "-t", "none", "-O", "raw", str(source), target]
    subprocess.run(convert, check=True)
    with (
        rados.Rados(conffile=str(lab.ceph_conf), name=f"client.{USER}") as cluster,
        cluster.open_ioctx("images") as pool,
    ):
        with rbd.Image(pool, name) as image:
            image.create_snap("snap")
            image.protect_snap("snap")
        rbd.RBD().clone(pool, name, "snap", pool, f"{name}-volume", features=rbd.RBD_FEATURE_LAYERING)
        yield f"rbd:images/{name}-volume:id={USER}:conf={lab.ceph_conf}"
        rbd.RBD().remove(pool, f"{name}-volume")
        with rbd.Image(pool, name) as image:
            image.unprotect_snap("snap")
            image.remove_snap("snap")
        rbd.RBD().remove(pool, name)


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
