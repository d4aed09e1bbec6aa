"""What each component makes, in Pulumi's mock engine, which records everything that the program asks for.

The mocks accept any input; tests/engine runs the real engine and tests/lab a real cloud.
"""

import json
import runpy
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from pulumi.runtime import mocks, rpc

from clients.directory.login import UnreachableError
from clients.directory.probe import Found
from clients.errors import CloudError
from clients.keystone import role_assignments
from components.compute.flavor import Flavor
from components.compute.people import Owner
from components.identity.domain import Domain, ExistingDomain
from components.identity.grants import make_grants
from components.identity.ids import Ids
from components.identity.project import Project
from components.network.provider_network import ProviderNetwork
from components.network.security_group import make_security_groups
from config.flavor import FlavorSpec
from config.grant import RoleGrantSpec
from config.identity import DomainSpec, ProjectSpec
from config.kolla import KollaSpec
from config.network import ProviderNetworkSpec
from config.security_group import SecurityGroupSpec
from config.subnet import SubnetSpec
from dynamic_providers.server_fleet.declared import ANNOUNCED, Member
from dynamic_providers.server_fleet.manners import Manners
from dynamic_providers.server_fleet.people import Person

ROOT = Path(__file__).parents[2]
NETWORK = "openstack:networking/network:Network"
SUBNET = "openstack:networking/subnet:Subnet"
HOST_ROUTES = "pulumi-python:dynamic/network:HostRoutes"
NO_POOLS = "pulumi-python:dynamic/network:NoAllocationPools"
RBAC = "openstack:networking/rbacPolicyV2:RbacPolicyV2"
PROJECT = "openstack:identity/project:Project"
IMAGE = "pulumi-python:dynamic/ceph:RbdImage"
USER = "openstack:identity/user:User"
ROLE_SET = "pulumi-python:dynamic/identity:RoleSet"
CREDENTIAL = "pulumi-python:dynamic/identity:ApplicationCredential"
PASSWORD = "pulumi-python:dynamic/identity:GeneratedPassword"
HOST = "pulumi-python:dynamic/kolla:KollaHost"
DEPLOYMENT = "pulumi-python:dynamic/kolla:KollaDeployment"
HOST_OS = "pulumi-python:dynamic/hosts:HostOs"
MONITORING_AGENT = "pulumi-python:dynamic/hosts:MonitoringAgent"
CEPH_USER = "pulumi-python:dynamic/ceph:User"
VOLUME = "openstack:blockstorage/volume:Volume"
SERVER_FLEET = "pulumi-python:dynamic/compute:ServerFleet"
PORT = "openstack:networking/port:Port"
FOUND_OUT: dict[str, dict[str, Any]] = {  # what a dynamic provider would find out
    ROLE_SET: {"revision": 1},
    CREDENTIAL: {"credential_id": "c1", "secret": "s1"},
    PASSWORD: {"password": "p1"},
    HOST_OS: {"results": {}},
    MONITORING_AGENT: {"results": {}},
    SERVER_FLEET: {"failure": "", "left": "", "servers": {}, "addresses": {}, "known_hosts": ""},
    CEPH_USER: {"key": "k1", "fsid": "f", "mon_host": "[v2:m:1]"},
}


class Recorder(mocks.Mocks):
    def __init__(self) -> None:
        self.resources: list[mocks.MockResourceArgs] = []
        self.calls: list[mocks.MockCallArgs] = []

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[Any, Any]]:
        self.resources.append(args)
        found = FOUND_OUT.get(args.typ, {})
        if args.typ == DEPLOYMENT:
            found = {"results": {name: {"ok": True} for name in args.inputs["hosts"]}}
        return f"id-of-{args.name}", args.inputs | found

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        self.calls.append(args)
        if args.token.endswith(":getQuotasetV3"):
            return {**args.args, "id": "a-quota", "volumeTypeQuota": {}}, []
        return {**args.args, "id": f"{args.args['name']}-in-{args.args.get('domainId', 'no-domain')}"}, []

    def of(self, kind: str) -> list[mocks.MockResourceArgs]:
        return [resource for resource in self.resources if resource.typ == kind]


