"""Taking hosts out: who is asked first, what is done in which order, and what a second run finds."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from clients import ssh
from clients.errors import CloudError, InUseError
from clients.ssh import HostUnreachable, LoginRefused, RemoteCommandFailed, SshHost
from dynamic_providers.kolla_deployment import ceph_host, drain, leftovers, markers, removal
from dynamic_providers.kolla_deployment.ceph_host import Clouds, Osd
from dynamic_providers.kolla_deployment.deployment import DeployedHost
from dynamic_providers.kolla_deployment.removal import last_control
from tests.managed_hosts import managed_host, ssh_host
from tests.unit import fake_openstack
from tests.unit.fake_openstack import FakeOpenStack

CLOUDS = Clouds("admin", "admin")


class Machines:
    """What is on the hosts, by their names; `done` tells what was run on them, in order."""

    def __init__(self) -> None:
        self.containers: dict[str, list[str]] = {}
        self.volumes: dict[str, list[str]] = {}
        self.markers: set[str] = set()
        self.bare: set[str] = set()  # without a container engine
        self.dead: dict[str, CloudError] = {}
        self.done: list[str] = []
        self.failing: dict[str, str] = {}

    def deployed(self, name: str) -> None:
        self.containers[name] = ["nova_compute"]
        self.volumes[name] = ["kolla_logs", "nova_compute"]
        self.markers.add(name)

    def run(self, host: SshHost, command: Sequence[str] | str, **_options: Any) -> str:
        name = host.name
        if name in self.dead:
            raise self.dead[name]
        if isinstance(command, str):
            assert "label=kolla_version" in command
            assert markers.PATH in command
            there = [] if name in self.bare else ["engine"]
            there += [f"container {one}" for one in self.containers.get(name, [])]
            there += [f"volume {one}" for one in self.volumes.get(name, [])]
            return "\n".join([*there, *(["marker"] if name in self.markers else [])])
        self.done.append(f"{name}: {' '.join(command)}")
        if command[:3] == ["docker", "volume", "rm"]:
            self.volumes[name] = [one for one in self.volumes[name] if one not in command[3:]]
        else:
            assert command == ["rm", "-f", markers.PATH]
            self.markers.discard(name)
        return ""

    def destroy(self, names: Sequence[str]) -> dict[str, str]:
        """As Kolla does: only the volumes of containers that are there."""
        self.done.append(f"destroy {' '.join(names)}")
        for name in set(names) - set(self.failing):
            if self.containers.pop(name, None):
                self.volumes[name] = []
        return {name: why for name, why in self.failing.items() if name in names}


@pytest.fixture
def machines(monkeypatch: pytest.MonkeyPatch) -> Machines:
    fake = Machines()
    monkeypatch.setattr(ssh, "run", fake.run)
    return fake


@pytest.fixture
def osds(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Osd]]:
    found: dict[str, list[Osd]] = {}
    monkeypatch.setattr(ceph_host, "osds", lambda _clouds, host: found.get(host, []))
    monkeypatch.setattr(
        ceph_host, "take_back", lambda name, _clouds: f"{name} stays" if name in found else None
    )
    return found


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch, osds: dict[str, list[Osd]]) -> FakeOpenStack:
    monkeypatch.setattr(drain, "POLL_S", 0.0)
    assert osds == {}
    fake = fake_openstack.installed(monkeypatch)
    for host in ("compute-9", "compute-2"):
        fake.host(host, "L3 agent", "DHCP agent")
    return fake


def leaving(name: str = "compute-9", *roles: str, how: str = "refuse") -> DeployedHost:
    host = managed_host(ssh_host(name, address="10.110.0.29"), roles=roles or ("compute", "network"))
    return DeployedHost(**dict(host), removal=how, osd_disks=[])


def run(
    machines: Machines, *hosts: DeployedHost, staying: dict[str, set[str]] | None = None
) -> tuple[dict[str, str], list[str]]:
    stay = {"control-1": {"control"}} if staying is None else staying
    with pytest.MonkeyPatch.context() as patch:
        messages: list[str] = []
        for module in (removal, drain):
            patch.setattr(module, "log_line", messages.append)
        return removal.Removal(hosts, stay, CLOUDS, machines.destroy, within=1).run(), messages


def test_a_host_that_nobody_uses_goes_with_its_records_and_leaves_nothing(
    cloud: FakeOpenStack, machines: Machines
) -> None:
    machines.deployed("compute-9")
    failed, message = run(machines, leaving())
    assert failed == {}
    assert machines.done == [f"compute-9: rm -f {markers.PATH}", "destroy compute-9"]
    assert cloud.changes == [
        "disabled s-compute-9",
        "down l3-compute-9",
        "down dhcp-compute-9",
        "delete s-compute-9",
        "delete open-compute-9",
        "delete l3-compute-9",
        "delete dhcp-compute-9",
    ]
    assert [one["host"] for one in cloud.services.values()] == ["compute-2"]
    assert message[-1] == "compute-9: removed"


def test_everything_that_is_on_a_host_is_named_and_nothing_is_touched(
    cloud: FakeOpenStack, machines: Machines, osds: dict[str, list[Osd]]
) -> None:
    for number in range(7):
        cloud.instance(f"web-{number}", "compute-9")
    cloud.router("edge", "l3-compute-9")
    cloud.dhcp_network("lan", "dhcp-compute-9")
    osds["compute-9"] = [Osd(3, 12, False), Osd(4, 0, True), Osd(5, 0, False)]
    cloud.migrations = [
        {
            "instance_uuid": "i-x",
            "migration_type": "resize",
            "source_compute": "compute-9",
            "status": "finished",
        }
    ]
    with pytest.raises(InUseError) as caught:
        run(machines, leaving())
    named = ", ".join(f"web-{number} (i-web-{number}, project shop)" for number in range(5))
    assert str(caught.value) == (
        f"compute-9 is in use by 7 instance(s): {named} and 2 more; 1 migration(s) not confirmed yet: resize of"
        " instance i-x; 1 router(s): edge (r-edge); 1 DHCP network(s): lan (n-lan); 2 OSD(s) not empty: osd.3"
        " (12 placement groups), osd.5 (0 placement groups): empty its OSDs first, which is not done here; move or"
        " delete the others, or declare the host once more with removal: drain before it goes"
    )
    assert cloud.changes == machines.done == []


def test_what_another_host_serves_too_is_no_user_unless_that_host_goes_as_well(
    cloud: FakeOpenStack, machines: Machines
) -> None:
    cloud.router("ha", "l3-compute-9", "l3-compute-2")
    with pytest.raises(
        InUseError, match=r"compute-9 is in use by 1 router.*\. compute-2 is in use by 1 router"
    ):
        run(machines, leaving(), leaving("compute-2"))
    cloud.agents["l3-compute-2"]["alive"] = False
    with pytest.raises(InUseError, match=r"1 router\(s\): ha"):
        run(machines, leaving())
    cloud.agents["l3-compute-2"]["alive"] = True
    assert run(machines, leaving())[0] == {}


def test_a_host_of_which_nova_and_neutron_know_nothing_goes_as_well(
    cloud: FakeOpenStack, machines: Machines
) -> None:
    machines.deployed("storage-1")
    assert run(machines, leaving("storage-1", "storage"))[0] == {}
    assert cloud.changes == []
    assert machines.markers == set()


def test_a_drained_host_is_emptied_before_it_is_destroyed(cloud: FakeOpenStack, machines: Machines) -> None:
    machines.deployed("compute-9")
    cloud.instance("web", "compute-9")
    cloud.router("edge", "l3-compute-9")
    assert run(machines, leaving(how="drain"))[0] == {}
    assert cloud.changes.index("disabled s-compute-9") < cloud.changes.index("os-migrateLive i-web")
    assert cloud.servers["i-web"]["OS-EXT-SRV-ATTR:host"] == "compute-2"
    assert cloud.agents_of("r-edge") == {"l3-compute-2"}


def test_a_host_that_cannot_be_emptied_is_not_destroyed_and_the_others_go(
    cloud: FakeOpenStack, machines: Machines
) -> None:
    cloud.host("compute-8")
    cloud.instance("broken", "compute-9", "ERROR")
    for name in ("compute-9", "compute-8"):
        machines.deployed(name)
    failed, _ = run(machines, leaving(how="drain"), leaving("compute-8"))
    assert list(failed) == ["compute-9"]
    assert "instance broken (i-broken; it is ERROR)" in failed["compute-9"]
    assert machines.done[-1] == "destroy compute-8"
    assert cloud.services["s-compute-9"]["status"] == "disabled"
    assert "s-compute-8" not in cloud.services


def test_osds_with_data_are_never_drained(
    cloud: FakeOpenStack, machines: Machines, osds: dict[str, list[Osd]]
) -> None:
    osds["compute-9"] = [Osd(3, 12, False)]
    with pytest.raises(
        InUseError, match=r"osd\.3 \(12 placement groups\): empty its OSDs first, which is not done"
    ):
        run(machines, leaving(how="drain"))
    assert cloud.changes == []


def test_an_instance_that_came_between_look_and_disabling_stops_the_removal(
    cloud: FakeOpenStack, machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    machines.deployed("compute-9")
    put = cloud.put

    def put_late(*args: Any, **words: Any) -> Any:
        cloud.instance("late", "compute-9")
        return put(*args, **words)

    monkeypatch.setattr(cloud, "put", put_late)
    failed, _ = run(machines, leaving())
    assert "late (i-late, project shop)" in failed["compute-9"]
    assert "destroy compute-9" not in machines.done


def test_a_dead_host_goes_with_a_warning_that_it_was_not_destroyed(
    cloud: FakeOpenStack, machines: Machines
) -> None:
    machines.deployed("compute-9")
    machines.dead["compute-9"] = HostUnreachable("host compute-9 (10.110.0.29 port 22) cannot be reached")
    failed, message = run(machines, leaving())
    assert failed == {}
    assert machines.done == []
    assert "s-compute-9" not in cloud.services
    (warning,) = [line for line in message if line.startswith("warning: ")]
    assert "host compute-9 (10.110.0.29 port 22) cannot be reached. It is removed all the same" in warning


def test_nova_is_not_asked_to_tell_a_host_that_is_down(cloud: FakeOpenStack, machines: Machines) -> None:
    cloud.services["s-compute-9"]["state"] = "down"
    assert run(machines, leaving())[0] == {}
    assert "disabled s-compute-9" not in cloud.changes


def test_a_dead_host_with_instances_is_refused_like_any_other(
    cloud: FakeOpenStack, machines: Machines
) -> None:
    machines.dead["compute-9"] = HostUnreachable("no answer")
    cloud.instance("web", "compute-9")
    with pytest.raises(InUseError, match="web"):
        run(machines, leaving())
    assert cloud.changes == []


@pytest.mark.parametrize(
    "error", [LoginRefused("it refuses user kolla"), RemoteCommandFailed("docker failed", 1, "")]
)
def test_a_host_that_answers_and_lets_nobody_look_is_not_taken_for_dead(
    cloud: FakeOpenStack, machines: Machines, error: CloudError
) -> None:
    machines.dead["compute-9"] = error
    assert run(machines, leaving())[0] == {"compute-9": str(error)}
    assert cloud.changes == []


def test_a_host_that_kolla_fails_on_keeps_its_records_and_the_others_go(
    cloud: FakeOpenStack, machines: Machines
) -> None:
    cloud.host("compute-8")
    for name in ("compute-9", "compute-8"):
        machines.deployed(name)
    machines.failing = {"compute-9": "task X: boom (log l)"}
    failed, _ = run(machines, leaving(), leaving("compute-8"))
    assert failed == {"compute-9": "task X: boom (log l)"}
    assert set(cloud.services) == {"s-compute-9", "s-compute-2"}


def test_volumes_that_kolla_cannot_find_any_more_are_removed(
    cloud: FakeOpenStack, machines: Machines
) -> None:
    machines.deployed("compute-9")
    del machines.containers["compute-9"]  # a former run was killed between containers and volumes
    assert run(machines, leaving())[0] == {}
    assert machines.done[-1] == "compute-9: docker volume rm kolla_logs nova_compute"
    assert machines.volumes["compute-9"] == []
    assert cloud.services.keys() == {"s-compute-2"}


def test_containers_that_are_left_keep_the_host_and_are_named(
    cloud: FakeOpenStack, machines: Machines
) -> None:
    machines.deployed("compute-9")
    failed = removal.Removal([leaving()], {"control-1": {"control"}}, CLOUDS, lambda _names: {}).run()
    assert "kolla-ansible destroy left container nova_compute" in failed["compute-9"]
    assert "s-compute-9" in cloud.services


def test_a_host_without_container_engine_needs_no_kolla(cloud: FakeOpenStack, machines: Machines) -> None:
    machines.bare.add("compute-9")
    machines.markers.add("compute-9")
    assert run(machines, leaving())[0] == {}
    assert machines.done == [f"compute-9: rm -f {markers.PATH}"]
    assert "s-compute-9" not in cloud.services


def killed_at(moment: str) -> Callable[[pytest.MonkeyPatch, FakeOpenStack, Machines], None]:
    def arrange(patch: pytest.MonkeyPatch, cloud: FakeOpenStack, machines: Machines) -> None:
        def killed(*_args: Any, **_words: Any) -> None:
            raise KeyboardInterrupt

        owner: Any = {"destroy": machines, "clear": leftovers}.get(moment, cloud)
        patch.setattr(owner, moment, killed)

    return arrange


@pytest.mark.parametrize("moment", ["put", "post", "destroy", "clear", "delete"])
def test_a_removal_that_was_killed_is_finished_by_the_next(
    cloud: FakeOpenStack, machines: Machines, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    machines.deployed("compute-9")
    cloud.instance("web", "compute-9")
    cloud.router("edge", "l3-compute-9")
    with monkeypatch.context() as patch:
        killed_at(moment)(patch, cloud, machines)
        with pytest.raises(KeyboardInterrupt):
            run(machines, leaving(how="drain"))
    assert machines.markers == set(), "declared again, it would be taken for deployed"
    assert run(machines, leaving(how="drain"))[0] == {}
    assert "s-compute-9" not in cloud.services
    assert not [one for one in cloud.agents if one.endswith("compute-9")]
    assert cloud.agents_of("r-edge") == {"l3-compute-2"}
    assert not machines.containers.get("compute-9")
    assert machines.markers == set()
    assert run(machines, leaving(how="drain"))[0] == {}  # and once more, of what is gone


def test_a_service_that_reports_again_after_its_record_went_is_told(
    cloud: FakeOpenStack, machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    delete = cloud.delete

    def delete_and_report(url: str, **words: Any) -> Any:
        done = delete(url, **words)
        if url.startswith("/agents/dhcp"):
            cloud.host("compute-9")
        return done

    monkeypatch.setattr(cloud, "delete", delete_and_report)
    failed, _ = run(machines, leaving())
    assert (
        "nova-compute, Open vSwitch agent reported again after its record was deleted" in failed["compute-9"]
    )


def test_a_resource_provider_that_nova_left_goes_and_one_in_use_is_named(
    cloud: FakeOpenStack, machines: Machines
) -> None:
    cloud.providers["left"] = {"uuid": "p-left", "name": "compute-9.example", "used": []}
    cloud.providers["other"] = {"uuid": "p-other", "name": "compute-99", "used": []}
    assert run(machines, leaving())[0] == {}
    assert set(cloud.providers) == {"other", "compute-2"}
    cloud.providers["left"] = {"uuid": "p-left", "name": "compute-9", "used": ["c2", "c1"]}
    failed, _ = run(machines, leaving())
    assert "Placement's resource provider compute-9 still has allocations, of c1, c2:" in failed["compute-9"]


def test_what_ceph_keeps_is_a_warning(
    cloud: FakeOpenStack, machines: Machines, osds: dict[str, list[Osd]]
) -> None:
    osds["compute-9"] = [Osd(3, 0, True)]
    failed, message = run(machines, leaving())
    assert failed == {}
    assert "warning: compute-9 stays" in message
    assert "s-compute-9" not in cloud.services


CONTROLS = {f"control-{number}": {"control"} for number in (1, 2, 3)}


def test_the_last_control_host_stays_while_others_do(cloud: FakeOpenStack, machines: Machines) -> None:
    with pytest.raises(
        InUseError, match="control-1: the last control host cannot be removed while compute-2 stay"
    ):
        run(machines, leaving("control-1", "control"), staying={"compute-2": {"compute"}})
    assert cloud.changes == machines.done == []


def test_all_may_go_together_and_none_needs_one_where_none_was_declared() -> None:
    assert last_control(CONTROLS, {}) is None
    assert last_control({"compute-1": {"compute"}}, {"compute-2": {"compute"}}) is None
    assert last_control({"control-1": {"control"}}, {"control-2": {"control"}}) is None


@pytest.mark.parametrize(
    ("going", "staying", "expected"),
    [
        (
            1,
            2,
            "2 of 3 control hosts are left: none of them may fail before the others lose",
        ),
        (2, 1, "2 of 3 control hosts go at once, so that the others lose their quorum"),
        (1, 3, ""),
    ],
)
def test_a_quorum_that_gets_smaller_is_a_warning(
    cloud: FakeOpenStack, machines: Machines, going: int, staying: int, expected: str
) -> None:
    assert cloud
    hosts = [leaving(f"control-{number}", "control") for number in range(going)]
    stay = {f"control-{number + going}": {"control"} for number in range(staying)}
    _, message = run(machines, *hosts, staying=stay)
    warnings = [line for line in message if line.startswith("warning: ")]
    assert len(warnings) == bool(expected)
    assert all(expected in line for line in warnings)


def test_the_end_of_the_whole_cloud_needs_no_cloud_once_its_control_hosts_are_bare(
    cloud: FakeOpenStack, machines: Machines
) -> None:
    cloud.deaf = True
    machines.deployed("compute-9")
    machines.deployed("control-1")
    hosts = [leaving(), leaving("control-1", "control")]
    with pytest.raises(CloudError, match="no token"):  # it may be down for a while only
        run(machines, *hosts, staying={})
    assert machines.done == []
    del machines.containers["control-1"]
    failed, message = run(machines, *hosts, staying={})
    assert failed == {}
    assert "the cloud went with its control hosts, and its records of hosts with it" in message
    assert machines.markers == set()


def test_a_cloud_that_does_not_answer_holds_every_other_removal_up(
    cloud: FakeOpenStack, machines: Machines
) -> None:
    cloud.deaf = True
    machines.deployed("compute-9")
    with pytest.raises(CloudError, match="no token"):
        run(machines, leaving())
    assert machines.done == []


def test_what_kolla_left_on_a_host_is_told_by_kind_and_name() -> None:
    found = leftovers.Leftovers(True, ("a",), ("b", "c"), True)
    assert str(found) == "container a, volume b, volume c, the marker"
