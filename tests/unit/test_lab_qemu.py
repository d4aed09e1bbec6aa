"""The compute host lab-qemu: what is written for it, and what a machine lacks for it."""

import configparser
import json
import runpy
import sys
import types

import pytest

from lab import bring_up, secret
from lab.fakes import neutron_agents
from lab.guest import image as guest
from lab.hosts import control_groups, count, fabric
from lab.hosts import preflight as hosts
from lab.qemu import agents, compute, libvirt, network, plan, preflight
from lab.qemu.host import NAME, QemuHost
from lab.services import ceph_configuration, glance, mariadb, neutron, nova
from lab.settings import Lab
from lab.supervisor import Supervisor

LONGEST_INTERFACE_NAME = 15


@pytest.fixture
def lab(tmp_path, monkeypatch):
    made = Lab(root=tmp_path, address="127.0.0.7", links=tmp_path)
    made.link()
    monkeypatch.setattr(hosts, "other_holder", lambda _: None)  # a lab beside this test may hold that network
    monkeypatch.setattr(plan, "lacking", lambda _: None)  # whatever this machine lacks
    return made


@pytest.fixture
def secrets(lab):
    return secret.load(lab)


def options(files) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(files[0].text)
    return parser


def test_servers_disks_are_clones_in_a_pool_of_their_own_by_a_key_that_libvirt_keeps(lab, secrets):
    found = options(compute.files(lab, secrets))["libvirt"]
    assert (found["images_type"], found["images_rbd_pool"], found["rbd_user"]) == ("rbd", "vms", "nova")
    identity = found["rbd_secret_uuid"]
    kept = {file.path.name: file.text for file in libvirt.files(lab, secrets)}
    assert kept[f"{identity}.base64"] == secrets["cephx/client.nova"]
    assert identity in kept[f"{identity}.xml"]


def test_nova_writes_servers_disks_and_only_reads_images():
    caps = ceph_configuration.CAPS["client.nova"]
    assert caps["mon"] == "profile rbd"
    assert caps["osd"] == caps["mgr"] == "profile rbd pool=vms, profile rbd-read-only pool=images"


def test_locations_are_shown_by_the_internal_glance_alone_and_only_lab_qemu_is_told_of_it(lab, secrets):
    users, internal = options(glance.files(lab, secrets)), options(glance.internal_files(lab, secrets))
    assert internal["DEFAULT"]["show_image_direct_url"] == "true"
    assert not {"show_image_direct_url", "show_multiple_locations"} & set(users["DEFAULT"])
    assert "show_multiple_locations" not in internal["DEFAULT"], "it would let users add locations"
    url = "http://127.0.0.7:9293"
    told = [
        file.path.name
        for daemon in bring_up.all_daemons(lab, secrets)
        for file in daemon.files
        if url in file.text and file.path.parent.name != glance.INTERNAL
    ]
    assert told == [f"nova-compute-{NAME}.conf"]
    assert options(compute.files(lab, secrets))["glance"]["endpoint_override"] == url
    assert options(compute.files(lab, secrets))["workarounds"]["never_download_image_if_on_rbd"] == "true"


def test_nothing_on_lab_qemu_has_a_way_into_a_database(lab, secrets):
    files = [*compute.files(lab, secrets), *agents.files(lab, secrets)]
    assert not any(secrets[f"mariadb/{name}"] in file.text for name in mariadb.DATABASES for file in files)


def test_whoever_does_not_ask_for_lab_qemu_gets_the_fakes(lab, secrets):
    scheduler = options(nova.files(lab, secrets))["scheduler"]
    assert scheduler["enable_isolated_aggregate_filtering"] == "true"
    assert options(agents.files(lab, secrets))["AGENT"]["availability_zone"] not in neutron_agents.ZONES


def test_a_network_is_served_by_lab_qemu_only_if_it_has_a_hint(monkeypatch):
    agents = [{"host": zone, "availability_zone": zone} for zone in ("rack-1", "rack-2", "qemu")]
    found = {"n_agents": 3, "hostable_agents": agents, "hosted_agents": []}
    original = types.SimpleNamespace(
        DhcpFilter=type("DhcpFilter", (), {"filter_agents": lambda *_: found}),
        AZAwareWeightScheduler=object,
    )
    fake = types.SimpleNamespace(dhcp_agent_scheduler=original)
    monkeypatch.setitem(sys.modules, "neutron", types.SimpleNamespace())
    monkeypatch.setitem(sys.modules, "neutron.scheduler", fake)
    monkeypatch.setenv("LAB_ZONE_BY_HINT", "qemu")
    driver = runpy.run_path(str(neutron.SCHEDULER))["Filter"]()
    with_hint = {"availability_zone_hints": ["qemu"]}
    assert driver.filter_agents(None, None, with_hint) == found
    without = driver.filter_agents(None, None, {"availability_zone_hints": []})
    assert [agent["host"] for agent in without["hostable_agents"]] == ["rack-1", "rack-2"]
    assert without["n_agents"] == 2


def test_the_bond_is_made_as_a_hosts_with_every_vlan_that_a_network_may_have(lab):
    wanted = json.loads(network.file(lab).text)
    assert wanted["links"] == ["eno1", "eno2"]
    assert wanted["management"] == {"vlan": 110, "address": "198.18.7.20/24", "gateway": "198.18.7.1"}
    assert set(wanted["vlans"]) == set(range(100, 1000)) - {110}
    assert set(QemuHost(lab).trunk) == set(range(100, 1000))


