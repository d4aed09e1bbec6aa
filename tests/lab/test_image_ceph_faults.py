"""Faults of Ceph during an import: each is got over, or told in one sentence, and the next run converges."""

import json
import os
import re
import socket
import subprocess
import sys
import uuid

import pytest

from clients import ceph
from clients.errors import CloudError
from dynamic_providers.rbd_image import reading, writer
from tests.lab import ceph_daemons
from tests.lab.golden_image import (
    ROOT,
    at_the_lab,
    first,
    glance,
    inputs,
    make,
    provider,
    raw_digest_in_rbd,
    rbd_names,
    recorded_names,
)

pytestmark = pytest.mark.alone

__all__ = ["at_the_lab", "first"]

SHORT_S = "3"


@pytest.fixture
def before_piece(monkeypatch):
    """Has something done once, when an import has read so many pieces of its source."""

    def arrange(number, do):
        pieces = reading._Decoder.pieces
        done: list[int] = []

        def meddled(self, what):
            for count, piece in enumerate(pieces(self, what)):
                if count == number and not done:
                    done.append(count)
                    do()
                yield piece

        monkeypatch.setattr(reading._Decoder, "pieces", meddled)
        return done

    return arrange


@pytest.fixture
def impatient(monkeypatch):
    """Ceph's timeouts, shortened: not how long they are is tested here, but that each step has one."""
    for key in ceph.TIMEOUTS:
        monkeypatch.setitem(ceph.TIMEOUTS, key, SHORT_S)


def converges(wanted, digest):
    """Make it once more: the disk is whole in RBD, the record active; then it is removed."""
    made = make(wanted)
    try:
        assert raw_digest_in_rbd(made.outs["glance_id"]) == digest
        assert glance(made.outs["glance_id"])["status"] == "active"
    finally:
        provider.delete(made.id, made.outs)


def test_an_osd_that_is_killed_in_mid_import_is_got_over_and_rbd_holds_the_whole_disk(
    lab, first, before_piece
):
    killed = {}
    before_piece(3, lambda: killed.update({"ceph-osd.1": ceph_daemons.kill(lab, "ceph-osd.1")}))
    try:
        converges(inputs(first[0]), first[1])
        assert killed
    finally:
        ceph_daemons.wait_until_healthy(lab, killed)


STOPPED = """
import json, os, signal, sys
from clients import ceph
from clients.errors import CloudError
from dynamic_providers.rbd_image import reading, registration, store, verify, writer
from dynamic_providers.rbd_image.provider import RbdImageProvider
for key in ceph.TIMEOUTS:
    ceph.TIMEOUTS[key] = "3"
ceph.PATIENCE_S = 10
registration.ACTIVE_TIMEOUT_S = 5
def stop():
    for pid in json.loads(sys.argv[3]):
        os.kill(pid, signal.SIGSTOP)
def first_stop(module, name, after=False):
    original = getattr(module, name)
    def meddled(*args):
        if not after:
            stop()
        result = original(*args)
        if after:
            stop()
        return result
    setattr(module, name, meddled)
pieces = reading._Decoder.pieces
def meddled(self, what):
    for count, piece in enumerate(pieces(self, what)):
        if str(count) == sys.argv[1]:
            stop()
        yield piece
steps = {
    "look": (store, "inspect"), "ready": (store, "_make_ready"), "snapshot": (store, "take_snapshot"),
    "check": (verify, "check"), "seal": (store, "seal"), "close": (store, "seal", True),
}
if sys.argv[1] in steps:
    first_stop(*steps[sys.argv[1]])
reading._Decoder.pieces = meddled
try:
    RbdImageProvider().create(json.loads(sys.argv[2]))
except CloudError as error:
    print(error)
"""