Run = Callable[[Callable[[], object]], Recorder]


@pytest.fixture
def run(request: pytest.FixtureRequest) -> Iterator[Run]:
    def run_program(program: Callable[[], object]) -> Recorder:
        recorder = Recorder()
        mocks.set_mocks(recorder, project="private-cloud", stack=getattr(request, "param", "test"))
        pulumi.runtime.test(lambda: program() and None)()
        return recorder

    yield run_program
    pulumi.runtime.set_all_config({})


def test_a_domain_is_a_project_that_acts_as_one(run: Run) -> None:
    made = run(lambda: Domain("corp", DomainSpec(name="corp"), cloud="c")).of(PROJECT)
    assert [(args.inputs["name"], args.inputs["isDomain"], args.inputs.get("domainId")) for args in made] == [
        ("corp", True, None)
    ]


DIRECTORY = {
    "url": "ldaps://ldap.corp.example",
    "ca_file": "/etc/keystone/ca.pem",
    "bind_dn": "cn=keystone,dc=corp,dc=example",
    "bind_password": {"env": "BIND_PASSWORD"},
    "user_base_dn": "ou=people,dc=corp,dc=example",
    "group_base_dn": "ou=groups,dc=corp,dc=example",
}


@pytest.mark.parametrize(
    ("delivery", "made"),
    [
        ("api", "pulumi-python:dynamic/keystone:DomainConfig"),
        ("kolla", "command:local:Command"),
    ],
)
def test_a_directory_is_told_to_keystone_in_the_way_that_was_declared(
    run: Run, monkeypatch: pytest.MonkeyPatch, delivery: str, made: str
) -> None:
    monkeypatch.setenv("BIND_PASSWORD", "of the directory")
    monkeypatch.setattr("clients.directory.probe.probe", lambda _settings, _names: found_nobody())
    spec = DomainSpec.model_validate({"name": "corp", "directory": DIRECTORY | {"delivery": delivery}})
    kolla = KollaSpec.model_validate({"inventory": "/etc/kolla/multinode"})
    recorder = run(lambda: Domain("corp", spec, cloud="c", kolla=kolla))
    (registered,) = [
        args for args in recorder.resources if args.custom and not args.typ.startswith("openstack:")
    ]
    assert registered.typ == made
    assert "ldaps://ldap.corp.example" in json.dumps(registered.inputs)


def test_a_project_is_made_in_its_domain(run: Run) -> None:
    spec = ProjectSpec(name="development", domain="corp")
    (made,) = run(lambda: Project(spec.qualified_name, spec, cloud="admin", domain_id="d1")).of(PROJECT)
    assert (made.name, made.inputs["domainId"], made.inputs["isDomain"]) == ("development@corp", "d1", False)


def test_an_existing_domain_is_looked_up_and_never_made(run: Run) -> None:
    recorder = run(lambda: ExistingDomain("Default"))
    assert not recorder.of(PROJECT)
    assert [(call.args["name"], call.args["isDomain"]) for call in recorder.calls] == [("Default", True)]


IDS = Ids({"corp": "c"}, {"Default": "default", "corp": "c"}, {"development@corp": "p1"})


@pytest.mark.parametrize("kind", ["user", "group"])
def test_a_grant_looks_its_principal_up_in_its_own_domain(run: Run, kind: str) -> None:
    spec = RoleGrantSpec.model_validate(
        {
            "role": "member",
            kind: {"name": "runner", "domain": "Default"},
            "scope": {"project": "development", "domain": "corp"},
        }
    )
    recorder = run(lambda: make_grants([spec], cloud="c", ids=IDS, opts=pulumi.ResourceOptions()))
    assert {
        (call.token.rpartition(":")[2], call.args["name"], call.args.get("domainId"))
        for call in recorder.calls
    } == {
        (f"get{kind.capitalize()}", "runner", "default"),
        ("getRole", "member", None),
    }
    (made,) = recorder.of(ROLE_SET)
    assert made.name == f"{kind}/runner@default/development@corp"
    assert (made.inputs["principal_kind"], made.inputs["principal_id"]) == (kind, "runner-in-default")
    assert (made.inputs["scope_id"], made.inputs["roles"]) == ("p1", ["member-in-no-domain"])


