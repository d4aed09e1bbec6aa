"""One real, bootable image: Debian minbase with a kernel, a boot loader and a login prompt on the serial console.

Made without loop devices, so it also works in a container: mmdebstrap makes the root, mke2fs copies it into a
partition of a file, GRUB's two parts go before the partition, qemu-img compresses the whole with zlib.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import struct
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from lab import commands
from lab.settings import LabError

if TYPE_CHECKING:
    from lab.settings import Lab

NAME = "debian-12.qcow2"
SUMS = "SHA256SUMS"
SUITE = "bookworm"
BYTES = 3 * 1024**3
PARTITION = 1024**2  # where the file system starts; GRUB is before it
LABEL = "lab-root"
PACKAGES = ("systemd-sysv", "udev", "linux-image-cloud-amd64", "initramfs-tools", "iproute2")
UNUSED = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*")
# Enough to find and mount the root on any of qemu's disks; the rest comes from the root itself.
INITRAMFS_HOOK = """#!/bin/sh
[ "$1" = prereqs ] && exit 0
. /usr/share/initramfs-tools/hook-functions
manual_add_modules virtio_pci virtio_blk virtio_scsi sd_mod ext4
"""
# What only costs time in a virtual machine that boots once.
MASKED = (
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
    "getty-static.service",
    "systemd-pstore.service",
)
NETWORK = "[Match]\nName=en* eth*\n\n[Network]\nDHCP=yes\n"
FSTAB = f"LABEL={LABEL} / ext4 errors=remount-ro,x-systemd.growfs 0 1\n"
# /vmlinuz and /initrd.img are links that Debian's kernel packages keep up to date. GRUB's `linux` would move the 51 MiB
# that the kernel unpacks itself into, byte by byte: a quarter of a small guest's boot where QEMU emulates the processor.
GRUB = f"""set root=(hd0,msdos1)
linux16 /vmlinuz root=LABEL={LABEL} ro console=tty0 console=ttyS0,115200
initrd16 /initrd.img
boot
"""
GRUB_MODULES = ("biosdisk", "part_msdos", "ext2", "linux16", "boot")
GRUB_FOLDER = Path("/usr/lib/grub/i386-pc")
BOOT_CODE = 440  # bytes of the first sector that are code
PARTITION_TABLE = 446  # where in the first sector four entries of 16 bytes are
SECTOR = 512


def recipe() -> str:
    """Tell one way of making the image from another: this file."""
    return hashlib.sha256(Path(__file__).read_bytes()).hexdigest()


def is_current(lab: Lab) -> bool:
    """Whether the image is there, whole, and made as this file says."""
    stamp = lab.images / "made-from"
    files = (lab.images / NAME, lab.images / SUMS, stamp)
    return all(file.exists() for file in files) and stamp.read_text().strip() == recipe()


def ensure(lab: Lab) -> None:
    """Make the image, unless it is there; the finished one takes its place in one move."""
    if is_current(lab):
        return
    log = lab.log / "make-image.log"
    (lab.images / "made-from").unlink(missing_ok=True)
    for left in lab.images.glob(".making-*"):
        remove(left)
    making = Path(tempfile.mkdtemp(prefix=".making-", dir=lab.images))
    try:
        making.chmod(0o755)
        root = making / "root"
        debootstrap(root, log)
        write_disk(root, making / "disk.raw", log)
        fresh = making / NAME
        convert = ["nice", "qemu-img", "convert", "-c", "-O", "qcow2", "-m", "4", "-W"]
        commands.logged([*convert, str(making / "disk.raw"), str(fresh)], log)
        with fresh.open("rb") as handle:
            digest = hashlib.file_digest(handle, "sha256").hexdigest()
            os.fsync(handle.fileno())
        fresh.replace(lab.images / NAME)
        (lab.images / SUMS).write_text(f"{digest}  {NAME}\n")
        (lab.images / "made-from").write_text(recipe() + "\n")
    finally:
        remove(making)


def remove(making: Path) -> None:
    """Remove a half-made root, but never through something that is still mounted in it."""

    def mounts() -> list[str]:
        return [
            one.mountpoint
            for one in psutil.disk_partitions(all=True)
            if one.mountpoint.startswith(f"{making}/")
        ]

    for mount in sorted(mounts(), reverse=True):
        subprocess.run(["umount", mount], check=False, capture_output=True)
    if not mounts():
        shutil.rmtree(making, ignore_errors=True)


def sources() -> list[str]:
    """Return this machine's own Debian mirrors, so that the image can be made wherever packages can be had."""
    asked = subprocess.run(
        [
            "apt-get",
            "indextargets",
            "--format",
            "$(REPO_URI) $(SUITE) $(CODENAME) $(COMPONENT)",
            "Created-By: Packages",
        ],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    wanted = (SUITE, f"{SUITE}-updates", f"{SUITE}-security")
    found = []
    for line in asked.splitlines():
        fields = line.split()
        if len(fields) == 4 and fields[2] in wanted and fields[3] == "main":  # noqa: PLR2004 - as in the format
            entry = f"deb {fields[0]} {fields[2]} main"
            if entry not in found:
                found.append(entry)
    if not any(f" {SUITE} main" in entry for entry in found):
        raise LabError(f"apt knows no mirror of Debian {SUITE} here: run `apt-get update`, then try again.")
    return found


def debootstrap(root: Path, log: Path) -> None:
    """Make the root: minbase and what boots it, no documentation."""
    files = {
        "etc/initramfs-tools/conf.d/lab": "MODULES=list\nCOMPRESS=gzip\n",
        "etc/initramfs-tools/hooks/lab": INITRAMFS_HOOK,
        "etc/systemd/network/80-dhcp.network": NETWORK,
        "etc/fstab": FSTAB,
        "etc/hostname": "debian\n",
    }
    staged = root.with_name("files")
    for name, text in files.items():
        (staged / name).parent.mkdir(parents=True, exist_ok=True)
        (staged / name).write_text(text)
        (staged / name).chmod(0o755 if "hooks" in name else 0o644)
    command = ["nice", "mmdebstrap", "--mode=root", "--variant=minbase", f"--include={','.join(PACKAGES)}"]
    command += [f"--dpkgopt=path-exclude={pattern}" for pattern in UNUSED]
    command += ["--dpkgopt=path-include=/usr/share/doc/*/copyright"]
    command += [
        f'--essential-hook=cp -R {shlex.quote(str(staged))}/etc/. "$1/etc/"',
        f'--customize-hook=chroot "$1" systemctl mask {" ".join(MASKED)}',
        '--customize-hook=chroot "$1" systemctl enable systemd-networkd.service',
        '--customize-hook=chroot "$1" systemctl disable systemd-networkd-wait-online.service',
        '--customize-hook=: > "$1/etc/machine-id"',
        SUITE,
        str(root),
        *sources(),
    ]
    commands.logged(command, log, environment=os.environ | {"LC_ALL": "C.UTF-8"}, timeout=1200)


def partition_entry(start: int, sectors: int) -> bytes:
    """Render an entry of a DOS partition table: bootable, type Linux, addressed by sector only."""
    nowhere = b"\xfe\xff\xff"  # cylinder, head and sector, which nothing reads any more
    return struct.pack("<B3sB3sII", 0x80, nowhere, 0x83, nowhere, start, sectors)


def write_disk(root: Path, disk: Path, log: Path, *, size: int = BYTES, grub: str = GRUB) -> None:
    """Write a disk with one partition that holds `root`, and GRUB in front of it."""
    early = disk.with_name("early.cfg")
    early.write_text(grub)
    core = disk.with_name("core.img")
    make = ["grub-mkimage", "-O", "i386-pc", "-p", "/boot/grub", "-c", str(early), "-o", str(core)]
    commands.logged([*make, *GRUB_MODULES], log)
    if core.stat().st_size > PARTITION - SECTOR:
        raise LabError(f"GRUB's {core.stat().st_size} bytes do not fit before the partition.")
    with disk.open("wb") as handle:
        handle.truncate(size)
    # orphan_file and metadata_csum_seed are newer than GRUB 2.06.
    format_ = ["mke2fs", "-q", "-F", "-t", "ext4", "-L", LABEL, "-O", "^orphan_file,^metadata_csum_seed"]
    blocks = f"{(size - PARTITION) // 1024}k"
    commands.logged([*format_, "-E", f"offset={PARTITION}", "-d", str(root), str(disk), blocks], log)
    with disk.open("r+b") as handle:
        # boot.img loads the second sector, whose own list (written by grub-mkimage) says how many follow.
        handle.write((GRUB_FOLDER / "boot.img").read_bytes()[:BOOT_CODE])
        handle.seek(PARTITION_TABLE)
        handle.write(partition_entry(PARTITION // SECTOR, (size - PARTITION) // SECTOR))
        handle.seek(SECTOR - 2)
        handle.write(b"\x55\xaa")
        handle.seek(SECTOR)
        handle.write(core.read_bytes())
