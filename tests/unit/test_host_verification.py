"""What is missing of hosts after a deployment, against a fake Nova and Neutron."""

import re
from types import SimpleNamespace

import pytest

from dynamic_providers.kolla_deployment import verification
from dynamic_providers.kolla_deployment.nova_host import REASON
from tests.unit import fake_openstack
from tests.unit.fake_openstack import FakeOpenStack

NETWORK_AGENTS = ("DHCP agent", "L3 agent", "Metadata agent")


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> FakeOpenStack:
    monkeypatch.setattr(verification, "POLL_S", 0.01)
    fake = fake_openstack.installed(monkeypatch)
    fake.host("compute-1")
    fake.host("network-1", *NETWORK_AGENTS, compute=False)
    return fake


def missing(within: float = 0, **roles: str) -> tuple[dict[str, list[str]], list[str]]:
    messages: list[str] = []
    hosts = {name.replace("_", "-"): words.split() for name, words in roles.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verification, "log_line", messages.append)
        return verification.missing("admin", hosts, within=within), messages


def test_nothing_is_missing_where_everything_of_each_role_reports(cloud: FakeOpenStack) -> None:
    assert missing(compute_1="compute storage", network_1="network") == ({}, [])
    assert cloud.changes == []


def test_a_host_whose_roles_have_nothing_to_report_is_not_asked_about(cloud: FakeOpenStack) -> None:
    cloud.deaf = True
    assert missing(storage_1="storage monitoring", control_1="control") == ({}, [])


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"state": "down"}, "Nova's compute service of compute-1 is down"),
        ({"forced_down": True}, "Nova's compute service of compute-1 is down"),
        (
            {"status": "disabled", "disabled_reason": "memory fault"},
            r"is disabled \(memory fault\); when that is over, run `openstack compute service set --enable",
        ),
    ],
)
def test_a_compute_service_that_takes_no_instances_is_one_sentence(
    cloud: FakeOpenStack, fields: dict[str, object], expected: str
) -> None:
    cloud.services["s-compute-1"] |= fields
    found, _ = missing(compute_1="compute", network_1="network")
    assert list(found) == ["compute-1"]
    (sentence,) = found["compute-1"]
    assert re.search(expected, sentence)
    assert cloud.changes == []


def test_each_thing_that_never_reported_is_a_sentence_of_its_host(cloud: FakeOpenStack) -> None:
    for kind in ("dhcp", "l3", "metadata", "open"):
        del cloud.agents[f"{kind}-network-1"]
    found, _ = missing(network_1="network compute")
    assert [sentence.split(";")[0] for sentence in found["network-1"]] == [
        "Nova has no compute service of network-1",
        "Neutron has no Open vSwitch agent of network-1",
        "Neutron has no DHCP agent of network-1",
        "Neutron has no L3 agent of network-1",
        "Neutron has no Metadata agent of network-1",
    ]


def test_an_agent_that_fell_silent_is_named(cloud: FakeOpenStack) -> None:
    cloud.agents["l3-network-1"]["alive"] = False
    found, _ = missing(network_1="network")
    assert found == {
        "network-1": ["Neutron's L3 agent of network-1 is not alive; look into /var/log/kolla/neutron there"]
    }


def test_a_service_that_comes_up_while_it_is_waited_for_is_not_missing(
    cloud: FakeOpenStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.services["s-compute-1"]["state"] = "down"
    messages: list[str] = []

    def log_line(line: str) -> None:
        messages.append(line)
        cloud.services["s-compute-1"]["state"] = "up"

    monkeypatch.setattr(verification, "log_line", log_line)
    found = verification.missing("admin", {"compute-1": ["compute"]}, within=30)
    assert found == {}
    assert len(messages) == 1
    assert "waiting for compute-1, 30 s at most: Nova's compute service of compute-1 is down" in messages[0]


def test_the_wait_ends_when_it_said_it_would(cloud: FakeOpenStack, monkeypatch: pytest.MonkeyPatch) -> None:
    del cloud.services["s-compute-1"]
    slept: list[float] = []
    clock = SimpleNamespace(monotonic=lambda: sum(slept), sleep=slept.append)
    monkeypatch.setattr(verification, "time", clock)
    found, message = missing(within=0.05, compute_1="compute")
    assert list(found) == ["compute-1"]
    assert len(message) == 1
    assert sum(slept) == pytest.approx(0.05)


def test_what_a_removal_disabled_is_enabled_again_because_the_host_is_declared(cloud: FakeOpenStack) -> None:
    cloud.services["s-compute-1"] |= {"status": "disabled", "disabled_reason": REASON}
    cloud.agents["l3-network-1"] |= {"admin_state_up": False, "description": REASON}
    cloud.agents["dhcp-network-1"] |= {"admin_state_up": False, "description": "moved by hand"}
    assert missing(compute_1="compute", network_1="network")[0] == {}
    assert cloud.changes == ["enabled s-compute-1", "up l3-network-1"]


def test_a_cloud_that_does_not_answer_is_a_sentence_of_each_host(cloud: FakeOpenStack) -> None:
    cloud.deaf = True
    found, _ = missing(compute_1="compute", network_1="network", storage_1="storage")
    assert sorted(found) == ["compute-1", "network-1"]
    assert found["compute-1"] == [
        "compute-1 could not be verified: cloud 'admin': no token from https://cloud.example:5000: refused."
    ]
