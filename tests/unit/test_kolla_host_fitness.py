"""What a host is looked at for, and the sentences about what it lacks.

The tables are as ovs-vsctl 3.1 prints them; tests/lab/test_kolla_host.py asks a real Open vSwitch.
"""

import errno
import json
import os
import struct
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from dynamic_providers.kolla_host import fitness, probe, probe_script, switch
from dynamic_providers.kolla_host.declared import KollaHostArgs
from dynamic_providers.kolla_host.probe import Disk, Found, Osd
from tests.managed_hosts import managed_host

OSD_UUID = "15198f8c-98d8-4f30-895e-892293357415"
FSID = "317c3485-eaee-4855-b037-26ba60bceee8"
NONE = ["set", []]


def uuid(name):
    return ["uuid", name]


def tables(ports, bridge="br-link", down=()):
    """Of one bridge with {port: (interfaces, tag, trunks)}; the bridge's own port is added."""
    ports = {bridge: ([bridge], NONE, NONE), **ports}
    names = [name for interfaces, _, _ in ports.values() for name in interfaces]
    return {
        "bridge": {
            "headings": ["name", "ports"],
            "data": [[bridge, ["set", [uuid(f"p-{name}") for name in ports]]]],
        },
        "port": {
            "headings": ["_uuid", "name", "interfaces", "tag", "trunks"],
            "data": [
                [uuid(f"p-{name}"), name, _set([uuid(f"i-{each}") for each in interfaces]), tag, trunks]
                for name, (interfaces, tag, trunks) in ports.items()
            ],
        },
        "interface": {
            "headings": ["_uuid", "name", "link_state"],
            "data": [[uuid(f"i-{name}"), name, "down" if name in down else "up"] for name in names],
        },
    }


def _set(members):
    return members[0] if len(members) == 1 else ["set", members]


BOND = {"bond0": (["eno1", "eno2"], NONE, NONE), "mgmt": (["mgmt"], 110, NONE)}
GOOD = tables({**BOND, "link-to-ex": (["link-to-ex"], NONE, ["set", [120, 130]])})


@pytest.mark.parametrize(
    "ports",
    [
        {**BOND, "link-to-ex": (["link-to-ex"], NONE, ["set", [120, 130]])},
        {**BOND, "one": (["one"], NONE, 120), "two": (["two"], 130, NONE)},
        {**BOND, "all": (["all"], NONE, NONE)},
        {"bond0": (["eno1", "eno2"], NONE, ["set", [110, 120, 130]]), "all": (["all"], NONE, NONE)},
    ],
)
def test_links_that_are_as_declared_are_no_problem(ports):
    assert switch.problems(tables(ports), ["eno1", "eno2"], [120, 130]) == []


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        (tables({}, bridge="br-int"), "Open vSwitch has no bridge br-link"),
        (tables({}), "links eno1 and eno2 are not in the bond of br-link"),
        (tables({"bond0": (["eno1"], NONE, NONE)}), "link eno2 is not in the bond of br-link"),
        (
            tables({"eno1": (["eno1"], NONE, NONE), "eno2": (["eno2"], NONE, NONE)}),
            "links eno1 and eno2 are in br-link, but not as one bond",
        ),
        (tables(BOND), "VLANs 120 and 130 are not on br-link"),
        (tables({**BOND, "ex": (["ex"], NONE, 120)}), "VLAN 130 is not on br-link"),
        (
            tables({"bond0": (["eno1", "eno2"], NONE, 120), "all": (["all"], NONE, NONE)}),
            "VLAN 130 is not on br-link",
        ),
    ],
)
def test_what_the_links_lack_is_said(found, problem):
    assert switch.problems(found, ["eno1", "eno2"], [120, 130]) == [problem]


def test_a_link_without_a_carrier_is_told():
    assert switch.dead_links(tables(BOND, down=["eno2"]), ["eno1", "eno2"]) == ["eno2"]


DECLARED = KollaHostArgs(
    **dict(managed_host()),
    inventory=Path("/inv"),
    kickstart="",
    kickstart_file=Path("/kickstart"),
    links=["eno1", "eno2"],
    vlans=[120, 130],
    osd_disks=["/dev/a"],
)
CLEAN = Disk(device="/dev/sdb", size=2 << 30, in_use=False, signatures=[], osd=None)


FOUND = Found(
    nodename="compute-1.corp.example",
    engine="24.0",
    engine_error=None,
    switch=GOOD,
    switch_error=None,
    network=None,
    network_error=None,
    interfaces=[],
    os_image=None,
    disks={"/dev/a": CLEAN},
)


def test_a_host_that_is_as_declared_is_fit():
    assert fitness.unmet(DECLARED, FOUND, ()) == []


def test_all_that_is_not_is_told_at_once():
    broken = replace(
        FOUND,
        nodename="compute-2",
        engine=None,
        engine_error="there is no command docker",
        switch=None,
        switch_error="there is no command ovs-vsctl",
        disks={"/dev/a": "No such file or directory"},
    )
    sentences = fitness.unmet(DECLARED, broken, ())
    for part, sentence in zip(
        [
            "calls itself compute-2",
            "there is no command docker",
            "no command ovs-vsctl",
            "/dev/a cannot be read (No such",
        ],
        sentences,
        strict=True,
    ):
        assert part in sentence


OLD = replace(CLEAN, signatures=["ceph_bluestore"], osd=Osd("3", OSD_UUID, FSID))


