"""When a program without a port of its own counts as healthy."""

import os
import time

import pytest

from lab.daemon import UnhealthyError
from lab.fakes import neutron_agents
from lab.services import mariadb, neutron, rabbitmq, report
from lab.settings import HOST, Lab


@pytest.fixture
def lab(tmp_path):
    made = Lab(root=tmp_path, links=tmp_path)
    made.link()
    return made


def says(monkeypatch, answer: str) -> None:
    monkeypatch.setattr(mariadb, "ask", lambda _lab, _query: answer)


def started(lab: Lab, ago: float) -> None:
    marker = lab.run / "nova-compute.started-with"
    marker.touch()
    os.utime(marker, (time.time() - ago,) * 2)


def test_a_late_report_says_how_old_it_is(lab, monkeypatch):
    says(monkeypatch, f"{time.time() - 200:.6f}")
    with pytest.raises(UnhealthyError, match="its last report is 200 s old"):
        report.fresh(lab, "nova-compute", "last_seen_up", "FROM services")


def test_a_report_from_before_the_last_start_does_not_count(lab, monkeypatch):
    says(monkeypatch, f"{time.time() - 20:.6f}")
    started(lab, 10)
    with pytest.raises(UnhealthyError, match="since it started"):
        report.fresh(lab, "nova-compute", "last_seen_up", "FROM services")


def test_a_report_since_the_start_is_healthy(lab, monkeypatch):
    says(monkeypatch, f"{time.time() - 20:.6f}")
    started(lab, 60)
    assert report.fresh(lab, "nova-compute", "last_seen_up", "FROM services") == "reported 20 s ago"


def test_who_never_reported_is_not_healthy(lab, monkeypatch):
    says(monkeypatch, "NULL")
    with pytest.raises(UnhealthyError, match="not reported yet"):
        report.fresh(lab, "nova-compute", "last_seen_up", "FROM services")


def test_a_queue_that_nobody_listens_to_is_named(lab, monkeypatch):
    monkeypatch.setattr(rabbitmq, "consumers", lambda *_: 0)
    with pytest.raises(UnhealthyError, match=r"nobody listens to the queue compute\.lab"):
        report.listening(lab, {}, "nova", "compute.lab")


def test_agents_of_hosts_that_are_gone_do_not_make_the_labs_own_unhealthy(lab, monkeypatch):
    requests = []

    def ask(_lab, question):
        requests.append(question)
        return str(len(neutron_agents.agents(HOST))) if "COUNT" in question else str(time.time())

    monkeypatch.setattr(mariadb, "ask", ask)
    neutron.agents_health(lab)
    assert len(requests) > 1
    assert not [
        text for text in requests if "host IN ('lab', 'rack-1-network', 'rack-2-network')" not in text
    ]
