"""The tiny guest's image: Debian's cloud kernel and an initramfs with a static busybox, behind GRUB.

Its init (`init`, beside this file) writes a line to the serial console once it runs, with the image's digest and the
boot's id; takes an address by DHCP; answers on port 22; and mounts a home as its user data say, of which it knows
nothing else. 128 MiB of memory are enough.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from lab import commands, image
from lab.settings import LabError

if TYPE_CHECKING:
    from lab.settings import Lab

NAME = "lab-guest.qcow2"
KERNEL = "linux-image-cloud-amd64"
# What finds QEMU's devices, its disks, its network cards and its power button, and what these need.
MODULES = (
    *("virtio", "virtio_ring", "virtio_pci", "virtio_pci_modern_dev", "virtio_pci_legacy_dev"),
    *("virtio_blk", "virtio_net", "net_failover", "failover"),
    *("scsi_common", "scsi_mod", "libata", "ata_piix", "cdrom", "sr_mod", "isofs"),  # the config drive
    *("button", "evdev"),
)
BUSYBOX = Path("/bin/busybox")
MKE2FS = Path("/sbin/mke2fs")
HERE = Path(__file__).parent
BYTES = 64 * 1024**2
GRUB = """set root=(hd0,msdos1)
linux16 /vmlinuz console=ttyS0,115200 quiet panic=10 cryptomgr.notests
initrd16 /initrd.img
boot
"""


def folder(lab: Lab) -> Path:
    """Return where the image is; kept by a reset."""
    return lab.images / "guest"


def recipe() -> str:
    """Tell one way of making the image from another: this folder, and what it takes from the Debian image's."""
    files = (*sorted(path for path in HERE.iterdir() if path.is_file()), Path(image.__file__))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def digest(lab: Lab) -> str:
    """Return what the guest's console says of the image: the digest of what is in its initramfs."""
    return (folder(lab) / "digest").read_text().strip()


def is_current(lab: Lab) -> bool:
    """Whether the image is there, whole, and made as this folder says."""
    stamp = folder(lab) / "made-from"
    return stamp.exists() and stamp.read_text().strip() == recipe()


def ensure(lab: Lab) -> None:
    """Make the image, unless it is there; all of it takes its place in one move."""
    if is_current(lab):
        return
    log = lab.log / "make-guest.log"
    for left in lab.images.glob(".guest-making-*"):
        shutil.rmtree(left)
    making = Path(tempfile.mkdtemp(prefix=".guest-making-", dir=lab.images))
    try:
        making.chmod(0o755)
        root, fresh = making / "root", making / "fresh"
        root.mkdir()
        fresh.mkdir()
        kernel = unpack_kernel(making, log)
        marker = initramfs(kernel, making / "initramfs", root / "initrd.img", log)
        shutil.copy(next((kernel / "boot").glob("vmlinuz-*")), root / "vmlinuz")
        disk = making / "disk.raw"
        image.write_disk(root, disk, log, size=BYTES, grub=GRUB)
        convert = ["nice", "qemu-img", "convert", "-c", "-O", "qcow2", str(disk), str(fresh / NAME)]
        commands.logged(convert, log)
        with (fresh / NAME).open("rb") as handle:
            checksum = hashlib.file_digest(handle, "sha256").hexdigest()
            os.fsync(handle.fileno())
        (fresh / image.SUMS).write_text(f"{checksum}  {NAME}\n")
        (fresh / "digest").write_text(f"{marker}\n")
        (fresh / "made-from").write_text(f"{recipe()}\n")
        shutil.rmtree(folder(lab), ignore_errors=True)
        fresh.rename(folder(lab))
    finally:
        shutil.rmtree(making, ignore_errors=True)


def unpack_kernel(making: Path, log: Path) -> Path:
    """Download Debian's present cloud kernel and unpack it; nothing of it is installed here."""
    shown = subprocess.run(
        ["apt-cache", "depends", KERNEL], capture_output=True, text=True, check=False
    ).stdout
    found = re.search(r"Depends: (linux-image-\S+)", shown)
    if found is None:
        raise LabError(f"apt knows no {KERNEL} here: run `apt-get update`, then try again.")
    package = making / "kernel.deb"
    # To a file of a name of its own, since apt's name has a version in it.
    commands.logged(["sh", "-c", 'cd "$1" && apt-get -q download "$2"', "-", str(making), found[1]], log)
    next(making.glob("linux-image-*.deb")).rename(package)
    commands.logged(["dpkg-deb", "--extract", str(package), str(making / "kernel")], log)
    return making / "kernel"


def libraries(program: Path) -> list[Path]:
    """Return the shared libraries that a program is loaded with."""
    shown = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=True).stdout
    return [Path(found) for found in re.findall(r"(?:=> |^\s+)(/\S+)", shown, re.MULTILINE)]


def initramfs(kernel: Path, tree: Path, archive: Path, log: Path) -> str:
    """Make the initramfs; return the digest of what is in it."""
    (tree / "bin").mkdir(parents=True)
    shutil.copy(BUSYBOX, tree / "bin" / "busybox")
    (tree / "bin" / "sh").symlink_to("busybox")
    for name in ("init", "dhcp"):
        shutil.copy(HERE / name, tree / name)
        (tree / name).chmod(0o755)
    for path in (MKE2FS, *libraries(MKE2FS)):
        copy = tree / str(path).lstrip("/")
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    (tree / "sbin" / "mkfs.ext4").symlink_to(MKE2FS.name)
    (modules,) = (kernel / "lib" / "modules").iterdir()
    target = tree / "lib" / "modules" / modules.name
    target.mkdir(parents=True)
    for name in MODULES:
        shutil.copy(next(modules.rglob(f"{name}.ko")), target)
    commands.logged([str(BUSYBOX), "depmod", "-b", str(tree), modules.name], log)
    contents = hashlib.sha256()
    for path in sorted(tree.rglob("*")):
        if path.is_file() and not path.is_symlink():
            contents.update(f"{path.relative_to(tree)}\0".encode() + path.read_bytes())
    (tree / "image").write_text(contents.hexdigest())
    pack = 'cd "$1" && find . | sort | "$2" cpio -o -H newc > "$3"'
    commands.logged(["sh", "-c", pack, "-", str(tree), str(BUSYBOX), str(archive)], log)
    return contents.hexdigest()
