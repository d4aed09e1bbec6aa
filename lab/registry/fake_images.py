"""FAKES of Kolla's images, one megabyte for all of them: built here, without any container engine.

Debian's static busybox and the scripts under `root/`. What they do: check that the configuration Kolla delivers is
there, say what the real image would run, and stay up; `root/` says it script by script. What they do not prove: that
the configuration is right, that a service starts, talks to the broker or answers, that a health check finds anything,
or that what Kolla does in its toolbox (databases, users, endpoints) works.
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import io
import json
import tarfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).with_name("root")
BUSYBOX = Path("/bin/busybox")
NAMESPACE = "lab-fake-images"
TAG = "fake"
# Kolla's own names for the images of what the stack `hosts` enables.
NAMES = (
    "cron",
    "fluentd",
    "kolla-toolbox",
    "neutron-dhcp-agent",
    "neutron-l3-agent",
    "neutron-metadata-agent",
    "neutron-openvswitch-agent",
    "neutron-server",
    "nova-api",
    "nova-compute",
    "nova-conductor",
    "nova-libvirt",
    "nova-scheduler",
    "nova-ssh",
    "prometheus-cadvisor",
    "prometheus-libvirt-exporter",
    "prometheus-node-exporter",
)
APPLETS = (
    *("cat", "chown", "cut", "date", "env", "false", "grep", "head", "hostname", "id", "kill", "ls", "mkdir"),
    *(
        "mv",
        "printf",
        "ps",
        "rm",
        "sed",
        "sh",
        "sleep",
        "stat",
        "tail",
        "test",
        "touch",
        "tr",
        "true",
        "uname",
    ),
)
ACCOUNTS = {"root": 0, "ansible": 42400, "rabbitmq": 42439}  # whom Kolla runs things as in its toolbox
FOLDERS = ("etc", "tmp", "var/lib/ansible", "var/lib/kolla/config_files", "var/log/kolla")

CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"


def digest(content: bytes) -> str:
    """Name content the way registries do."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@functools.cache
def tree() -> bytes:
    """Pack the one layer's files (tar); the same files always give the same bytes."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:

        def add(
            path: str, *, kind: bytes = tarfile.REGTYPE, mode: int = 0o755, content: bytes = b"", to: str = ""
        ) -> None:
            entry = tarfile.TarInfo(path)
            entry.type, entry.mode, entry.size, entry.linkname = kind, mode, len(content), to
            tar.addfile(entry, io.BytesIO(content))

        for folder in FOLDERS:
            add(folder, kind=tarfile.DIRTYPE, mode=0o1777 if folder == "tmp" else 0o755)
        add("bin/busybox", content=BUSYBOX.read_bytes())
        for applet in APPLETS:
            add(f"bin/{applet}", kind=tarfile.SYMTYPE, to="busybox")
        passwd = "".join(f"{name}:x:{number}:{number}::/:/bin/sh\n" for name, number in ACCOUNTS.items())
        add("etc/passwd", mode=0o644, content=passwd.encode())
        group = "".join(f"{name}:x:{number}:\n" for name, number in ACCOUNTS.items())
        add("etc/group", mode=0o644, content=group.encode())
        for path in sorted(path for path in ROOT.rglob("*") if not path.is_dir()):
            name = str(path.relative_to(ROOT))
            if path.is_symlink():
                add(name, kind=tarfile.SYMTYPE, to=str(path.readlink()))
            else:
                add(name, content=path.read_bytes())
    return packed.getvalue()


@functools.cache
def layer() -> bytes:
    """Compress it, the same way each time."""
    return gzip.compress(tree(), mtime=0)


@dataclass(frozen=True)
class Image:
    """One image: its name, and the blobs and the manifest that make it."""

    name: str
    layer: bytes
    config: bytes
    manifest: bytes

    @property
    def repository(self) -> str:
        """Where it is in the registry."""
        return f"{NAMESPACE}/{self.name}"


def image(name: str) -> Image:
    """Build the fake of one of Kolla's images (https://github.com/opencontainers/image-spec)."""
    labels = {
        "org.opencontainers.image.title": f"FAKE of Kolla's {name}",
        "org.opencontainers.image.description": "checks that its configuration was delivered; runs no service",
        "name": name,
        "kolla_version": "fake",  # by this label Kolla, and we, find the containers to remove
        "fake": "true",
    }
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {
            "Env": ["PATH=/usr/local/bin:/bin", "LANG=C.UTF-8"],
            "Cmd": ["kolla_start"],
            "Labels": labels,
        },
        "rootfs": {"type": "layers", "diff_ids": [digest(tree())]},
        "history": [{"created_by": "lab/registry/fake_images.py"}],
    }
    described = json.dumps(config, sort_keys=True).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": {"mediaType": CONFIG_TYPE, "digest": digest(described), "size": len(described)},
        "layers": [{"mediaType": LAYER_TYPE, "digest": digest(layer()), "size": len(layer())}],
    }
    return Image(name, layer(), described, json.dumps(manifest, sort_keys=True).encode())