def sentence_when_stopped(lab, first, when, daemons):
    """What an import says, in a process of its own, whose DAEMONS stop at that moment and go on when it has ended."""
    pids = [ceph_daemons.pid(lab, name) for name in daemons]
    try:
        ended = subprocess.run(
            [sys.executable, "-c", STOPPED, when, json.dumps(inputs(first[0])), json.dumps(pids)],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    finally:
        ceph_daemons.go_on(lab, *daemons)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    (sentence,) = ended.stdout.splitlines()
    return sentence


@pytest.mark.parametrize(
    "when",
    [
        pytest.param(when, marks=pytest.mark.nightly if when != "check" else ())
        for when in ("look", "ready", "0", "5", "snapshot", "check", "seal", "close")
    ],
)  # before that piece of the source, or that step; "close": before the image is closed
def test_osds_that_all_stop_answering_in_mid_import_are_one_sentence_and_the_next_run_goes_on(
    lab, first, when
):
    sentence = sentence_when_stopped(lab, first, when, ceph_daemons.OSDS)
    late = (
        "did not answer",
        "acknowledged no write",
        "taken no snapshot",
        "no RBD image ready",
        "protected no",
        "closed no",
        "was not active in time",
    )
    assert any(words in sentence for words in late), sentence
    converges(inputs(first[0]), first[1])


@pytest.mark.usefixtures("impatient")
def test_monitors_that_do_not_answer_at_the_start_are_one_sentence_and_nothing_is_made(lab, first):
    before = rbd_names() | recorded_names()
    with (
        ceph_daemons.stopped(lab, ceph_daemons.MON),
        pytest.raises(CloudError, match=f"monitors named in .* did not accept .* within {SHORT_S} s"),
    ):
        make(inputs(first[0]))
    assert rbd_names() | recorded_names() == before
    converges(inputs(first[0]), first[1])


def test_monitors_that_stop_answering_in_mid_import_are_one_sentence_and_the_next_run_converges(lab, first):
    sentence = sentence_when_stopped(lab, first, "3", [ceph_daemons.MON])
    assert re.search(r"[Cc]eph .*(timed out|in time|taken no snapshot)", sentence)
    converges(inputs(first[0]), first[1])


@pytest.mark.usefixtures("impatient")
def test_a_ceph_conf_that_names_a_closed_port_is_one_sentence(lab, first, tmp_path):
    with socket.socket() as free:
        free.bind((lab.address, 0))
        port = free.getsockname()[1]
    keyring = lab.etc / "ceph" / "ceph.client.image-import.keyring"
    conf = tmp_path / "ceph.conf"
    conf.write_text(
        f"[global]\nfsid = {uuid.uuid4()}\nmon host = [v2:{lab.address}:{port}]\n"
        f"[client.image-import]\nkeyring = {keyring}\n",
        encoding="utf-8",
    )
    with pytest.raises(CloudError, match=f"monitors named in {conf} did not accept client.image-import"):
        make(inputs(first[0], ceph_conf=str(conf)))


def ceph_says(*words):
    done = subprocess.run(["ceph", "--id", "admin", *words], check=True, capture_output=True, text=True)
    return json.loads(done.stdout.strip() or "null")


def is_there_room(mib):
    (pool,) = (item for item in ceph_says("df", "-f", "json")["pools"] if item["name"] == "images")
    return pool["stats"]["max_avail"] >= mib << 20


@pytest.fixture
def nearly_full(lab):
    """OSDs with room for a few MiB: the ratio at which they count as full is lowered to above what they hold."""
    held = ceph_says("osd", "df", "-f", "json")["summary"]["average_utilization"] / 100
    try:
        ceph_says("osd", "set-nearfull-ratio", "0.00001")
        ceph_says("osd", "set-backfillfull-ratio", "0.00001")
        ceph_says("osd", "set-full-ratio", f"{held + 0.0002:.6f}")
        ceph_daemons.wait_for(lambda: not is_there_room(24))
        yield
    finally:
        ceph_says("osd", "set-full-ratio", "0.95")
        ceph_says("osd", "set-backfillfull-ratio", "0.9")
        ceph_says("osd", "set-nearfull-ratio", "0.85")
        ceph_daemons.wait_for(lambda: is_there_room(1000) and ceph_daemons.is_healthy(lab, {}))


@pytest.mark.usefixtures("nearly_full")
def test_data_for_which_the_osds_have_no_room_is_refused_before_it_is_written(first, monkeypatch):
    before = rbd_names() | recorded_names()
    monkeypatch.setattr(writer, "_copy", lambda *_: pytest.fail("data was written"))
    with pytest.raises(CloudError, match=r"pool 'images'.*freed room in it"):
        make(inputs(first[0]))
    assert rbd_names() | recorded_names() == before