def test_a_grant_on_a_domain_names_no_project(run: Run) -> None:
    spec = RoleGrantSpec.model_validate(
        {"role": "admin", "group": {"name": "platform", "domain": "corp"}, "scope": {"domain": "corp"}}
    )
    (made,) = run(lambda: make_grants([spec], cloud="c", ids=IDS, opts=pulumi.ResourceOptions())).of(ROLE_SET)
    assert (made.inputs["scope_kind"], made.inputs["scope_id"]) == ("domain", "c")


NETWORK_SPEC = ProviderNetworkSpec.model_validate(
    {
        "name": "vms",
        "segments": [{"physical_network": "physnet1", "vlan": 200}],
        "mtu": 9000,
        "port_security": False,
        "availability_hints": ["rack-2", "rack-1"],
        "shared_with": [{"project": "development", "domain": "corp"}],
        "subnets": [
            {"name": "v4", "cidr": "10.20.0.0/24", "dns": ["10.20.0.53", "9.9.9.9", "10.10.0.54"]},
            {
                "name": "closed",
                "cidr": "10.21.0.0/24",
                "gateway": "none",
                "dhcp": False,
                "allocation_pools": "none",
            },
            {
                "name": "v6",
                "cidr": "2001:db8::/64",
                "gateway": "fe80::1",
                "ipv6": {"address_mode": "slaac"},
                "host_routes": [
                    {"destination": "2001:db8:2::/48", "next_hop": "2001:db8::2"},
                    {"destination": "2001:db8:1::/48", "next_hop": "2001:db8::2"},
                ],
            },
        ],
    }
)


def the_network() -> ProviderNetwork:
    return ProviderNetwork("vms", NETWORK_SPEC, cloud="admin", ids=IDS)


def test_a_network_is_its_vlan(run: Run) -> None:
    (made,) = run(the_network).of(NETWORK)
    assert made.inputs["segments"] == [
        {"physicalNetwork": "physnet1", "networkType": "vlan", "segmentationId": 200}
    ]
    assert (made.inputs["mtu"], made.inputs["shared"]) == (9000, False)


def test_a_network_says_where_its_dhcp_agents_are_and_whether_its_ports_are_guarded(run: Run) -> None:
    (made,) = run(the_network).of(NETWORK)
    assert made.inputs["availabilityZoneHints"] == ["rack-2", "rack-1"]
    assert made.inputs["portSecurityEnabled"] is False


def test_an_ipv6_subnet_has_its_mode_and_may_have_a_link_local_gateway(run: Run) -> None:
    made = {args.inputs["name"]: args.inputs for args in run(the_network).of(SUBNET)}
    assert (made["v6"]["ipVersion"], made["v6"]["ipv6AddressMode"]) == (6, "slaac")
    assert "ipv6RaMode" not in made["v6"]
    assert made["v6"]["gatewayIp"] == "fe80::1"
    assert made["v6"]["allocationPools"] == [{"start": "2001:db8::1", "end": "2001:db8::ffff:ffff:ffff:ffff"}]
    assert "ipv6AddressMode" not in made["v4"]


def test_host_routes_are_one_resource_a_subnet_in_an_order_of_its_own(run: Run) -> None:
    (made,) = run(the_network).of(HOST_ROUTES)
    assert made.name == "vms/v6"
    assert made.inputs["subnet_id"] == "id-of-vms/v6"
    assert made.inputs["cloud"] == "admin"
    assert [route["destination"] for route in made.inputs["items"]] == ["2001:db8:1::/48", "2001:db8:2::/48"]


