"""The ways into the pool, one function each. What a way returns cleans up after it, which is not timed."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
import uuid
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.engine import terraform
from bench.engine.configuration import SOURCE as PROVIDER
from bench.image.sources import MIB
from clients import ceph
from clients import openstack as openstack_client
from clients import rbd as rbd_client
from dynamic_providers.rbd_image import registration, verify
from dynamic_providers.rbd_image.provider import RbdImageProvider

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.image.sources import Source

POOL = "images"
SCRATCH = "bench-scratch"
CLOUD = "lab-image-import"
BUILT = Path(__file__).parents[2] / ".cloud" / "bench"


def rbd(*arguments: str, check: bool = True) -> str:
    """Run `rbd` as the lab's administrator, and return what it says."""
    done = subprocess.run(["rbd", "--id", "admin", *arguments], check=check, capture_output=True, text=True)
    return done.stdout


def remove_scratch() -> None:
    """Remove what the other ways wrote."""
    rbd("rm", "--no-progress", f"{POOL}/{SCRATCH}")


def limit(source: Source) -> Callable[[], None]:
    """`rbd bench` writing as many bytes as the source has data."""
    rbd("create", "--size", f"{-(-source.virtual // MIB)}M", f"{POOL}/{SCRATCH}")
    rbd(
        *("bench", "--io-type", "write", "--io-size", "4M", "--io-threads", "16"),
        *("--io-total", str(source.data), f"{POOL}/{SCRATCH}"),
    )
    return remove_scratch


def inputs(source: Source, raw_hash: str = "none") -> dict[str, Any]:
    """What the provider's create is given: always a new name, because Glance refuses the ids of what was deleted."""
    return {
        "name": f"{SCRATCH}-{uuid.uuid4()}",
        "source": str(source.path),
        "sha256": source.sha256,
        "source_format": source.format,
        "cloud": CLOUD,
        "pool": POOL,
        "ceph_user": "image-import",
        "owner_stack": "bench/image",
        "hash": raw_hash,
    }


def ours(source: Source, raw_hash: str = "none") -> Callable[[], None]:
    """The provider's whole create: source verified, written, read back, protected, active in Glance."""
    provider = RbdImageProvider()
    made = provider.create(inputs(source, raw_hash))
    return lambda: provider.delete(made.id, made.outs or {})


def ours_not_read_back(source: Source) -> Callable[[], None]:
    """The same without reading back what was written, to tell what that costs."""
    with not_read_back():
        return ours(source)


@contextmanager
def not_read_back() -> Iterator[None]:
    """Leave the check out."""
    check = verify.check
    verify.check = lambda *_: None
    try:
        yield
    finally:
        verify.check = check


def qemu_img(options: tuple[str, ...], source: Source) -> Callable[[], None]:
    """`qemu-img convert` straight into RBD: a conversion, nothing else."""
    convert(options, source, qemu_target(SCRATCH))
    return remove_scratch


def qemu_img_read_back(source: Source) -> Callable[[], None]:
    """Tuned qemu-img, and what it wrote is read but not compared: the least that reading back costs with rbd."""
    clean_up = qemu_img(TUNED, source)
    command = ["rbd", "--id", "admin", "export-diff", "--no-progress", "--whole-object"]
    subprocess.run([*command, f"{POOL}/{SCRATCH}", "-"], check=True, stdout=subprocess.DEVNULL)
    return clean_up


def qemu_target(image: str) -> str:
    """An RBD image as qemu-img names it."""
    return f"rbd:{POOL}/{image}:id=admin:conf={ceph.conf_path(None)}"


def convert(options: tuple[str, ...], source: Source, target: str) -> None:
    """`qemu-img convert` to RAW."""
    command = ["qemu-img", "convert", *options, "-f", source.format, "-O", "raw", str(source.path), target]
    subprocess.run(command, check=True)


def snapshot_and_location(source: Source) -> Callable[[], None]:
    """The convert script: qemu-img's defaults, snapshot, protection; its call of Glance is left out."""
    clean_up = qemu_img((), source)
    rbd("snap", "create", "--no-progress", f"{POOL}/{SCRATCH}@snap")
    rbd("snap", "protect", f"{POOL}/{SCRATCH}@snap")

    def after() -> None:
        rbd("snap", "unprotect", f"{POOL}/{SCRATCH}@snap")
        rbd("snap", "rm", "--no-progress", f"{POOL}/{SCRATCH}@snap")
        clean_up()

    return after


TUNED = ("-W", "-m", "16", "-t", "none", "-S", "4M")


