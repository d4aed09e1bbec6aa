"""Ceph: one monitor, one manager and three OSDs on files; two more may join, without weight."""

from __future__ import annotations

import functools
import json
import shutil
import socket
import struct
import time
from typing import TYPE_CHECKING, Any

from lab import ceph_release, commands
from lab.configuration import File
from lab.daemon import Daemon, UnhealthyError
from lab.services.ceph_commands import connected
from lab.services.ceph_configuration import (
    CAPS,
    MON,
    conf,
    keyring,
    keyrings,
    mon_folder,
    osd_folder,
)
from lab.settings import EXTRA_OSDS, INSTANCE_POOL, OSD_COUNT, POOL, VOLUME_POOL, LabError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lab.settings import Lab

POOLS = (POOL, VOLUME_POOL, INSTANCE_POOL)
PLACEMENT_GROUPS = 32


def osds(lab: Lab) -> tuple[int, ...]:
    """Return the numbers of the OSDs that there are: the first three, and those that joined."""
    joined = (number for number in EXTRA_OSDS if _joined(lab, number).exists())
    return (*range(OSD_COUNT), *joined)


def _joined(lab: Lab, number: int) -> Path:
    """Return the file that says that an OSD has joined; a reset removes it."""
    return osd_folder(lab, number).with_name(f"osd.{number}.joined")


def write_configuration(lab: Lab, secrets: Mapping[str, str]) -> None:
    """Write ceph.conf and the keyrings."""
    for file in (conf(lab, secrets), *keyrings(lab, secrets)):
        file.write()


def make_monitor(lab: Lab, secrets: Mapping[str, str]) -> None:
    """Make the monitor's store, with the cluster's first map and everybody's keys."""
    folder = mon_folder(lab)
    made = folder.with_name("mon.made")
    if made.exists():
        if (release := made.read_text() or ceph_release.PACIFIC) != ceph_release.chosen(lab):
            raise LabError(
                f"This lab's Ceph was made by {release}, and {ceph_release.chosen(lab)} was chosen: run `python -m lab reset`."
            )
        return
    shutil.rmtree(folder, ignore_errors=True)  # a former attempt was cut off: it never ran
    folder.mkdir(parents=True)
    log = lab.log / "make-ceph-mon.log"
    monmap = folder.with_name("monmap")
    everybody = File(folder.with_name("first.keyring"), keyring(tuple(CAPS), secrets))
    everybody.write()
    where = f"[v2:{lab.address}:{lab.ports.ceph_mon_v2},v1:{lab.address}:{lab.ports.ceph_mon_v1}]"
    fsid = secrets["uuid/fsid"]
    commands.logged(
        ceph_release.program(
            lab, "monmaptool", "--create", "--clobber", "--fsid", fsid, "--addv", MON, where, str(monmap)
        ),
        log,
    )
    common = ["-c", str(lab.ceph_conf), "-i", MON]
    first = ["ceph-mon", "--mkfs", *common, "--monmap", str(monmap), "--keyring", str(everybody.path)]
    commands.logged(ceph_release.program(lab, *first), log)
    everybody.path.unlink()
    made.write_text(ceph_release.chosen(lab))


def make_osd(lab: Lab, secrets: Mapping[str, str], number: int) -> None:
    """Create an OSD's sparse block file; `register_osds` registers it at the monitor."""
    folder = osd_folder(lab, number)
    made = folder.with_name(f"osd.{number}.made")
    if made.exists():
        return
    shutil.rmtree(folder, ignore_errors=True)  # a former attempt was cut off: it never ran
    folder.mkdir(parents=True)
    File(folder / "keyring", keyring((f"osd.{number}",), secrets)).write()
    command = ["ceph-osd", "--mkfs", "--no-mon-config", "-c", str(lab.ceph_conf), "-i", str(number)]
    command += ["--osd-uuid", secrets[f"uuid/osd.{number}"], "--monmap", str(folder.with_name("monmap"))]
    commands.logged(ceph_release.program(lab, *command), lab.log / f"make-ceph-osd.{number}.log")
    made.touch()


def register_osds(lab: Lab, secrets: Mapping[str, str]) -> None:
    """Register each OSD, and make the settings that the manager needs at its start; idempotent."""
    with connected(lab.ceph_conf) as ceph:
        known = {osd["uuid"] for osd in ceph.ask("osd dump")["osds"]}
        for number in osds(lab):
            identity = secrets[f"uuid/osd.{number}"]
            if identity not in known:
                key = json.dumps({"cephx_secret": secrets[f"cephx/osd.{number}"]})
                ceph.ask("osd new", uuid=identity, id=number, given=key)
        # Or the manager makes a pool of its own for disk health, which files do not have.
        ceph.ask(
            "config set", who="mgr", name="mgr/devicehealth/enable_monitoring", value="false", force=True
        )
        # Debian 13's Python does not load all of its manager's modules.
        if ceph_release.chosen(lab) == ceph_release.REEF:
            ceph.ask("health mute", code="MGR_MODULE_DEPENDENCY", sticky=True)
        everybody = keyring(tuple(name for name in CAPS if name != "mon."), secrets)
        ceph.ask("auth import", given=everybody)


def join_osd(lab: Lab, secrets: Mapping[str, str], number: int) -> None:
    """Make an OSD of `EXTRA_OSDS`, which is to be started then; it joins with CRUSH weight 0."""
    make_osd(lab, secrets, number)
    _joined(lab, number).touch()
    register_osds(lab, secrets)


