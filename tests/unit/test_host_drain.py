"""Emptying a host of instances, routers and networks, against a fake Nova and Neutron."""

import time
from typing import Any

import pytest

from clients.errors import InUseError
from dynamic_providers.kolla_deployment import drain
from tests.unit import fake_openstack
from tests.unit.fake_openstack import FakeOpenStack

GOING = "compute-9"
OTHERS = ("compute-1", "compute-2")


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> FakeOpenStack:
    monkeypatch.setattr(drain, "POLL_S", 0.0)
    fake = fake_openstack.installed(monkeypatch)
    for host in (GOING, *OTHERS):
        fake.host(host, "L3 agent", "DHCP agent", zone=f"zone-{host[-1]}")
    return fake


def run(cloud: FakeOpenStack, *others: str, within: float = 5) -> list[str]:
    messages: list[str] = []
    leaving = frozenset({GOING, *others})
    deadline = time.monotonic() + within
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drain, "log_line", messages.append)
        drain.drain(cloud, GOING, leaving, deadline=deadline)  # type: ignore[arg-type]
    return messages


def test_running_and_paused_instances_move_live_and_stopped_ones_cold(cloud: FakeOpenStack) -> None:
    cloud.instance("a", GOING)
    cloud.instance("b", GOING, "PAUSED")
    cloud.instance("c", GOING, "SHUTOFF")
    cloud.instance("other", "compute-1")
    message = run(cloud)
    assert cloud.changes == ["os-migrateLive i-a", "os-migrateLive i-b", "migrate i-c", "confirmResize i-c"]
    assert [line.split(",")[0] for line in message] == [
        f"{GOING}: moving instance {number} of 3" for number in (1, 2, 3)
    ]
    assert {one["OS-EXT-SRV-ATTR:host"] for one in cloud.servers.values()} == {"compute-1", "compute-2"}