@pytest.mark.parametrize(
    ("there", "message"),
    [
        (OLD, f"(/dev/sdb, 2.0 GiB) still carries osd.3 ({OSD_UUID}) of the Ceph cluster {FSID}"),
        (
            replace(CLEAN, osd=Osd(None, None, None)),
            "still carries an OSD of a Ceph cluster it does not name",
        ),
        (replace(CLEAN, in_use=True, signatures=["xfs"]), "is mounted or part of another device"),
        (replace(CLEAN, signatures=["dos", "gpt"]), "is not empty (dos, gpt)"),
    ],
)
def test_a_disk_that_is_not_clean_is_refused_by_what_is_on_it(there, message):
    (sentence,) = fitness.unmet(DECLARED, replace(FOUND, disks={"/dev/a": there}), ())
    assert sentence.startswith("disk /dev/a ")
    assert message in sentence


def test_a_disk_that_ceph_has_had_only_has_to_be_there():
    used = ["/dev/a"]
    assert fitness.unmet(DECLARED, replace(FOUND, disks={"/dev/a": OLD}), used) == []
    (sentence,) = fitness.unmet(DECLARED, replace(FOUND, disks={"/dev/a": "Input/output error"}), used)
    assert "Input/output error" in sentence


def test_one_disk_under_two_names_is_refused():
    twice = DECLARED.model_copy(update={"osd_disks": ["/dev/a", "/dev/b"]})
    (sentence,) = fitness.unmet(twice, replace(FOUND, disks={"/dev/a": CLEAN, "/dev/b": CLEAN}), ())
    assert "/dev/a and /dev/b are the same disk, /dev/sdb" in sentence


def bluestore(meta, version=2):
    def text(value):
        return struct.pack("<I", len(value)) + value.encode()

    body = bytes(16 + 8 + 8) + text("main") + struct.pack("<I", len(meta))
    body += b"".join(text(part) for pair in meta.items() for part in pair)
    head = f"bluestore block device\n{OSD_UUID}\n".encode()
    return (head + struct.pack("<BBI", version, 1, len(body)) + body).ljust(1 << 20, b"\0")


def lvm(tags, label=b"LABELONE"):
    text = (
        b'{ tags = ["' + '", "'.join(f"ceph.{key}={value}" for key, value in tags.items()).encode() + b'"] }'
    )
    return (bytes(512) + label.ljust(4096 - 512, b"\0") + text).ljust(1 << 20, b"\0")


@pytest.mark.parametrize(
    ("start", "osd"),
    [
        (
            bluestore({"ceph_fsid": FSID, "osd_key": "AQB-secret", "whoami": "2"}),
            {"uuid": OSD_UUID, "id": "2", "cluster": FSID},
        ),
        (bluestore({}, version=1), {"uuid": OSD_UUID}),
        (bluestore({"whoami": "2"})[:100], {"uuid": OSD_UUID}),  # cut off
        (
            lvm({"osd_id": "7", "osd_fsid": OSD_UUID, "cluster_fsid": FSID}),
            {"uuid": OSD_UUID, "id": "7", "cluster": FSID},
        ),
        (lvm({"osd_id": "7"}, label=b""), None),  # wiped: the text is left
        (lvm({}), None),
        (bytes(1 << 20), None),
        (b"", None),
    ],
    ids=["bluestore", "version 1", "cut off", "lvm", "lvm wiped", "lvm without tags", "zeros", "empty"],
)
def test_the_old_osd_on_a_disk_is_known_and_its_key_is_not_told(tmp_path, start, osd):
    path = tmp_path / "disk"
    path.write_bytes(start)
    found = probe_script._disk(str(path))
    assert found["osd"] == osd
    assert "secret" not in json.dumps(found)


def test_a_clean_disk_and_one_with_a_file_system_are_told_apart(tmp_path):
    path = tmp_path / "disk"
    with path.open("wb") as made:
        made.truncate(1 << 20)
    clean = probe_script._disk(str(path))
    assert (clean["size"], clean["signatures"], clean["in_use"]) == (1 << 20, [], False)
    with path.open("r+b") as made:  # ext2's magic number (ext2_fs.h)
        made.seek(1024 + 56)
        made.write(b"\x53\xef")
        made.seek(510)
        made.write(b"\x55\xaa")
    assert probe_script._disk(str(path))["signatures"]


def test_a_disk_that_is_not_there_is_said_so():
    assert probe_script._disk("/nowhere") == {"error": "No such file or directory"}


def test_a_device_in_use_cannot_be_opened_for_oneself_alone(monkeypatch):
    def busy(*_arguments):
        raise OSError(errno.EBUSY, "Device or resource busy")

    monkeypatch.setattr(os, "open", busy)
    assert not probe_script._opens("/dev/sda", os.O_EXCL)


def test_a_program_s_silence_is_told(monkeypatch):
    def never(words, **options):
        raise subprocess.TimeoutExpired(words, options["timeout"])

    assert probe_script._command("no-such-program") == {"error": "there is no command no-such-program"}
    assert probe_script._command("sh", "-c", "echo a >&2; echo b >&2; exit 1") == {"error": "b"}
    monkeypatch.setattr(subprocess, "run", never)
    assert "no answer within 20 s" in probe_script._command("docker")["error"]


def test_the_booted_image_is_told_where_there_is_bootc():
    message = {
        "nodename": "a",
        "engine": {"out": "24.0\n"},
        "switch": {"error": "none"},
        "network": {"error": "none"},
        "interfaces": [],
        "bootc": {"status": {"booted": {"image": {"image": {"image": "r/host:1"}}}}},
        "disks": {"/dev/a": {"error": "gone"}},
    }
    answer = probe._found(message)
    assert (answer.os_image, answer.engine) == ("r/host:1", "24.0")
    assert answer.disks == {"/dev/a": "gone"}
    assert probe._found(message | {"bootc": None}).os_image is None