def forget_osd(lab: Lab, number: int) -> None:
    """Remove an OSD that is stopped, whatever it holds; the others have other copies of that, or it is lost."""
    with connected(lab.ceph_conf) as ceph:
        ceph.ask("osd down", ids=[str(number)])
        ceph.ask("osd purge-actual", id=number, yes_i_really_mean_it=True)
    _joined(lab, number).unlink(missing_ok=True)
    folder = osd_folder(lab, number)
    folder.with_name(f"osd.{number}.made").unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def make_pools(lab: Lab) -> None:
    """Make the images', the volumes' and the servers' pools and wait until they take writes; safe to repeat."""
    import rbd  # noqa: PLC0415 - only the lab's venv has it

    with connected(lab.ceph_conf) as ceph:
        ceph.ensure_pools(POOLS, application="rbd", placement_groups=PLACEMENT_GROUPS)
        deadline = time.monotonic() + 60
        while (problem := inactive(ceph.ask("status"))) is not None:
            if time.monotonic() > deadline:
                raise UnhealthyError(f"the pools do not become active: {problem}")
            time.sleep(0.2)
        for name in POOLS:
            with ceph.cluster.open_ioctx(name) as pool:
                if b"validated" not in first_bytes(
                    pool, "rbd_info"
                ):  # each init costs a second and a new map
                    rbd.RBD().pool_init(pool, False)


def first_bytes(pool: Any, name: str) -> bytes:
    """Read the beginning of an object, or nothing where there is none."""
    import rados  # noqa: PLC0415 - only the lab's venv has it

    try:
        return bytes(pool.read(name, 64))
    except rados.ObjectNotFound:
        return b""


def inactive(status: Mapping[str, Any]) -> str | None:
    """Return which placement groups are not active yet, or None."""
    groups = status["pgmap"]
    waiting = [
        f"{state['count']} {state['state_name']}"
        for state in groups.get("pgs_by_state", [])
        if "active" not in state["state_name"]
    ]
    if groups["num_pgs"] < PLACEMENT_GROUPS * len(POOLS):
        return "the manager has not reported yet"
    return ", ".join(waiting) or None


def monitor_health(lab: Lab) -> str:
    """Ask the monitor for the cluster's health, in Ceph's words."""
    with connected(lab.ceph_conf) as ceph:
        health = ceph.ask("health", detail="")
    findings = [check["summary"]["message"] for check in health["checks"].values()]
    return " ".join([health["status"], *([f"({'; '.join(findings)})"] if findings else [])])


def manager_health(lab: Lab) -> str:
    """Ask the monitor whether the manager is the active one."""
    with connected(lab.ceph_conf) as ceph:
        seen = ceph.ask("mgr stat")
    if not seen["available"]:
        raise UnhealthyError("not active yet")
    return "active"


def admin_socket(path: Path, prefix: str) -> Any:
    """Ask a daemon over its admin socket: a JSON command and a NUL, then a length and a JSON answer."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as conversation:
        conversation.settimeout(5)
        conversation.connect(str(path))
        conversation.sendall(json.dumps({"prefix": prefix, "format": "json"}).encode() + b"\0")
        with conversation.makefile("rb") as answer:
            (length,) = struct.unpack(">I", answer.read(4))
            return json.loads(answer.read(length))


def osd_health(lab: Lab, number: int) -> str:
    """Ask the OSD itself, because the monitor notices a dead one late."""
    try:
        state = admin_socket(lab.run / f"osd.{number}.asok", "status")["state"]
    except (OSError, ValueError, struct.error) as problem:
        raise UnhealthyError(f"its admin socket does not answer ({problem})") from None
    if state != "active":
        raise UnhealthyError(f"it is {state}")
    return "up"


def daemons(lab: Lab, secrets: Mapping[str, str]) -> tuple[Daemon, ...]:
    """List the monitor, the manager and the OSDs."""
    file = conf(lab, secrets)
    common = ("-f", "-c", str(lab.ceph_conf))
    mon_ports = (lab.ports.ceph_mon_v2, lab.ports.ceph_mon_v1)
    found = [
        Daemon(
            name="ceph-mon",
            command=ceph_release.program(lab, "/usr/bin/ceph-mon", *common, "-i", MON),
            address=f"{lab.address}:{mon_ports[0]},{mon_ports[1]}",
            version=functools.partial(ceph_release.version, lab, "ceph-mon"),
            check=functools.partial(monitor_health, lab),
            files=(file,),
            ports=mon_ports,
        ),
        Daemon(
            name="ceph-mgr",
            command=ceph_release.program(lab, "/usr/bin/ceph-mgr", *common, "-i", MON),
            address=lab.address,
            version=functools.partial(ceph_release.version, lab, "ceph-mgr"),
            check=functools.partial(manager_health, lab),
            files=(file,),
        ),
    ]
    found += [
        Daemon(
            name=f"ceph-osd.{number}",
            command=ceph_release.program(lab, "/usr/bin/ceph-osd", *common, "-i", str(number)),
            address=lab.address,
            version=functools.partial(ceph_release.version, lab, "ceph-osd"),
            check=functools.partial(osd_health, lab, number),
            files=(file,),
        )
        for number in osds(lab)
    ]
    return tuple(found)