def test_a_subnet_without_pools_is_left_without_and_would_get_all_addresses_back(run: Run) -> None:
    ran = run(the_network)
    (subnet,) = (made.inputs for made in ran.of(SUBNET) if made.inputs["name"] == "closed")
    assert "allocationPools" not in subnet
    (made,) = ran.of(NO_POOLS)
    assert (made.name, made.inputs["subnet_id"]) == ("vms/closed", "id-of-vms/closed")
    assert made.inputs["given_back"] == [{"start": "10.21.0.1", "end": "10.21.0.254"}]


def test_dns_servers_keep_their_order(run: Run) -> None:
    made = {args.inputs["name"]: args.inputs for args in run(the_network).of(SUBNET)}
    assert made["v4"]["dnsNameservers"] == ["10.20.0.53", "9.9.9.9", "10.10.0.54"]


def test_a_subnet_has_its_first_address_as_gateway_or_none_at_all(run: Run) -> None:
    made = {args.inputs["name"]: args.inputs for args in run(the_network).of(SUBNET)}
    assert (made["v4"]["gatewayIp"], made["v4"].get("noGateway")) == ("10.20.0.1", None)
    assert (made["closed"].get("gatewayIp"), made["closed"]["noGateway"]) == (None, True)
    assert (made["v4"]["enableDhcp"], made["closed"]["enableDhcp"]) == (True, False)


def test_a_network_is_shared_with_the_projects_it_names(run: Run) -> None:
    (made,) = run(the_network).of(RBAC)
    assert made.inputs["targetTenant"] == "p1"
    assert (made.inputs["action"], made.inputs["objectType"]) == ("access_as_shared", "network")


@pytest.mark.parametrize(
    ("cidr", "gateway", "pools"),
    [
        ("10.0.0.0/29", None, ["10.0.0.2-10.0.0.6"]),
        ("10.0.0.0/29", "10.0.0.6", ["10.0.0.1-10.0.0.5"]),
        ("10.0.0.0/29", "10.0.0.3", ["10.0.0.1-10.0.0.2", "10.0.0.4-10.0.0.6"]),
        ("10.0.0.0/29", "none", ["10.0.0.1-10.0.0.6"]),
        ("10.0.0.0/31", "none", ["10.0.0.0-10.0.0.1"]),
        ("2001:db8::/64", None, ["2001:db8::2-2001:db8::ffff:ffff:ffff:ffff"]),
    ],
)
def test_the_default_pools_are_every_host_but_the_gateway(
    cidr: str, gateway: str | None, pools: list[str]
) -> None:
    subnet = SubnetSpec.model_validate({"name": "s", "cidr": cidr, "gateway": gateway, "dhcp": False})
    assert [str(pool) for pool in subnet.pools] == pools


def found_nobody() -> Found:
    raise UnreachableError("no network in a unit test")


@pytest.fixture
def prod(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """The configuration of Pulumi.prod.yaml, as the engine hands it to the program."""
    auth = {"auth_url": "https://keystone.corp.example/v3", "username": "admin", "password": "p"}
    clouds = {"clouds": {"cloud-admin": {"auth": auth}}}
    (tmp_path / "clouds.yaml").write_text(yaml.safe_dump(clouds), encoding="utf-8")
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(tmp_path / "clouds.yaml"))
    monkeypatch.setenv("CORP_LDAP_PASSWORD", "of the directory")
    monkeypatch.setattr("clients.directory.probe.probe", lambda _settings, _names: found_nobody())
    monkeypatch.setattr(
        "components.identity.undeclared_grants._read", lambda *_: (role_assignments.Found((), ()), None)
    )
    monkeypatch.setattr("components.storage.ceph_users.look_at_the_login", lambda *_: None)
    monkeypatch.setattr("components.storage.images.copies", lambda _store: [])
    monkeypatch.setattr("components.compute.fleet.Fleet._look", lambda *_: ([], {}, Manners()))
    monkeypatch.chdir(ROOT)
    monkeypatch.delenv("PULUMI_CONFIG", raising=False)
    config = yaml.safe_load((ROOT / "Pulumi.prod.yaml").read_text(encoding="utf-8"))["config"]
    pulumi.runtime.set_all_config({key: json.dumps(value) for key, value in config.items()})
    return {key.removeprefix("private-cloud:"): value for key, value in config.items()}


