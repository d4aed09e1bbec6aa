"""A simulated host's network is changed while it runs: real systemd, Open vSwitch and OpenSSH, and links that lead nowhere.

What a real network card does when its MTU changes is not shown here.
"""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import IO, Any

import pytest

from clients import host_keys, ssh
from clients.errors import CloudError
from dynamic_providers.kolla_host import inventory, network
from dynamic_providers.kolla_host.provider import KollaHostProvider
from tests.lab.simulated_hosts import SimulatedHost, simulated_hosts
from tests.managed_hosts import inputs_of

pytestmark = pytest.mark.xdist_group(name="hosts")

__all__ = ["simulated_hosts"]

ROOT = Path(__file__).parents[2]
INTERVAL_S = 0.05
NOWHERE = ["nowhere-1", "nowhere-2"]
crud: Any = KollaHostProvider()


@pytest.fixture
def host(simulated_hosts: list[SimulatedHost], tmp_path: Path) -> Iterator[SimulatedHost]:
    """One whose network is afterwards what it was."""
    host = simulated_hosts[1]
    before = host.run(tmp_path, f"cat {network.FILE}")
    yield host
    host.run(
        tmp_path,
        f"cat > {network.FILE}; rm -f {network.FILE}.*; systemctl restart host-network;"
        f" for link in {' '.join(NOWHERE)}; do ip link del $link 2>&-; done; true",
        given=before,
    )


@pytest.fixture
def there(host: SimulatedHost, tmp_path: Path) -> dict[str, Any]:
    """What the host makes its network from."""
    found: dict[str, Any] = json.loads(host.run(tmp_path, f"cat {network.FILE}"))
    assert found["vlans"] == [120, 130]
    return found