def test_the_switches_come_with_lab_qemu_and_stay_with_hosts(lab):
    switches = {fabric.DATABASE, fabric.SWITCHING}

    def daemons() -> set[str]:
        return {daemon.name for daemon in bring_up.all_daemons(lab, secret.load(lab))}

    assert switches < daemons()
    assert {libvirt.NAME, compute.DAEMON, *agents.PROGRAMS} < daemons()
    count.record(lab, 2)
    assert switches | {"lab-host-1", "lab-host-2", libvirt.NAME} < daemons()


def test_a_machine_that_cannot_have_it_has_the_rest(lab, secrets, monkeypatch):
    whole = [daemon.name for daemon in bring_up.all_daemons(lab, secrets)]
    monkeypatch.setattr(plan, "lacking", lambda _: "There is no such thing here.")
    rest = [daemon.name for daemon in bring_up.all_daemons(lab, secrets)]
    assert [name for name in whole if name in rest] == rest
    assert set(whole) - set(rest) > {libvirt.NAME, glance.INTERNAL, fabric.SWITCHING}
    steps = bring_up.plan(lab, secrets, Supervisor(lab))
    names = {step.name for step in steps}
    assert all(names.issuperset(step.needs) for step in steps)


def test_every_step_needs_steps_that_there_are(lab, secrets):
    steps = bring_up.plan(lab, secrets, Supervisor(lab))
    names = {step.name for step in steps}
    assert len(names) == len(steps)
    assert all(names.issuperset(step.needs) for step in steps)


def test_what_is_lacking_is_said_in_one_sentence(lab, tmp_path, monkeypatch):
    settings = tmp_path / "conf"
    (settings / "all").mkdir(parents=True)
    (settings / "all" / "route_localnet").touch()
    tun = tmp_path / "tun"
    monkeypatch.setattr(control_groups, "hierarchy", lambda: tmp_path)
    without_tun = preflight.lacking(lab, tun=tun, settings=settings)
    assert without_tun
    assert without_tun.startswith("The lab has no compute host lab-qemu, so no server really runs: ")
    assert str(tun) in without_tun
    tun.touch()
    assert preflight.lacking(lab, tun=tun, settings=settings) is None
    monkeypatch.setattr(hosts, "other_holder", lambda _: "lab-others")
    assert "lab-others" in (preflight.lacking(lab, tun=tun, settings=settings) or "")
    monkeypatch.setattr(control_groups, "hierarchy", lambda: None)
    assert "cgroup2" in (preflight.lacking(lab, tun=tun, settings=settings) or "")


def test_names_and_networks_are_a_labs_own(lab, tmp_path):
    other = QemuHost(Lab(root=tmp_path / "b", address="127.0.0.8", links=tmp_path))
    own = QemuHost(lab)
    assert own.namespace != other.namespace
    assert own.services_link != other.services_link
    assert not own.services_network.overlaps(other.services_network)
    assert not own.services_network.overlaps(lab.host_network)
    assert len(own.services_link) <= LONGEST_INTERFACE_NAME
    assert own.address not in {lab.host_address(number) for number in range(1, count.MOST + 1)}


def test_the_agents_switch_in_userspace_on_the_bridge_that_the_bond_leads_to(lab, secrets):
    found = options(agents.files(lab, secrets))["ovs"]
    assert found["datapath_type"] == "netdev"
    assert found["bridge_mappings"] == "physnet1:br-ex"
    assert found["ovsdb_connection"] == "tcp:127.0.0.1:6640"


def test_whatever_runs_on_lab_qemu_is_in_its_control_group_and_namespaces(lab, secrets):
    own = QemuHost(lab)
    inside = [daemon for daemon in plan.daemons(lab, secrets) if daemon.name != glance.INTERNAL]
    assert len(inside) == 6
    for daemon in inside:
        assert daemon.command[2:5] == (
            f"{control_groups.hierarchy()}/{own.cgroup}",
            str(own.kept),
            f"/run/netns/{own.namespace}",
        )


def test_the_tiny_guest_is_current_only_when_made_by_this_recipe(lab):
    assert not guest.is_current(lab)
    guest.folder(lab).mkdir()
    (guest.folder(lab) / "made-from").write_text("another recipe\n")
    assert not guest.is_current(lab)
    (guest.folder(lab) / "made-from").write_text(f"{guest.recipe()}\n")
    assert guest.is_current(lab)


def test_daemons_that_a_cut_off_reload_left_out_are_taken_in_by_the_next_up(lab, secrets, monkeypatch):
    daemons = plan.daemons(lab, secrets)
    supervisor = Supervisor(lab)
    known = {daemon.name: {"statename": "RUNNING"} for daemon in daemons}
    reloads = []
    monkeypatch.setattr(Supervisor, "answers", lambda _: True)
    monkeypatch.setattr(Supervisor, "states", lambda _: known)
    monkeypatch.setattr(Supervisor, "_reload", lambda _: reloads.append("reload"))
    supervisor.start(daemons)  # its configuration is new
    supervisor.start(daemons)
    assert len(reloads) == 1
    known.pop(agents.DHCP)
    supervisor.start(daemons)
    assert len(reloads) == 2
