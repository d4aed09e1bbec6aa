"""A storage host is handed to Ceph's real orchestrator commands, with Ceph's own fake orchestrator behind them.

`test_orchestrator` is part of Ceph: `orch host ls` shows what it was loaded with, and what it is asked to add or
remove it accepts and forgets. So what is shown is that the commands and their arguments are those that Ceph's
`orchestrator` module takes, and how its answers are read; not that a host is taken in, for which cephadm logs in
there with its own key. The other fact is real: the lab's Ceph has no orchestrator, and its OSDs hold data.
"""

import json
import socket
from collections.abc import Iterator

import pytest

from clients import ceph
from clients.errors import CloudError
from dynamic_providers.kolla_deployment import ceph_host
from dynamic_providers.kolla_deployment.ceph_host import Clouds
from lab.own_ceph import own_ceph, wait
from lab.settings import Lab

pytestmark = pytest.mark.xdist_group(name="ceph")

KNOWN = {"name": "storage-1", "addr": "10.110.0.31", "labels": ["rack=r1"], "devices": []}
DAEMON = {"daemon_type": "crash", "daemon_id": "storage-1", "hostname": "storage-1", "status": 1}


@pytest.fixture(scope="module")
def clouds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clouds]:
    folder = tmp_path_factory.mktemp("ceph")
    with own_ceph(folder, "test_orchestrator") as conf:
        yield Clouds("no-cloud", "admin", str(conf))


def with_orchestrator(clouds: Clouds) -> None:
    assert clouds.ceph_user
    with ceph.cluster(clouds.ceph_user, clouds.ceph_conf) as handle:
        wait(lambda: loaded(handle))


def loaded(handle: object) -> bool:
    """Choose the orchestrator and have it know a host; a module takes a moment to be there."""
    data = json.dumps({"inventory": [KNOWN], "daemons": [DAEMON]}).encode()
    load = json.dumps({"prefix": "test_orchestrator load_data"})
    try:
        ceph.command(handle, "orch set backend", to="manager", module_name="test_orchestrator")
    except ceph.CommandRefused:
        return False
    code, _, _ = handle.mgr_command(load, data, timeout=30)  # type: ignore[attr-defined]
    return bool(code == 0)


def test_a_host_is_added_found_and_removed_by_commands_that_ceph_takes(clouds: Clouds) -> None:
    with_orchestrator(clouds)
    added = ceph_host.hand_over("storage-2", "10.110.0.32", {"rack": "r2", "row": "1"}, clouds)
    assert added == (
        "storage-2: handed to Ceph's orchestrator (test_orchestrator), where label _no_schedule keeps OSDs off it"
    )
    known = ceph_host.hand_over("storage-1", "10.110.0.31", {"rack": "r1"}, clouds)
    assert known == "storage-1: Ceph's orchestrator (test_orchestrator) has it already"
    assert ceph_host.take_back("storage-1", clouds) is None
    assert ceph_host.take_back("storage-9", clouds) is None


@pytest.mark.parametrize(
    ("address", "labels", "command"),
    [("10.110.0.99", {"rack": "r1"}, "set-addr"), ("10.110.0.31", {"row": "2"}, "label add")],
)
def test_a_host_is_changed_by_commands_that_ceph_knows_and_its_fake_cannot_do(
    clouds: Clouds, address: str, labels: dict[str, str], command: str
) -> None:
    """Ceph compares a command's arguments with its own list before the orchestrator says so."""
    with_orchestrator(clouds)
    with pytest.raises(CloudError, match=f"does not support `orch host {command}`"):
        ceph_host.hand_over("storage-1", address, labels, clouds)


def test_what_the_orchestrator_refuses_is_told_in_its_words(clouds: Clouds) -> None:
    with_orchestrator(clouds)
    with pytest.raises(CloudError, match=r"raise_error: .* does not take the host: .*host address is empty"):
        ceph_host.hand_over("raise_error", "10.110.0.33", {}, clouds)


def test_a_ceph_without_orchestrator_leaves_the_host_as_it_is_and_names_its_osds(lab: Lab) -> None:
    clouds = Clouds("no-cloud", "admin", str(lab.ceph_conf))
    message = ceph_host.hand_over("storage-1", "10.110.0.31", {}, clouds)
    assert message.startswith("storage-1: no orchestrator answers in Ceph")
    found = ceph_host.osds(clouds, socket.gethostname())
    assert len(found) == 3
    assert all(osd.placement_groups > 0 and not osd.safe and not osd.empty for osd in found)
    assert ceph_host.osds(clouds, "no-such-host") == []


def test_a_user_who_may_only_use_images_is_told_so(lab: Lab) -> None:
    with pytest.raises(CloudError, match="access denied"):
        ceph_host.hand_over("storage-1", "10.110.0.31", {}, Clouds("no", "image-import", str(lab.ceph_conf)))