@pytest.fixture
def args(host: SimulatedHost, there: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    return {
        **inputs_of(host.managed(inventory.known_hosts_of(tmp_path / "inventory", host.name))),
        "host_key": host.host_key,
        "inventory": str(tmp_path / "inventory"),
        "inventory_vars": {"network_interface": "mgmt"},
        "kickstart": "reboot\n",
        "kickstart_file": str(tmp_path / "kickstarts" / f"{host.name}.ks"),
        "links": host.links,
        "vlans": [120.0, 130.0],
        "network": json.dumps(there),
    }


def declared(args: dict[str, Any], **changed: Any) -> dict[str, Any]:
    alike = {key: changed[key] for key in ("links", "vlans") if key in changed}
    return args | alike | {"network": json.dumps(json.loads(args["network"]) | changed)}


def file_of(host: SimulatedHost, folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(host.run(folder, f"cat {network.FILE}"))
    return found


def setting(host: SimulatedHost, folder: Path, port: str, column: str) -> str:
    return host.run(folder, f"ovs-vsctl get Port {port} {column}").strip()


@contextmanager
def session(host: SimulatedHost, folder: Path) -> Iterator[list[float]]:
    """A connection on which the host keeps talking; gives, once it is over, its longest silence in seconds."""
    known_hosts = folder / "known-session"
    known_hosts.write_text(host_keys.pin(host.address, host.port, host.host_key), encoding="utf-8")
    target = host.ssh_host(known_hosts)
    talk = f"while echo talking; do sleep {INTERVAL_S}; done"
    command = ["ssh", *ssh.options(target), "--", host.address, talk]
    longest: list[float] = []
    heard: list[float] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as connection:
        assert connection.stdout is not None
        assert connection.stdout.readline()
        reader = threading.Thread(target=_listen, args=(connection.stdout, heard))
        reader.start()
        try:
            yield longest
            longest.append(max(later - earlier for earlier, later in pairwise([*heard, time.monotonic()])))
            assert connection.poll() is None, "the connection was lost"
        finally:
            connection.terminate()
            reader.join()


def _listen(stream: IO[str], heard: list[float]) -> None:
    heard.extend(time.monotonic() for _ in stream)


def test_a_vlan_less_and_more_reach_the_host_and_interrupt_nothing(args, host, tmp_path):
    state = crud.create(args).outs
    for vlans, trunks in (([120], "[110, 120]"), ([120, 130], "[110, 120, 130]")):
        wanted = declared(args, vlans=vlans)
        with session(host, tmp_path) as longest:
            state = crud.update(host.name, state, wanted).outs
        sys.stdout.write(f"vlans {vlans}: no longer silent than {longest[0]:.2f} s\n")
        assert longest[0] < 1
        assert setting(host, tmp_path, "bond0", "trunks") == trunks
        assert file_of(host, tmp_path)["vlans"] == vlans
        assert crud.read(host.name, state).outs == state
        assert not crud.diff(host.name, state, wanted).changes


def test_the_mode_of_the_bond_and_the_mtu_reach_the_host(args, host, tmp_path):
    state = crud.create(args).outs
    crud.update(host.name, state, declared(args, bond_mode="balance-slb", mtu=1400))
    assert setting(host, tmp_path, "bond0", "bond_mode") == "balance-slb"
    assert host.run(tmp_path, "cat /sys/class/net/mgmt/mtu /sys/class/net/eno1/mtu").split() == [
        "1400",
        "1400",
    ]


@pytest.mark.nightly
def test_links_that_lead_nowhere_are_taken_back_by_the_host_itself(args, host, there, tmp_path):
    state = crud.create(args).outs
    for link in NOWHERE:
        host.run(tmp_path, f"ip link add {link} type veth peer name {link}-end; ip link set {link}-end up")
    began = time.monotonic()
    with pytest.raises(CloudError, match="has its former one again: nobody reached it within 60 s"):
        crud.update(host.name, state, declared(args, links=NOWHERE))
    sys.stdout.write(f"taken back and told after {time.monotonic() - began:.0f} s\n")
    assert time.monotonic() - began > network.CONFIRM_S
    assert file_of(host, tmp_path) == there
    assert crud.read(host.name, state).outs == state


def test_links_that_do_not_exist_are_refused_before_the_host_is_touched(args, host, there, tmp_path):
    state = crud.create(args).outs
    with pytest.raises(CloudError, match="has no link eno8 and no link eno9"):
        crud.update(host.name, state, declared(args, links=["eno8", "eno9"]))
    assert file_of(host, tmp_path) == there


def test_a_change_that_the_host_cannot_make_is_taken_back_at_once_with_its_words(args, host, there, tmp_path):
    state = crud.create(args).outs
    with pytest.raises(CloudError, match=r"could not make it \(host-network: .*no-such-mode"):
        crud.update(host.name, state, declared(args, bond_mode="no-such-mode"))
    assert file_of(host, tmp_path) == there
    assert setting(host, tmp_path, "bond0", "bond_mode") == "active-backup"


@pytest.mark.nightly
def test_a_run_killed_half_way_is_taken_back_and_the_next_one_finishes(args, host, tmp_path, capfd):
    crud.create(args)
    wanted = declared(args, vlans=[120])
    program = (
        "import json, sys; from dynamic_providers.kolla_host import network;"
        "from dynamic_providers.kolla_host.provider import KollaHostProvider; network._POLL_S = 600;"
        "KollaHostProvider().create(json.load(sys.stdin))"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdin=subprocess.PIPE, text=True) as run:
        assert run.stdin is not None
        run.stdin.write(json.dumps(wanted))
        run.stdin.close()
        try:
            host.run(tmp_path, f"while [ ! -e {network.FILE}.applied ]; do sleep 0.2; done")
        finally:
            run.kill()
    assert file_of(host, tmp_path)["vlans"] == [120, 130], (
        "not yet confirmed: a reboot would have the former one"
    )
    state = crud.create(wanted).outs
    assert "still waits for a former change" in capfd.readouterr().err
    assert file_of(host, tmp_path)["vlans"] == [120]
    assert setting(host, tmp_path, "bond0", "trunks") == "[110, 120]"
    assert not crud.diff(host.name, crud.read(host.name, state).outs, wanted).changes


def test_a_file_edited_by_hand_is_drift_and_put_right(args, host, there, tmp_path):
    state = crud.create(args).outs
    host.run(tmp_path, f"cat > {network.FILE}", given=json.dumps(there | {"vlans": [120]}))
    state = crud.read(host.name, state).outs
    assert "not as declared in vlans" in state["unmet"][0]
    state = crud.update(host.name, state, args).outs
    assert file_of(host, tmp_path) == there
    assert not crud.diff(host.name, crud.read(host.name, state).outs, args).changes