def the_program() -> object:
    return runpy.run_path(str(ROOT / "__main__.py"))


@pytest.mark.parametrize("run", ["prod"], indirect=True)
def test_the_prod_stack_makes_what_its_file_says(run: Run, prod: dict[str, Any]) -> None:
    recorder = run(the_program)
    assert len(recorder.of(PROJECT)) == len(prod["domains"]) + len(prod["projects"])
    given = [args.inputs["roles"] for args in recorder.of(ROLE_SET) if not args.inputs["exact"]]
    assert sum(map(len, given)) == len(prod["grants"])
    assert {args.name for args in recorder.of(NETWORK)} == {network["name"] for network in prod["networks"]}
    assert {args.inputs["sha256"] for args in recorder.of(IMAGE)} == {
        image["sha256"] for image in prod["images"]
    }
    assert {args.name for args in recorder.of(HOST)} == {host["name"] for host in prod["hosts"]}
    assert {args.inputs["owner_stack"] for args in recorder.of(IMAGE)} == {"private-cloud/prod"}
    assert {args.name for args in recorder.of(CEPH_USER)} == {"image-import.1", "backup.1", "backup.2"}
    assert {(args.inputs["ceph_user"], args.inputs["ceph_conf"]) for args in recorder.of(IMAGE)} == {
        ("image-import.1", "/etc/ceph/image-import/ceph.conf")
    }


@pytest.mark.parametrize("run", ["prod"], indirect=True)
def test_the_prod_fleet_has_a_port_for_each_server_and_one_resource_for_all_servers(
    run: Run, prod: dict[str, Any]
) -> None:
    recorder = run(the_program)
    (declared,) = prod["fleets"]
    (fleet,) = recorder.of(SERVER_FLEET)
    ports = {args.name: args.inputs for args in recorder.of(PORT)}
    assert len(ports) == declared["count"]
    first = ports["nightly/nightly-01/general-vms"]
    assert (first["name"], first["networkId"]) == ("nightly-01-general-vms", "id-of-general-vms")
    first_member = Member.model_validate(fleet.inputs["members"][0])
    assert first_member == Member(name="nightly-01", port_ids=["id-of-nightly/nightly-01/general-vms"])
    assert set(fleet.inputs["plan"].values()) == {"create: there is none"}
    assert fleet.inputs["wanted"]["sha256"] == prod["images"][0]["sha256"]
    assert (fleet.inputs["credential_id"], fleet.inputs["flavor_id"]) == ("c1", "id-of-test.small")
    (account,) = (args for args in recorder.of(USER) if args.name == "fleet-nightly@default")
    assert account.inputs["domainId"] == fleet_domain(recorder)
    kept = {args.inputs["name"]: args.inputs["keep"] for args in recorder.of(IMAGE)}
    assert kept["debian-12"] == 1
    assert kept["ubuntu-24.04"] == 0


def with_people(monkeypatch: pytest.MonkeyPatch, *people: Person) -> None:
    """Has the fleet of the stack `prod` a machine for each of PEOPLE."""
    monkeypatch.setattr(
        "components.compute.fleet.owners", lambda *_: [Owner(one, ("k",), "") for one in people]
    )
    config = yaml.safe_load((ROOT / "Pulumi.prod.yaml").read_text(encoding="utf-8"))["config"]
    (fleet,) = config["private-cloud:fleets"]
    del fleet["count"]
    fleet |= {"people": ["anna"], "home_gb": 100, "ssh_keys": {"files": "keys"}}
    pulumi.runtime.set_all_config({key: json.dumps(value) for key, value in config.items()})


