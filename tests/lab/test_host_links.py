"""A host's bond and VLANs on real wires: real Open vSwitch, the host image's script, the kickstart's file.

What stands in: switches of Open vSwitch for those of hardware, the userspace datapath for the kernel's, and one
flow for those that Neutron's agent programs on br-ex.
"""

import json
import re
import sys
import time
from collections.abc import Iterator

import pytest

from bench import links
from bench.cabling import HOST, LINKS, MANAGEMENT, TRUNKED, Cabling, addresses
from components.hosts.kickstart import render
from tests.lab.network_probe import Capture, send

pytestmark = pytest.mark.xdist_group(name="hosts")

FOREIGN = 140


@pytest.fixture(scope="module")
def cabling() -> Iterator[Cabling]:
    with Cabling() as made:
        made.wait_for_both()
        yield made


def speak(cabling: Cabling, vlan: int) -> None:
    """From the host, by the port that has its address there, until the far end has heard it."""
    with links.Flow(cabling.host, cabling.far[vlan], addresses(vlan)[1]):
        pass


def marks_that_reach(
    cabling: Cabling, port: str, vlans: tuple[int | None, ...], origin: tuple[str, str] | None = None
) -> set[int | None]:
    """Which of the tags a frame may bear on its way to a port: from the active link's far end, or ORIGIN."""
    into, where = {"host": cabling.host, "switches": cabling.switches}, origin
    namespace, interface = where or ("switches", LINKS[cabling.active()])
    owner = cabling.switches if port in LINKS.values() else cabling.host
    with Capture(owner, port) as capture:
        for vlan in vlans:
            send(into[namespace], interface, vlan, f"mark {vlan};".encode())
        seen = b"".join(frame.payload for frame in capture.frames())
    return {vlan for vlan in vlans if f"mark {vlan};".encode() in seen}


def test_every_declared_vlan_is_tagged_on_the_wire_and_nothing_else_is_on_it(cabling):
    with Capture(cabling.switches, LINKS[cabling.active()]) as capture:
        for vlan in (MANAGEMENT, *TRUNKED):
            speak(cabling, vlan)
        cabling.host.run("ip", "link", "set", "br-link", "up")  # which would speak without a tag
        frames = capture.frames()
    ports = {"mgmt": MANAGEMENT} | {f"server-{vlan}": vlan for vlan in TRUNKED}
    assert {frame.vlan for frame in frames} == set(ports.values())
    for port, vlan in ports.items():
        assert {frame.vlan for frame in frames if frame.source == mac(cabling, port)} == {vlan}


def mac(cabling: Cabling, port: str) -> bytes:
    (shown,) = json.loads(cabling.host.run("ip", "-json", "link", "show", "dev", port))
    return bytes.fromhex(shown["address"].replace(":", ""))


def test_no_other_vlan_and_nothing_untagged_comes_into_the_host(cabling):
    vlans = (None, MANAGEMENT, *TRUNKED, FOREIGN)
    assert marks_that_reach(cabling, "mgmt", vlans) == {MANAGEMENT}
    for vlan in TRUNKED:
        assert marks_that_reach(cabling, f"server-{vlan}", vlans) == {vlan}


def test_neutron_reaches_the_declared_vlans_and_never_the_management_vlan(cabling):
    cabling.host_ovs.vsctl("add-port", "br-ex", "any", "--", "set", "Interface", "any", "type=internal")
    cabling.host.run("ip", "link", "set", "any", "up")
    vlans = (None, MANAGEMENT, *TRUNKED, FOREIGN)
    assert marks_that_reach(cabling, "any", vlans) == set(TRUNKED)
    link = LINKS[cabling.active()]
    assert marks_that_reach(cabling, link, vlans, ("host", "any")) == set(TRUNKED)
    assert not marks_that_reach(cabling, "mgmt", vlans, ("host", "any"))
    cabling.host_ovs.vsctl("del-port", "br-ex", "any")


def test_only_the_active_link_carries_traffic(cabling):
    active = cabling.active()
    (idle,) = set(LINKS) - {active}
    with (
        Capture(cabling.switches, LINKS[active]) as carrying,
        Capture(cabling.switches, LINKS[idle]) as quiet,
    ):
        speak(cabling, MANAGEMENT)
        assert [frame for frame in carrying.frames() if frame.vlan == MANAGEMENT]
        assert not [frame for frame in quiet.frames() if frame.vlan == MANAGEMENT]


def test_traffic_goes_on_when_either_link_is_cut_while_it_flows(cabling):
    cut = []
    with links.running(cabling) as flows:
        for _ in LINKS:
            cut.append(cabling.active())
            outages = links.cut_and_mended(cabling, flows, cut[-1])
            sys.stdout.write(links.table({name: [outage] for name, outage in outages.items()}) + "\n")
            assert cabling.active() != cut[-1]
            for name, outage in outages.items():
                assert outage.lost < outage.sent, f"nothing arrived while: {name}"
    assert sorted(cut) == sorted(LINKS)


@pytest.mark.nightly
def test_traffic_goes_on_when_either_link_of_two_in_use_is_cut():
    with Cabling(bond_mode="balance-slb") as cabling:
        cabling.wait_for_both()
        with links.running(cabling) as flows:
            for link in LINKS:
                for name, outage in links.cut_and_mended(cabling, flows, link).items():
                    assert outage.lost < outage.sent, f"{link}: nothing arrived while: {name}"


def test_the_script_run_again_while_traffic_flows_changes_nothing(cabling):
    before = database(cabling)
    with links.running(cabling) as flows:
        complaints = cabling.make_network()
        since = time.monotonic()
        for flow in flows.values():
            flow.wait_until_it_goes_on(since)
    assert complaints == ""
    assert database(cabling) == before


def database(cabling: Cabling) -> dict[str, object]:
    """What is configured, without what Open vSwitch measures."""
    columns = {
        "Bridge": "_uuid,name,ports,fail_mode,datapath_type",
        "Port": "_uuid,name,interfaces,tag,trunks,bond_mode,bond_updelay,other_config,vlan_mode",
        "Interface": "_uuid,name,type,options,mac,mtu_request",
        "Manager": "target",
    }
    return {
        table: json.loads(cabling.host_ovs.vsctl("--format=json", f"--columns={wanted}", "list", table))
        for table, wanted in columns.items()
    }


def test_the_script_puts_right_what_somebody_changed(cabling):
    before = database(cabling)
    cabling.host_ovs.vsctl("set", "Port", "mgmt", "tag=4", "--", "set", "Port", "link-to-ex", "trunks=[]")
    cabling.host_ovs.vsctl("del-manager")
    cabling.host.run("ip", "address", "add", "192.0.2.7/24", "dev", "mgmt")
    cabling.make_network()
    assert database(cabling) == before
    speak(cabling, MANAGEMENT)
    assert "192.0.2.7" not in cabling.host.run("ip", "address", "show", "dev", "mgmt")


def test_the_kickstart_delivers_this_very_network_but_for_the_kernels_datapath(cabling):
    written = json.loads((cabling.host_ovs.folder / "network.json").read_text())
    (line,) = re.findall(r"^\{.*\}$", render(HOST), re.MULTILINE)
    assert json.loads(line) == written | {"datapath_type": "system"}
