"""Ceph's configuration file, keyrings and capabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.configuration import File, ini
from lab.settings import EXTRA_OSDS, INSTANCE_POOL, OSD_BYTES, OSD_COUNT, POOL, VOLUME_POOL

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lab.settings import Lab

MON = "lab"
GATEWAY = "client.rgw.lab"  # the object store's
OSD_MEMORY = 939524096  # the least Ceph accepts (896 MiB); the default is 4 GiB an OSD
DEAD_CLIENT_S = 12  # until Ceph gives up on a client that died; the default, 30, is what tests of killed imports would wait

# https://docs.ceph.com/en/pacific/rados/operations/user-management/ and .../rbd/rbd-openstack/
CAPS: dict[str, dict[str, str]] = {
    "mon.": {"mon": "allow *"},
    "client.admin": {"mon": "allow *", "mgr": "allow *", "osd": "allow *", "mds": "allow *"},
    "mgr.lab": {"mon": "allow profile mgr", "osd": "allow *", "mds": "allow *"},
    "client.glance": {
        "mon": "profile rbd",
        "osd": f"profile rbd pool={POOL}",
        "mgr": f"profile rbd pool={POOL}",
    },
    # Volumes are clones of images: their parents are read, never written.
    "client.cinder": {
        "mon": "profile rbd",
        "osd": f"profile rbd pool={VOLUME_POOL}, profile rbd-read-only pool={POOL}",
        "mgr": f"profile rbd pool={VOLUME_POOL}, profile rbd-read-only pool={POOL}",
    },
    # So are servers' disks.
    "client.nova": {
        "mon": "profile rbd",
        "osd": f"profile rbd pool={INSTANCE_POOL}, profile rbd-read-only pool={POOL}",
        "mgr": f"profile rbd pool={INSTANCE_POOL}, profile rbd-read-only pool={POOL}",
    },
    # The import names the volumes and disks that are clones of an image; of what is in them it reads nothing.
    "client.image-import": {
        "mon": "profile rbd",
        "osd": f"profile rbd pool={POOL}, allow class-read pool={VOLUME_POOL} object_prefix rbd_, "
        f"allow class-read pool={INSTANCE_POOL} object_prefix rbd_",
    },
    GATEWAY: {"mon": "allow rw", "osd": "allow rwx tag rgw *=*"},
} | {
    f"osd.{number}": {"mon": "allow profile osd", "mgr": "allow profile osd", "osd": "allow *"}
    for number in (*range(OSD_COUNT), *EXTRA_OSDS)
}
CLIENTS = ("client.admin", "client.glance", "client.cinder", "client.nova", "client.image-import", GATEWAY)


def mon_folder(lab: Lab) -> Path:
    """Where the monitor keeps its store."""
    return lab.data / "ceph" / "mon"


def mgr_folder(lab: Lab) -> Path:
    """Where the manager keeps its keyring."""
    return lab.data / "ceph" / "mgr"


def osd_folder(lab: Lab, number: int) -> Path:
    """Where an OSD keeps its block file."""
    return lab.data / "ceph" / f"osd.{number}"


def client_keyring(lab: Lab, name: str) -> Path:
    """Where a client finds its key."""
    return lab.etc / "ceph" / f"ceph.{name}.keyring"


def conf(lab: Lab, secrets: Mapping[str, str]) -> File:
    """Render ceph.conf: cephx everywhere, loopback only, file-backed OSDs with little memory."""
    mon = f"[v2:{lab.address}:{lab.ports.ceph_mon_v2},v1:{lab.address}:{lab.ports.ceph_mon_v1}]"
    sections: dict[str, dict[str, object]] = {
        "global": {
            "fsid": secrets["uuid/fsid"],
            "mon host": mon,
            "public addr": lab.address,
            "cluster addr": lab.address,
            "public network": f"{lab.address}/32",
            "auth cluster required": "cephx",
            "auth service required": "cephx",
            "auth client required": "cephx",
            "auth allow insecure global id reclaim": False,
            "osd pool default size": 2,
            "osd pool default min size": 1,
            "osd pool default pg num": 32,
            "osd pool default pg autoscale mode": "off",
            "osd crush chooseleaf type": 0,
            "mon allow pool delete": True,
            # The machine's disk is shared with everything else on it: warn when it is nearly full, not at 70%.
            "mon data avail warn": 5,
            "mon data avail crit": 2,
            "chdir": "",
            "run dir": lab.run,
            "log file": "",
            "log to stderr": True,
            "err to stderr": True,
        },
        "mon": {
            "admin socket": lab.run / "$name.asok",
            "mon data": mon_folder(lab),
            "keyring": mon_folder(lab) / "keyring",
            "mon cluster log file": lab.log / "ceph.log",
            "mgr initial modules": "iostat",
        },
        "mgr": {
            "admin socket": lab.run / "$name.asok",
            "mgr data": mgr_folder(lab),
            "keyring": mgr_folder(lab) / "keyring",
        },
        "osd": {
            "admin socket": lab.run / "$name.asok",
            "osd crush location": "root=default host=lab",
            "osd memory target": OSD_MEMORY,
            "osd objectstore": "bluestore",
            "osd client watch timeout": DEAD_CLIENT_S,
            "bluestore block size": OSD_BYTES,
            "bluestore block db create": False,
            "bluestore block wal create": False,
        },
        "client": {"log to stderr": True, "log file": "", "admin socket": ""},
    }
    for number in (*range(OSD_COUNT), *EXTRA_OSDS):
        folder = osd_folder(lab, number)
        sections[f"osd.{number}"] = {"osd data": folder, "keyring": folder / "keyring"}
        if number in EXTRA_OSDS:
            sections[f"osd.{number}"]["osd crush initial weight"] = 0
    for name in CLIENTS:
        sections[name] = {"keyring": client_keyring(lab, name)}
    sections[GATEWAY] |= {
        "rgw frontends": f"beast endpoint={lab.address}:{lab.ports.object_store}",
        "rgw data": lab.data / "ceph" / "rgw",
        "rgw enable apis": "s3, swift",  # of Swift's the health check, which needs no account
    }
    return File(lab.ceph_conf, ini(sections))


def keyring(names: tuple[str, ...], secrets: Mapping[str, str]) -> str:
    """Render a keyring of these entities, with the capabilities the monitor is to give them."""
    blocks = []
    for name in names:
        caps = "".join(f'\tcaps {kind} = "{cap}"\n' for kind, cap in CAPS[name].items())
        blocks.append(f"[{name}]\n\tkey = {secrets[f'cephx/{name}']}\n{caps}")
    return "\n".join(blocks)


def keyrings(lab: Lab, secrets: Mapping[str, str]) -> tuple[File, ...]:
    """Every keyring but the monitor's and the OSDs', which live beside their data."""
    files = [File(client_keyring(lab, name), keyring((name,), secrets)) for name in CLIENTS]
    return (*files, File(mgr_folder(lab) / "keyring", keyring(("mgr.lab",), secrets)))