def by_hand(source: Source, *, compared: bool = False) -> Callable[[], None]:
    """What a careful person does: sha256sum, tuned qemu-img, snapshot, protection, Glance by REST; COMPARED reads back too."""
    image = str(uuid.uuid4())
    sums = f"{source.sha256}  {source.path}\n"
    subprocess.run(["sha256sum", "-c", "--quiet"], input=sums, text=True, check=True)
    target = qemu_target(image)
    convert(TUNED, source, target)
    if compared:
        command = ["qemu-img", "compare", "-f", source.format, "-F", "raw", str(source.path), target]
        subprocess.run(command, check=True, capture_output=True)
    rbd("snap", "create", "--no-progress", f"{POOL}/{image}@snap")
    rbd("snap", "protect", f"{POOL}/{image}@snap")
    with openstack_client.connect(CLOUD) as cloud:
        record = {"id": image, "name": SCRATCH, "disk_format": "raw", "container_format": "bare"}
        cloud.image.post("/images", json=record).raise_for_status()
        url = rbd_client.location(fsid(), POOL, image)
        cloud.image.post(f"/images/{image}/locations", json={"url": url}).raise_for_status()
        while cloud.image.get(f"/images/{image}").json()["status"] != "active":
            time.sleep(registration.POLL_S)
    return partial(_delete, image)


@cache
def fsid() -> str:
    """The lab's cluster."""
    with ceph.cluster("admin") as handle:
        return str(handle.get_fsid())


@contextmanager
def raw_file(source: Source) -> Iterator[Path]:
    """The source as a temporary RAW file, which ways that need one have to make first."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "disk.raw"
        command = ["qemu-img", "convert", "-W", "-m", "16", "-f", source.format, "-O", "raw"]
        subprocess.run([*command, str(source.path), str(path)], check=True)
        yield path


def file_then_import(source: Source) -> Callable[[], None]:
    """qemu-img to a file, then `rbd import`."""
    with raw_file(source) as path:
        rbd("import", "--no-progress", str(path), f"{POOL}/{SCRATCH}")
    return remove_scratch


def glance_upload(source: Source) -> Callable[[], None]:
    """qemu-img to a file, then that through Glance's API."""
    conn = openstack_client.connect(CLOUD)
    with raw_file(source) as path, conn as cloud:
        image = cloud.image.create_image(
            SCRATCH, filename=str(path), disk_format="raw", container_format="bare", wait=True, timeout=900
        )
    return partial(_delete, image.id)


def _delete(image_id: str) -> None:
    with openstack_client.connect(CLOUD) as cloud:
        cloud.image.delete_image(image_id)


def terraform_upload(source: Source) -> Callable[[], None]:
    """qemu-img to a file, then Terraform's `openstack_images_image_v2` of that file."""
    program, provider = terraform.install(BUILT)
    folder = tempfile.TemporaryDirectory(prefix="bench-terraform-")
    home = Path(folder.name)
    settings = home / "terraform.rc"
    overrides = f'"{PROVIDER}" = {json.dumps(str(provider.parent))}'
    settings.write_text(f"provider_installation {{\n  dev_overrides {{ {overrides} }}\n  direct {{}}\n}}\n")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("TF_")}
    environment |= {"TF_CLI_CONFIG_FILE": str(settings), "CHECKPOINT_DISABLE": "1"}

    def run(*arguments: str) -> None:
        command = [str(program), *arguments, "-auto-approve", "-no-color", "-input=false"]
        subprocess.run(command, cwd=home, env=environment, check=True, capture_output=True)

    with raw_file(source) as path:
        image = {
            "name": SCRATCH,
            "local_file_path": str(path),
            "disk_format": "raw",
            "container_format": "bare",
        }
        written = {
            "terraform": {"required_providers": {"openstack": {"source": PROVIDER}}},
            "provider": {"openstack": {"cloud": CLOUD}},
            "resource": {"openstack_images_image_v2": {"it": image}},
        }
        (home / "main.tf.json").write_text(json.dumps(written))
        run("apply")

    def clean_up() -> None:
        run("destroy")
        folder.cleanup()

    return clean_up


QUICK: dict[str, Callable[[Source], Callable[[], None]]] = {
    "limit": limit,
    "ours": ours,
    "ours, not read back": ours_not_read_back,
    "by hand": by_hand,
    "by hand, compared": partial(by_hand, compared=True),
    "tuned qemu-img": partial(qemu_img, TUNED),
    "tuned qemu-img, read back": qemu_img_read_back,
    "convert script": snapshot_and_location,
}
SLOW: dict[str, Callable[[Source], Callable[[], None]]] = {
    "ours-sha512": partial(ours, raw_hash="sha512"),
    "file, rbd import": file_then_import,
    "upload through Glance": glance_upload,
    "Terraform": terraform_upload,
}
