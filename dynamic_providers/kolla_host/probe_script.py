"""Runs on a host (Python 3.9 or newer, standard library alone) and prints what it found there as JSON.

It judges nothing and changes nothing. Its one argument is JSON: ``{"engine": "docker", "disks": [PATH, …]}``.
"""

from __future__ import annotations

import errno
import json
import os
import re
import stat
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

_COMMAND_S = 20
_NETWORK = Path("/etc/private-cloud/network.json")
_LABEL = b"bluestore block device\n"  # Ceph, src/os/bluestore/BlueStore.cc: what a device's label begins with
_LABEL_TEXT = 60  # bytes: that line, the OSD's UUID as text, a line's end; the encoded label follows
_LABEL_SIZE = 4096
_LVM_LABEL, _LVM_LABEL_WITHIN = b"LABELONE", 2048  # lvm2, lib/label: in one of the first four sectors
_LVM_METADATA = 1 << 20  # LVM's default: the first MiB of a physical volume, where its tags are text


def _command(*words: str) -> dict[str, Any]:
    """What a program printed, or why it did not: ``{"out": …}`` or ``{"error": …}``."""
    environment = {**os.environ, "LC_ALL": "C"}
    try:
        done = subprocess.run(
            words, capture_output=True, check=False, text=True, timeout=_COMMAND_S, env=environment
        )
    except FileNotFoundError:
        return {"error": "there is no command " + words[0]}
    except subprocess.TimeoutExpired:
        return {"error": words[0] + " gave no answer within " + str(_COMMAND_S) + " s"}
    if done.returncode:
        lines = (done.stderr.strip() or done.stdout.strip() or "it said nothing").splitlines()
        return {"error": lines[-1]}
    return {"out": done.stdout}


def _engine(engine: str) -> dict[str, Any]:
    version = "{{.Server.Version}}" if engine == "docker" else "{{.Version.Version}}"
    return _command(engine, "version" if engine == "docker" else "info", "--format", version)


def _tables() -> dict[str, Any]:
    """Open vSwitch's tables of bridges, ports and interfaces, as ovs-vsctl prints them."""
    columns = {
        "bridge": "name,ports",
        "port": "_uuid,name,interfaces,tag,trunks",
        "interface": "_uuid,name,link_state",
    }
    tables: dict[str, Any] = {}
    for table, names in columns.items():
        found = _command("ovs-vsctl", "--timeout=5", "--format=json", "--columns=" + names, "list", table)
        if "error" in found:
            return found
        tables[table] = json.loads(found["out"])
    return {"out": tables}


def _network() -> dict[str, Any]:
    """What the host makes its network from, nothing where it was made otherwise; ``{"error": …}`` if it is no JSON."""
    try:
        return {"out": json.loads(_NETWORK.read_text(encoding="utf-8"))}
    except FileNotFoundError:
        return {"out": None}
    except (OSError, ValueError) as error:
        return {"error": str(error)}


def _bootc() -> Any:
    """What ``bootc status`` says, None where there is no bootc."""
    found = _command("bootc", "status", "--json")
    return json.loads(found["out"]) if "out" in found else None


def _disk(path: str) -> dict[str, Any]:
    """Size in bytes, and what a disk carries; ``{"error": …}`` where it cannot be looked at."""
    try:
        block = stat.S_ISBLK(Path(path).stat().st_mode)
        # A device that is mounted or part of another one cannot be opened exclusively (open(2)).
        in_use = block and not _opens(path, os.O_EXCL)
        handle = os.open(path, os.O_RDONLY)
    except OSError as error:
        return {"error": error.strerror}
    try:
        size = os.lseek(handle, 0, os.SEEK_END)
        start = os.pread(handle, _LVM_METADATA, 0)
    except OSError as error:
        return {"error": error.strerror}
    finally:
        os.close(handle)
    found = {"device": os.path.realpath(path), "size": size, "in_use": in_use, "osd": _osd(start)}
    signatures = _command("wipefs", "--no-act", "--json", path)
    if "error" in signatures:
        return {"error": signatures["error"]}
    known = json.loads(signatures["out"] or "{}").get("signatures", [])
    found["signatures"] = sorted({signature["type"] for signature in known})
    return found


def _opens(path: str, flag: int) -> bool:
    try:
        os.close(os.open(path, os.O_RDONLY | flag))
    except OSError as error:
        if error.errno == errno.EBUSY:
            return False
        raise
    return True


def _osd(start: bytes) -> dict[str, str] | None:
    """Of which OSD of which cluster the first MiB of a disk is; what is not told is left out."""
    if start.startswith(_LABEL):
        uuid = start[len(_LABEL) : _LABEL_TEXT].decode("ascii", "replace").strip()
        try:
            meta = _label_meta(start[_LABEL_TEXT:_LABEL_SIZE])
        except (struct.error, UnicodeDecodeError):
            meta = {}
        return _known(uuid=uuid, id=meta.get("whoami"), cluster=meta.get("ceph_fsid"))
    if _LVM_LABEL not in start[:_LVM_LABEL_WITHIN]:
        return None  # not LVM's any more, whatever text is left
    # ceph-volume's logical volumes carry tags (ceph-volume, util/lvm): ceph.osd_id=3 and so on.
    tags: dict[bytes, bytes] = dict(re.findall(rb'"ceph\.(\w+)=([\w.-]+)"', start))
    if b"osd_id" not in tags:
        return None
    labels = {
        key: tags[key].decode("ascii", "replace")
        for key in (b"osd_id", b"osd_fsid", b"cluster_fsid")
        if key in tags
    }
    return _known(uuid=labels.get(b"osd_fsid"), id=labels.get(b"osd_id"), cluster=labels.get(b"cluster_fsid"))


def _label_meta(label: bytes) -> dict[str, str]:
    """The named values of a label (bluestore_bdev_label_t: version 2 and newer has them)."""
    version = label[0]
    at = 2 + 4 + 16 + 8 + 8  # versions, length, UUID, size, time of making
    if version < 2:  # noqa: PLR2004
        return {}
    _, at = _text(label, at)  # description
    (count,) = struct.unpack_from("<I", label, at)
    at += 4
    meta: dict[str, str] = {}
    for _ in range(count):
        key, at = _text(label, at)
        value, at = _text(label, at)
        meta[key] = value
    return meta


def _text(data: bytes, at: int) -> tuple[str, int]:
    (length,) = struct.unpack_from("<I", data, at)
    (raw,) = struct.unpack_from(f"<{length}s", data, at + 4)
    return raw.decode(), at + 4 + length


def _known(**values: str | None) -> dict[str, str]:
    return {key: value for key, value in values.items() if value}


def main() -> None:
    """Look and print."""
    request = json.loads(sys.argv[1])
    found = {
        "nodename": os.uname().nodename,
        "engine": _engine(request["engine"]),
        "switch": _tables(),
        "network": _network(),
        "interfaces": [path.name for path in Path("/sys/class/net").iterdir()],
        "bootc": _bootc(),
        "disks": {path: _disk(path) for path in request["disks"]},
    }
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