@pytest.mark.usefixtures("prod")
def test_each_person_has_a_port_and_a_protected_home_of_the_fleets_own_account(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = Person("bram", "nightly-bram", left="2026-11-01", home="v1", server_there=True)
    last = replace(left, account="chidi", machine="nightly-chidi", deletion=ANNOUNCED, home="v2")
    never = Person("dana", "nightly-dana", left="2026-11-01", server_there=True)
    with_people(monkeypatch, Person("anna", "nightly-anna"), left, last, never)
    recorder = run(the_program)
    homes = {args.inputs["name"]: args for args in recorder.of(VOLUME)}
    assert sorted(homes) == ["nightly-anna-home", "nightly-bram-home", "nightly-chidi-home"]
    assert homes["nightly-anna-home"].inputs["size"] == 100
    assert homes["nightly-bram-home"].inputs["metadata"]["private_cloud_left"] == "2026-11-01"
    (own,) = (one for one in recorder.of("pulumi:providers:openstack") if one.name != "openstack")
    assert own.inputs["applicationCredentialId"] == "c1"
    assert all(own.name in str(args.provider) for args in homes.values())
    (fleet,) = recorder.of(SERVER_FLEET)
    members = {one["name"]: Member.model_validate(one) for one in fleet.inputs["members"]}
    assert members["nightly-anna"].home == "id-of-nightly/nightly-anna/home"
    assert (members["nightly-chidi"].deletion, members["nightly-dana"].home) == (ANNOUNCED, None)
    assert fleet.inputs["update"]["mode"] == "opportunistic"


def fleet_domain(recorder: Recorder) -> str:
    """The id of the domain Default, as it was looked up."""
    (call,) = (
        call for call in recorder.calls if call.args.get("isDomain") and call.args["name"] == "Default"
    )
    return f"{call.args['name']}-in-no-domain"


@pytest.mark.usefixtures("prod")
def test_a_fleet_whose_servers_cannot_be_looked_at_is_told_and_goes_on(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deaf(*_: object) -> None:
        raise CloudError("Nova does not answer")

    monkeypatch.setattr("components.compute.fleet.Fleet._look", deaf)
    (fleet,) = run(the_program).of(SERVER_FLEET)
    assert fleet.inputs["plan"] == {}


@pytest.mark.usefixtures("prod")
def test_every_openstack_resource_uses_the_one_explicit_provider(run: Run) -> None:
    recorder = run(the_program)
    (provider,) = recorder.of("pulumi:providers:openstack")
    assert provider.inputs["cloud"] == "cloud-admin"
    made = [args for args in recorder.resources if args.typ.startswith("openstack:")]
    assert made
    assert all((args.provider or "").endswith("::openstack::id-of-openstack") for args in made)


@pytest.mark.usefixtures("prod")
def test_kolla_is_told_what_hosts_with_an_open_vswitch_of_their_own_need(run: Run) -> None:
    (made,) = run(the_program).of(DEPLOYMENT)
    registered = yaml.safe_load(made.inputs["globals"])
    assert (registered["enable_openvswitch"], registered["neutron_physical_networks"]) == ("no", "physnet1")
    assert registered["docker_packages"] == [], "the hosts' image has them"
    assert (registered["enable_prometheus"], registered["kolla_base_distro"]) == ("yes", "debian")
    assert made.inputs["inventory_vars"] == {"network_interface": "mgmt"}


@pytest.mark.usefixtures("prod")
def test_a_host_is_the_same_value_wherever_something_is_done_with_it(run: Run) -> None:
    recorder = run(the_program)
    own = {args.name: args.inputs for args in recorder.of(HOST)}
    (deployment,), (systems,) = recorder.of(DEPLOYMENT), recorder.of(HOST_OS)
    booting = {host["ssh"]["name"]: host for host in systems.inputs["hosts"]}
    assert own.keys() == deployment.inputs["hosts"].keys() == booting.keys()
    for name, host in own.items():
        for key in ("ssh", "roles", "container_engine"):
            assert host[key] == deployment.inputs["hosts"][name][key] == booting[name][key]
        assert host["ssh"]["known_hosts_file"] == f"{host['inventory']}/.known_hosts.d/{name}"
        assert booting[name]["labels"] == {}, "no difference of its image"


def test_a_host_that_runs_gets_the_network_that_its_kickstart_would_install(
    run: Run, prod: dict[str, Any]
) -> None:
    prod["kolla"]["globals"] = {**prod["kolla"].get("globals", {}), "ovs_datapath": "netdev"}
    pulumi.runtime.set_config("private-cloud:kolla", json.dumps(prod["kolla"]))
    hosts = run(the_program).of(HOST)
    assert hosts
    for made in hosts:
        assert made.inputs["network"] in made.inputs["kickstart"].splitlines()
        assert json.loads(made.inputs["network"])["datapath_type"] == "netdev", "as Neutron's agent is told"


@pytest.mark.usefixtures("prod")
def test_the_types_of_hosts_in_state_stay(run: Run) -> None:
    types = {args.typ for args in run(the_program).resources}
    assert types >= {HOST, DEPLOYMENT, HOST_OS, "private-cloud:host:BareMetalHost"}


@pytest.mark.usefixtures("prod")
def test_names_in_state_stay(run: Run) -> None:
    names = {(args.typ.rpartition(":")[2], args.name) for args in run(the_program).resources}
    assert names >= {
        ("Project", "corp"),
        ("DomainConfig", "corp"),
        ("Project", "development@corp"),
        ("QuotaSetV2", "development@corp"),
        ("QuotaV2", "development@corp"),
        ("QuoteSetV3", "development@corp"),
        ("DefaultSecurityGroup", "development@corp"),
        ("RoleAssignments", "group/developers@corp/development@corp"),
        ("RoleSet", "group/developers@corp/development@corp"),
        ("Network", "developer-vms"),
        ("Subnet", "developer-vms/developer-vms-v4"),
        ("RbacPolicyV2", "developer-vms/development@corp"),
        ("SecGroup", "development@corp/web"),
        ("SecurityGroupRules", "development@corp/web"),
        ("ServerGroup", "development@corp/database"),
        ("RbdImage", "debian-12"),
        ("User", "nightly@default"),
        ("GeneratedPassword", "nightly@default"),
        ("RoleSet", "user/nightly@default/test-automation@corp"),
        ("RoleSet", "user/inventory@default/corp/inherited"),
        ("ApplicationCredential", "nightly@default/pipeline/1"),
        ("BareMetalHost", "storage-1"),
        ("KollaHost", "storage-1"),
        ("KollaDeployment", "hosts"),
        ("HostOs", "hosts"),
    }


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the program asks the engine to register, in the engine's own words."""
    requests: list[Any] = []
    register = mocks.MockMonitor.RegisterResource

    def listening(self: mocks.MockMonitor, request: Any) -> Any:
        requests.append(request)
        return register(self, request)

    monkeypatch.setattr(mocks.MockMonitor, "RegisterResource", listening)
    return requests


SECRET_OUTPUTS = {
    "ApplicationCredential": "secret",
    "DomainConfig": "password",
    "GeneratedPassword": "password",
    "LoginFiles": "texts",
    "MonitoringAgent": "license_key",
    "User": "key",
}
SECRET_INPUTS = {  # a generated password is one by its output
    "ApplicationCredential": "password",
    "DomainConfig": "password",
    "LoginFiles": "texts",
    "MonitoringAgent": "license_key",
}


def test_what_is_secret_is_marked_for_the_state(
    run: Run, registered: list[Any], prod: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEW_RELIC_KEY", "k" * 40)
    monitoring = {"agent": "new-relic", "license_key": {"env": "NEW_RELIC_KEY"}}
    pulumi.runtime.set_config("private-cloud:monitoring", json.dumps(monitoring))
    assert prod["ceph_users"]
    run(the_program)
    ours = [request for request in registered if request.type.startswith("pulumi-python:dynamic/")]
    outputs = {(kind(request), name) for request in ours for name in request.additionalSecretOutputs}
    assert outputs >= set(SECRET_OUTPUTS.items())
    inputs = {
        (kind(request), name)
        for request in ours
        for name, value in request.object.fields.items()
        if rpc._special_sig_key in value.struct_value.fields
    }
    assert inputs >= set(SECRET_INPUTS.items())


def kind(request: Any) -> str:
    return str(request.type.rpartition(":")[2])


@pytest.mark.usefixtures("prod")
def test_a_network_on_another_vlan_and_an_account_in_another_domain_are_others(
    run: Run, registered: list[Any]
) -> None:
    run(the_program)
    replacing = {request.type: list(request.replaceOnChanges) for request in registered}
    assert (replacing[NETWORK], replacing[USER]) == (["segments"], ["domainId"])


def test_what_is_protected_cannot_be_removed_and_what_is_adopted_neither(
    run: Run, registered: list[Any]
) -> None:
    def program() -> None:
        for spec in (
            ProjectSpec(name="plain", domain="Default"),
            ProjectSpec(name="kept", domain="Default", protected=True),
            ProjectSpec(name="found", domain="Default", adopt="p1"),
        ):
            Project(spec.name, spec, cloud="c", domain_id="d1")

    run(program)
    assert {r.name: (r.protect, r.importId) for r in registered if r.type == PROJECT} == {
        "plain": (False, ""),
        "kept": (True, ""),
        "found": (True, "p1"),
    }


def test_groups_that_name_each_other_get_their_rules_by_id(run: Run) -> None:
    def named(name: str) -> dict[str, Any]:
        return {"protocol": "tcp", "ports": 22, "ethertype": "IPv4", "remote": {"group": name}}

    specs = [
        SecurityGroupSpec.model_validate(
            {
                "name": name,
                "project": "development",
                "domain": "corp",
                "ingress": [named(other)],
                "egress": "none",
            }
        )
        for name, other in (("Web", "db"), ("db", "Web"))
    ]

    def program() -> None:
        spec = ProjectSpec(name="development", domain="corp")
        project = Project(spec.qualified_name, spec, cloud="admin", domain_id="d1")
        make_security_groups(
            specs, cloud="admin", projects={spec.qualified_name: project}, opts=pulumi.ResourceOptions()
        )

    recorder = run(program)
    groups = {
        args.name: args.inputs["name"] for args in recorder.of("openstack:networking/secGroup:SecGroup")
    }
    assert groups == {"development@corp/web": "Web", "development@corp/db": "db"}
    rules = recorder.of("pulumi-python:dynamic/networking:SecurityGroupRules")
    assert {
        args.inputs["security_group_id"]: [rule["group"] for rule in args.inputs["rules"]] for args in rules
    } == {
        "id-of-development@corp/web": ["id-of-development@corp/db"],
        "id-of-development@corp/db": ["id-of-development@corp/web"],
    }


def test_a_flavor_is_made_with_its_extra_specs_as_text_and_its_projects(run: Run) -> None:
    spec = FlavorSpec.model_validate(
        {
            "name": "Test.Small",
            "vcpus": 2,
            "ram_mb": 4096,
            "disk_gb": 20,
            "extra_specs": {"hw:emulator_threads": 2, "os:secure_boot": True},
            "public": False,
            "projects": [{"project": "development", "domain": "corp"}],
        }
    )
    ids = Ids({}, {}, {"development@corp": "p1"})
    recorder = run(lambda: Flavor(spec.name, spec, ids=ids))
    (flavor,) = recorder.of("openstack:compute/flavor:Flavor")
    assert (flavor.name, flavor.inputs["name"], flavor.inputs["isPublic"]) == (
        "test.small",
        "Test.Small",
        False,
    )
    assert flavor.inputs["extraSpecs"] == {"hw:emulator_threads": "2", "os:secure_boot": "true"}
    (access,) = recorder.of("openstack:compute/flavorAccess:FlavorAccess")
    assert (access.name, access.inputs["flavorId"], access.inputs["tenantId"]) == (
        "test.small/development@corp",
        "id-of-test.small",
        "p1",
    )