def test_an_instance_that_moves_already_is_waited_for_and_not_asked_again(
    cloud: FakeOpenStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.instance("a", GOING, "MIGRATING", "migrating")
    seen: list[str] = []

    def show(*request: Any) -> Any:
        answer = FakeOpenStack.show_server(*request)
        seen.append(answer.json()["server"]["OS-EXT-SRV-ATTR:host"])
        return answer

    monkeypatch.setitem(fake_openstack.GET, "/servers/([^/]+)", show)
    run(cloud)
    assert cloud.changes == []
    assert seen == [GOING, "compute-2"]


def test_a_cold_migration_that_a_killed_run_left_is_confirmed(cloud: FakeOpenStack) -> None:
    cloud.instance("a", "compute-2", "VERIFY_RESIZE")
    cloud.migrations = [
        {
            "instance_uuid": "i-a",
            "migration_type": "migration",
            "source_compute": GOING,
            "status": "finished",
        }
    ]
    run(cloud)
    assert cloud.changes == ["confirmResize i-a"]


def test_a_projects_own_resize_is_left_to_it_and_named(cloud: FakeOpenStack) -> None:
    cloud.migrations = [
        {"instance_uuid": "i-a", "migration_type": "resize", "source_compute": GOING, "status": "finished"}
    ]
    with pytest.raises(InUseError, match=r"instance i-a \(its resize waits to be confirmed by its project\)"):
        run(cloud)
    assert cloud.changes == []


def test_what_cannot_move_is_named_with_the_reason_and_the_others_move_all_the_same(
    cloud: FakeOpenStack,
) -> None:
    cloud.instance("broken", GOING, "ERROR")
    cloud.instance("stuck", GOING, "MIGRATING", "migrating")
    cloud.hung = {"i-stuck"}
    cloud.instance("web", GOING)
    with pytest.raises(InUseError) as caught:
        run(cloud, within=1)
    assert str(caught.value).startswith(
        "compute-9 could not be emptied: instance broken (i-broken; it is ERROR),"
        " instance stuck (i-stuck; it is still migrating). It takes nothing new now"
    )
    assert cloud.servers["i-web"]["OS-EXT-SRV-ATTR:host"] == "compute-2"


def test_when_the_time_is_over_nothing_more_is_begun(
    cloud: FakeOpenStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drain, "AT_ONCE", 1)
    for name in ("a", "b"):
        cloud.hung.add(cloud.instance(name, GOING))
    with pytest.raises(InUseError) as caught:
        run(cloud, within=1)
    assert "instance a (i-a; it is still migrating), instance b (i-b; there was no time left" in str(
        caught.value
    )
    assert cloud.changes == ["os-migrateLive i-a"]


def test_an_instance_that_no_host_takes_is_named_and_asked_for_once(cloud: FakeOpenStack) -> None:
    cloud.instance("web", GOING)
    cloud.target = ""
    with pytest.raises(InUseError, match="no other host took it; `openstack server event list i-web` tells"):
        run(cloud)
    assert cloud.changes == ["os-migrateLive i-web"]


def test_nova_s_refusal_to_move_an_instance_is_told_in_its_words(
    cloud: FakeOpenStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.instance("web", GOING)
    words = "Compute service of compute-9 is unavailable at this time."
    monkeypatch.setattr(cloud, "post", lambda *_args, **_words: fake_openstack.refused(400, words))
    with pytest.raises(InUseError, match=f"Nova refused to move it: 400, {words}"):
        run(cloud)


def test_an_instance_that_is_deleted_meanwhile_is_no_problem(
    cloud: FakeOpenStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.instance("web", GOING)
    listed = cloud.list_servers({"all_tenants": "1", "host": GOING, "limit": "9"})
    cloud.servers.clear()
    monkeypatch.setitem(fake_openstack.GET, "/servers/detail", lambda *_args: listed)
    run(cloud)
    assert cloud.changes == []


def test_a_router_moves_to_the_agent_with_least_and_is_tagged_while_it_has_none(
    cloud: FakeOpenStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.router("edge", f"l3-{GOING}")
    cloud.agents["l3-compute-1"]["configurations"]["routers"] = 4
    post, tagged = cloud.post, []

    def post_and_look(*args: Any, **words: Any) -> Any:
        tagged.append({thing for thing, _ in cloud.tags})
        return post(*args, **words)

    monkeypatch.setattr(cloud, "post", post_and_look)
    run(cloud)
    assert tagged == [{"r-edge"}]
    assert cloud.agents_of("r-edge") == {"l3-compute-2"}
    assert cloud.changes == [f"r-edge from l3-{GOING}", "r-edge to l3-compute-2"]
    assert cloud.tags == set()


def test_a_router_that_a_killed_run_left_without_an_agent_gets_one(
    cloud: FakeOpenStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.router("edge", f"l3-{GOING}")

    def killed(*_args: object, **_words: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(cloud, "post", killed)
        with pytest.raises(KeyboardInterrupt):
            run(cloud)
    assert cloud.agents_of("r-edge") == set()
    run(cloud)
    assert cloud.agents_of("r-edge") == {"l3-compute-1"}
    assert cloud.tags == set()


def test_a_router_that_another_agent_has_too_only_leaves(cloud: FakeOpenStack) -> None:
    cloud.router("ha", f"l3-{GOING}", "l3-compute-1")
    run(cloud)
    assert cloud.changes == [f"r-ha from l3-{GOING}"]


def test_a_networks_dhcp_comes_to_the_next_agent_before_it_leaves(cloud: FakeOpenStack) -> None:
    cloud.dhcp_network("lan", f"dhcp-{GOING}")
    run(cloud)
    assert cloud.changes == ["n-lan to dhcp-compute-1", f"n-lan from dhcp-{GOING}"]


def test_several_go_to_several_agents(cloud: FakeOpenStack) -> None:
    for name in "abcd":
        cloud.dhcp_network(name, f"dhcp-{GOING}")
    run(cloud)
    assert [
        len({f"n-{name}" for name in "abcd" if f"dhcp-{host}" in cloud.agents_of(f"n-{name}")})
        for host in OTHERS
    ] == [2, 2]


def test_zones_that_are_asked_for_and_networks_that_a_host_reaches_are_minded(cloud: FakeOpenStack) -> None:
    cloud.router("edge", f"l3-{GOING}", availability_zone_hints=["zone-2"])
    cloud.dhcp_network("lan", f"dhcp-{GOING}", **{"provider:physical_network": "physnet1"})
    cloud.agents["open-compute-1"]["configurations"] = {"bridge_mappings": {"physnet2": "br-other"}}
    run(cloud)
    assert cloud.agents_of("r-edge") == {"l3-compute-2"}
    assert cloud.agents_of("n-lan") == {"dhcp-compute-2"}


@pytest.mark.parametrize(
    "fault", [{"alive": False}, {"admin_state_up": False}, {"configurations": {"agent_mode": "dvr"}}]
)
def test_no_router_goes_to_an_agent_that_cannot_serve_it(
    cloud: FakeOpenStack, fault: dict[str, object]
) -> None:
    cloud.router("edge", f"l3-{GOING}")
    for host in OTHERS:
        cloud.agents[f"l3-{host}"] |= fault
    with pytest.raises(InUseError, match=r"router edge \(r-edge; no other L3 agent can serve it\)"):
        run(cloud)
    assert cloud.agents_of("r-edge") == {f"l3-{GOING}"}


def test_nothing_goes_to_a_host_that_leaves_as_well(cloud: FakeOpenStack) -> None:
    cloud.router("edge", f"l3-{GOING}", "l3-compute-1", ha=True)
    run(cloud, "compute-1")
    assert cloud.agents_of("r-edge") == {"l3-compute-1", "l3-compute-2"}
