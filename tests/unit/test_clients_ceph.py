"""Ceph's commands, against a fake of librados; real ones are run by tests/lab/test_host_removal.py."""

import errno
import json
import threading

import pytest
import rados
import rbd

from clients import ceph
from clients.errors import CloudError


class Handle:
    """A connection that answers every command alike and keeps what it was sent."""

    def __init__(self, code=0, out=b"", message="", error=None):
        self.answer, self.error = (code, out, message), error
        self.sent = []

    def mon_command(self, text, given, timeout):
        return self._answered("monitor", text, given, timeout)

    def mgr_command(self, text, given, timeout):
        return self._answered("manager", text, given, timeout)

    def _answered(self, whom, text, given, timeout):
        assert (given, timeout) == (b"", 30)
        if self.error:
            raise self.error
        self.sent.append((whom, json.loads(text)))
        return self.answer


@pytest.mark.parametrize(
    ("out", "expected"), [(b'{"a": [1]}\n', {"a": [1]}), (b"done\n", "done"), (b"\n", None)]
)
def test_an_answer_is_its_json_else_its_text_else_nothing(out, expected):
    assert ceph.command(Handle(out=out), "osd tree") == expected


def test_a_command_goes_with_its_arguments_to_whom_it_is_for():
    handle = Handle()
    ceph.command(handle, "orch host rm", to="manager", hostname="compute-9")
    ceph.command(handle, "osd tree")
    assert handle.sent == [
        ("manager", {"prefix": "orch host rm", "format": "json", "hostname": "compute-9"}),
        ("monitor", {"prefix": "osd tree", "format": "json"}),
    ]


def test_a_refusal_has_cephs_last_line_and_its_errno():
    handle = Handle(code=-22, message="Traceback (most recent call last):\n  …\nValueError: no such host\n")
    with pytest.raises(
        ceph.CommandRefused, match="`ceph osd tree` failed: ValueError: no such host"
    ) as caught:
        ceph.command(handle, "osd tree")
    assert caught.value.code == 22
    with pytest.raises(ceph.CommandRefused, match="failed: error 5"):
        ceph.command(Handle(code=-5), "osd tree")


def test_a_cluster_that_stops_answering_is_a_sentence():
    with pytest.raises(CloudError, match="the Ceph manager did not answer `ceph osd df`"):
        ceph.command(Handle(error=rados.TimedOut("late")), "osd df", to="manager")


@pytest.mark.parametrize(
    ("error", "closed"),
    [
        (ValueError(), True),
        (KeyboardInterrupt(), True),
        (rbd.OSError("refused", errno=errno.EPERM), True),
        (rbd.OSError("late", errno=errno.ETIMEDOUT), False),
        (rados.TimedOut("late", errno=errno.ETIMEDOUT), False),
        (ceph.UnansweredError("late"), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_was_left_unanswered_is_not_closed_and_all_else_is(error, closed):
    calls = []
    with pytest.raises(type(error)), ceph.closing(object(), lambda: calls.append("failed")):
        raise error
    assert calls == (["failed"] if closed else [])


def test_what_went_well_is_closed():
    calls = []
    with ceph.closing(object(), lambda: calls.append("done")):
        assert calls == []
    assert calls == ["done"]


def test_a_closing_that_ceph_never_answers_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(ceph, "PATIENCE_S", 0.05)
    over, outer = threading.Event(), list[str]()
    try:
        with (
            pytest.raises(ceph.UnansweredError, match=r"^Ceph has closed no connection for 0\.05 s"),
            ceph.closing(object(), lambda: outer.append("closed")),
            ceph.closing(object(), over.wait),
        ):
            """All was answered until here."""
    finally:
        over.set()
    assert not outer


def refused():
    raise rbd.OSError("no", errno=errno.EPERM)


@pytest.mark.parametrize("meanwhile", [lambda: None, refused])
def test_a_call_that_ceph_never_answers_is_not_waited_for(monkeypatch, meanwhile):
    monkeypatch.setattr(ceph, "PATIENCE_S", 0.05)
    over = threading.Event()
    try:
        with (
            pytest.raises(
                ceph.UnansweredError, match=r"^Ceph has taken no snapshot for 0\.05 s: see `ceph -s`"
            ),
            ceph.beside(over.wait, "Ceph has taken no snapshot"),
        ):
            meanwhile()
        with pytest.raises(ceph.UnansweredError, match="Ceph has protected no snapshot"):
            ceph.bounded(over.wait, "Ceph has protected no snapshot")
    finally:
        over.set()


def test_a_call_that_ceph_refuses_is_raised_when_what_went_on_beside_it_is_done():
    done = []
    with pytest.raises(rbd.OSError, match="no"), ceph.beside(refused, "late"):
        done.append(True)
    assert done
