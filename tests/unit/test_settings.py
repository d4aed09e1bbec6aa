"""Every mistake of a stack file gets its sentence, and all are told at once."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from config.load import SettingsError, parse

Stack = dict[str, Any]
DIGEST = "0123456789abcdef" * 4

GOOD: Stack = yaml.safe_load(f"""
openstack: {{cloud: admin}}
management: {{vlan: 100, cidr: 10.10.0.0/24}}
domains: [{{name: corp}}]
projects: [{{name: development, domain: corp}}]
grants:
  - {{role: member, user: {{name: runner, domain: Default}}, scope: {{project: development, domain: corp}}}}
networks:
  - name: developer-vms
    segments: [{{physical_network: physnet1, vlan: 200}}]
    shared_with: [{{project: development, domain: corp}}]
    subnets:
      - name: v4
        cidr: 10.20.0.0/24
        gateway: 10.20.0.1
        allocation_pools: [{{start: 10.20.0.10, end: 10.20.0.99}}, {{start: 10.20.0.200, end: 10.20.0.250}}]
        dns: [10.20.0.153, 10.10.0.54]
  - name: general-vms
    segments: [{{physical_network: physnet1, vlan: 300}}]
    subnets: [{{name: v4, cidr: 10.30.0.0/24}}]
security_groups:
  - {{name: web, project: development, domain: corp, ingress: [{{protocol: tcp, ports: 443, remote: 10.10.0.0/24}}]}}
  - {{name: database, project: development, domain: corp, ingress: [{{protocol: tcp, remote: {{group: web}}}}], egress: none}}
server_groups:
  - {{name: database, project: development, domain: corp, policy: anti-affinity, max_server_per_host: 2}}
flavors:
  - {{name: test.small, vcpus: 2, ram_mb: 4096, disk_gb: 20, public: false, projects: [{{project: development, domain: corp}}]}}
image_store: {{cloud: import, pool: images, ceph_user: image-import}}
images: [{{name: debian, source: images/debian.qcow2, sha256: {DIGEST}}}]
""")


def mistakes(stack: Stack, root: Path = Path()) -> list[str]:
    try:
        parse(stack, file_name="Pulumi.test.yaml", root=root)
    except SettingsError as error:
        return error.sentences
    return []


def changed(change: Callable[[Stack], object]) -> Stack:
    stack = copy.deepcopy(GOOD)
    change(stack)
    return stack


def subnet(stack: Stack) -> Stack:
    found: Stack = stack["networks"][0]["subnets"][0]
    return found


def beside(stack: Stack, ipv6: Stack | None = None, **more: object) -> Stack:
    """An IPv6 subnet beside the first one."""
    v6 = {"name": "v6", "cidr": "2001:db8::/64", **more, **({"ipv6": ipv6} if ipv6 else {})}
    stack["networks"][0]["subnets"].append(v6)
    return v6


def route(destination: str, next_hop: str) -> Stack:
    return {"destination": destination, "next_hop": next_hop}


POOL_6 = {"start": "2001:db8::10", "end": "2001:db8::20"}


def test_a_good_file_has_no_mistakes() -> None:
    assert mistakes(GOOD) == []


MISTAKES: list[tuple[Callable[[Stack], object], str, str]] = [
    (lambda s: s.pop("openstack"), "openstack: ", "it is missing; give {cloud}"),
    (
        lambda s: s.update(network=[]),
        "network: ",
        "'network' is not a known key here; did you mean 'networks'?",
    ),
    (lambda s: s.update(domains="corp"), "domains: ", "'corp' is not a list; give a list of domains"),
    (
        lambda s: s["domains"].append({"name": "Corp"}),
        "domains[1] (Corp): ",
        "declared already at domains[0]",
    ),
    (lambda s: s["domains"].append({"name": "default"}), "domains[1] (default): ", "is always there"),
    (lambda s: s["projects"][0].update(name=7), "projects[0].name: ", "7 is not text (put it in quotes)"),
    (lambda s: s["projects"][0].update(domain="crop"), "projects[0].domain", "did you mean 'corp'?"),
    (lambda s: s["projects"].append(s["projects"][0]), "projects[1]", "declared already at projects[0]"),
    (lambda s: s["grants"][0].pop("user"), "grants[0].group: ", "neither user nor group; name exactly one"),
    (lambda s: s["grants"][0].update(group=s["grants"][0]["user"]), "grants[0].group", "both user and group"),
    (
        lambda s: s["grants"][0]["user"].update(domain="x"),
        "grants[0].user.domain",
        "list it under existing_domains",
    ),
    (
        lambda s: s["grants"][0]["scope"].update(project="develop"),
        "grants[0].scope.project: ",
        "project 'develop@corp' is not known; did you mean 'development@corp'?",
    ),
    (lambda s: s["grants"].append(s["grants"][0]), "grants[1]: ", "declared already at grants[0]"),
    (
        lambda s: s["grants"].append({**s["grants"][0], "role": s["grants"][0]["role"].upper()}),
        "grants[1]: ",
        "take both for one",
    ),
    (
        lambda s: s["networks"][1].update(name="developer-vms"),
        "networks[1] (developer-vms): ",
        "rename or drop",
    ),
    (
        lambda s: s["security_groups"][1].update(name="WEB"),
        "security_groups[1] (WEB): ",
        "take both for one",
    ),
    (
        lambda s: s["security_groups"][1].update(name="Défault"),
        "security_groups[1].name (Défault): ",
        "is the group that Neutron makes for each project",
    ),
    (
        lambda s: s["security_groups"][1].update(project="dev"),
        "security_groups[1] (database): ",
        "project 'dev@corp' is not known",
    ),
    (
        lambda s: s["security_groups"][0].update(name="webs"),
        "security_groups[1].ingress[0].remote.group (database): ",
        "project 'development@corp' has no security group 'web' here; did you mean 'webs'?",
    ),
    (
        lambda s: s["security_groups"][1]["ingress"][0].update(remote={"group": "web", "domain": "d"}),
        "security_groups[1].ingress[0].remote.domain (database): ",
        "'domain' is not a known key here; known are group",
    ),
    (
        lambda s: s["security_groups"][1]["ingress"][0].update(remote="web"),
        "security_groups[1].ingress[0].remote (database): ",
        "'web' is not a CIDR; give one such as '10.20.0.0/24', 'same-group' or {group: NAME}",
    ),
    (
        lambda s: s["security_groups"][1]["ingress"].append(s["security_groups"][1]["ingress"][0]),
        "security_groups[1].ingress[1] (database): ",
        "a rule before lets the same through",
    ),
    (
        lambda s: s["server_groups"][0].update(policy="soft-affinity"),
        "server_groups[0].max_server_per_host (database): ",
        "policy 'soft-affinity' has no number of servers; drop this, or give 'anti-affinity'",
    ),
    (
        lambda s: s["server_groups"][0].update(max_server_per_host=0),
        "server_groups[0].max_server_per_host (database): ",
        "0 is no number of servers; give a whole number from 1",
    ),
    (
        lambda s: s["server_groups"][0].update(policy="antiaffinity"),
        "server_groups[0].policy (database): ",
        "did you mean 'anti-affinity'?",
    ),
    (
        lambda s: s["server_groups"][0].update(project="dev"),
        "server_groups[0] (database): ",
        "project 'dev@corp' is not known",
    ),
    (
        lambda s: s["server_groups"].append({**s["server_groups"][0], "name": "Database"}),
        "server_groups[1] (Database): ",
        "take both for one",
    ),
    (
        lambda s: s["flavors"][0].update(vcpus=0),
        "flavors[0].vcpus (test.small): ",
        "give a whole number from 1",
    ),
    (
        lambda s: s["flavors"][0].update(disk_gb=-1),
        "flavors[0].disk_gb",
        "-1 is out of range; give a whole number from 0",
    ),
    (
        lambda s: s["flavors"][0].update(extra_specs={"hw/cpu": 1}),
        "flavors[0].extra_specs.hw/cpu (test.small): ",
        "'hw/cpu' is not the key of an extra spec",
    ),
    (
        lambda s: s["images"][0].update(properties={" os": "debian"}),
        "images[0].properties. os (debian): ",
        "' os' is not a name",
    ),
    (
        lambda s: s["flavors"][0].pop("public"),
        "flavors[0].projects",
        "every project may use the flavor already",
    ),
    (
        lambda s: s["flavors"][0]["projects"].append(s["flavors"][0]["projects"][0]),
        "flavors[0].projects[1]",
        "is given twice",
    ),
    (
        lambda s: s["flavors"][0]["projects"][0].update(project="dev"),
        "flavors[0].projects[0]",
        "project 'dev@corp' is not known",
    ),
    (
        lambda s: s["flavors"].append({**s["flavors"][0], "name": "Test.Small"}),
        "flavors[1] (Test.Small): ",
        "take both for one",
    ),
    (lambda s: s["networks"][0].update(segments=[]), "networks[0].segments", "needs a segment"),
    (
        lambda s: s["networks"][1]["segments"][0].update(vlan=200),
        "networks[1].segments[0].vlan (general-vms): ",
        "VLAN 200 on physnet1 is used already by network 'developer-vms'; give each its own",
    ),
    (
        lambda s: s["networks"][1]["segments"][0].update(vlan=100),
        "networks[1].segments[0].vlan",
        "the management VLAN",
    ),
    (
        lambda s: s["networks"][1]["segments"][0].update(vlan=4095),
        "networks[1].segments[0].vlan",
        "from 1 to 4094",
    ),
    (
        lambda s: s["networks"][1]["segments"][0].update(vlan="x"),
        "networks[1].segments[0].vlan",
        "is not a whole number",
    ),
    (
        lambda s: s["networks"][0].update(dns_domain="vms corp"),
        "networks[0].dns_domain",
        "is not a DNS domain; give one such as 'vms.corp.example'",
    ),
    (lambda s: s["networks"][0].update(tags=["a,b"]), "networks[0].tags[0]", "'a,b' is not a tag; give text"),
    (lambda s: s["networks"][0].update(tags=["a", "a"]), "networks[0].tags[1]", "tag 'a' is given twice"),
    (
        lambda s: subnet(s).update(service_types=["nova"]),
        "networks[0].subnets[0].service_types[0]",
        "'nova' is not a service type",
    ),
    (lambda s: s["networks"][0].update(mtu=9), "networks[0].mtu", "9 is not an MTU"),
    (
        lambda s: s["networks"][0].update(shared=True),
        "networks[0].shared_with",
        "shared with everybody already",
    ),
    (lambda s: s["networks"][0].update(shared="no way"), "networks[0].shared ", "is not true or false"),
    (
        lambda s: s["networks"][0]["shared_with"][0].update(project="dev"),
        "networks[0].shared_with[0]",
        "project 'dev@corp' is not known",
    ),
    (
        lambda s: subnet(s).update(cidr="10.20.0.5/24"),
        "networks[0].subnets[0].cidr",
        "the network is '10.20.0.0/24'",
    ),
    (lambda s: subnet(s).update(cidr="10.20.0.0"), "networks[0].subnets[0].cidr", "is not a CIDR"),
    (
        lambda s: s["networks"][1]["subnets"][0].update(cidr="10.20.0.128/25"),
        "networks[1].subnets[0].cidr (general-vms / v4): ",
        "10.20.0.128/25 overlaps 10.20.0.0/24 of subnet 'v4' of network 'developer-vms'",
    ),
    (
        lambda s: s["networks"][1]["subnets"][0].update(cidr="10.10.0.0/16"),
        "networks[1].subnets[0].cidr",
        "overlaps 10.10.0.0/24 of the management VLAN",
    ),
    (lambda s: subnet(s).update(gateway="10.21.0.1"), "networks[0].subnets[0].gateway", "outside its subnet"),
    (
        lambda s: subnet(s).update(gateway="10.20.0.0"),
        "networks[0].subnets[0].gateway",
        "the network address",
    ),
    (
        lambda s: subnet(s).update(gateway="10.20.0.255"),
        "networks[0].subnets[0].gateway",
        "the broadcast address",
    ),
    (lambda s: subnet(s).update(gateway="off"), "networks[0].subnets[0].gateway", "is not an IP address"),
    (lambda s: subnet(s).update(gateway="10.20.0.20"), "allocation_pools[0]", "holds the gateway 10.20.0.20"),
    (
        lambda s: subnet(s)["allocation_pools"][0].update(end="10.20.0.5"),
        "networks[0].subnets[0].allocation_pools[0]",
        "starts after it ends",
    ),
    (
        lambda s: subnet(s)["allocation_pools"][1].update(end="10.20.1.5"),
        "allocation_pools[1]",
        "not inside its subnet",
    ),
    (
        lambda s: subnet(s)["allocation_pools"][1].update(start="10.20.0.50"),
        "allocation_pools[1]",
        "overlaps pool",
    ),
    (
        lambda s: subnet(s)["dns"].append("10.20.0.300"),
        "networks[0].subnets[0].dns[2] (developer-vms / v4): ",
        "'10.20.0.300' is not an IP address; give one such as '10.20.0.53'",
    ),
    (lambda s: subnet(s)["dns"].append("10.10.0.54"), "dns[2]", "is given twice"),
    (
        lambda s: subnet(s).update(dns=[f"10.9.0.{n}" for n in range(1, 7)]),
        "networks[0].subnets[0].dns",
        "6 DNS servers are more than Neutron takes by default (max_dns_nameservers); give at most 5",
    ),
    (
        lambda s: subnet(s).update(dns=["10.20.0.10"]),
        "networks[0].subnets[0].dns[0]",
        "DNS server 10.20.0.10 is in pool 10.20.0.10-10.20.0.99 of subnet 'v4' of network 'developer-vms'",
    ),
    (
        lambda s: subnet(s).update(dns=["10.30.0.53"]),
        "networks[0].subnets[0].dns[0]",
        "of subnet 'v4' of network 'general-vms', so that a port may get it",
    ),
    (
        lambda s: subnet(s).update(dns=["2001:db8::53"]),
        "networks[0].subnets[0].dns[0]",
        "DNS server 2001:db8::53 is IPv6 in an IPv4 subnet",
    ),
    (
        lambda s: subnet(s).update(host_routes=[route("10.99.0.0/16", "10.20.0.200")]),
        "networks[0].subnets[0].host_routes[0].next_hop",
        "next hop 10.20.0.200 is in pool 10.20.0.200-10.20.0.250",
    ),
    (
        lambda s: subnet(s).update(host_routes=[route("10.99.0.0/16", "10.30.0.1")]),
        "networks[0].subnets[0].host_routes[0]",
        "next hop 10.30.0.1 is outside its subnet 10.20.0.0/24",
    ),
    (
        lambda s: subnet(s).update(host_routes=[route("2001:db8::/32", "10.20.0.2")]),
        "networks[0].subnets[0].host_routes[0]",
        "destination 2001:db8::/32 is IPv6 in an IPv4 subnet",
    ),
    (
        lambda s: subnet(s).update(
            host_routes=[route("10.99.0.0/16", "10.20.0.2"), route("10.99.0.0/16", "10.20.0.2")]
        ),
        "networks[0].subnets[0].host_routes[1]",
        "the route to 10.99.0.0/16 by 10.20.0.2 is given twice; give it once",
    ),
    (
        lambda s: subnet(s).update(host_routes=[route(f"10.{n}.0.0/16", "10.20.0.2") for n in range(50, 71)]),
        "networks[0].subnets[0].host_routes",
        "21 host routes are more than Neutron takes by default (max_subnet_host_routes); give at most 20",
    ),
    (
        lambda s: subnet(s).update(ipv6={"address_mode": "slaac"}),
        "networks[0].subnets[0].ipv6",
        "10.20.0.0/24 is IPv4, which has no such modes",
    ),
    (
        lambda s: beside(s, {"address_mode": "slaac"}, cidr="2001:db8::/56"),
        "networks[0].subnets[1].ipv6",
        "'slaac' needs a /64, and 2001:db8::/56 is a /56",
    ),
    (
        lambda s: beside(s, {"address_mode": "slaac", "ra_mode": "dhcpv6-stateless"}),
        "networks[0].subnets[1].ipv6.ra_mode",
        "ra_mode 'dhcpv6-stateless' is not address_mode 'slaac'; give both the same, or one of them",
    ),
    (
        lambda s: beside(s, {"address_mode": "salac"}),
        "networks[0].subnets[1].ipv6.address_mode",
        "did you mean 'slaac'?",
    ),
    (
        lambda s: beside(s, {"ra_mode": "dhcpv6-stateful"}, dhcp=False),
        "networks[0].subnets[1].ipv6",
        "Neutron takes no address_mode or ra_mode without DHCP",
    ),
    (
        lambda s: beside(s, {"address_mode": "slaac"}, allocation_pools=[POOL_6]),
        "networks[0].subnets[1].allocation_pools",
        "ports make their own addresses where the mode is 'slaac'",
    ),
    (
        lambda s: beside(s, {"address_mode": "slaac"}, allocation_pools="none"),
        "networks[0].subnets[1].allocation_pools",
        "ports make their own addresses where the mode is 'slaac'",
    ),
    (
        lambda s: subnet(s).update(allocation_pools=[]),
        "networks[0].subnets[0].allocation_pools",
        "give 'none' for no pools, or leave it out",
    ),
    (
        lambda s: subnet(s).update(allocation_pools="nnoe"),
        "networks[0].subnets[0].allocation_pools",
        "or 'none'",
    ),
    (
        lambda s: beside(s, gateway="2001:db9::1"),
        "networks[0].subnets[1].gateway",
        "outside its subnet 2001:db8::/64",
    ),
    (
        lambda s: [s["networks"][0].update(mtu=1279), beside(s)],
        "networks[0].subnets[1].cidr",
        "IPv6 needs an MTU of 1280 or more, and the network's is 1279",
    ),
    (
        lambda s: s["networks"][1]["subnets"][0].update(cidr="10.30.0.0/31", gateway="none"),
        "networks[1].subnets[0].dhcp",
        "10.30.0.0/31 is too small for Neutron's DHCP; give dhcp: false, or a larger subnet",
    ),
    (
        lambda s: s["networks"][0].update(availability_hints=["rack-1", "rack-1"]),
        "networks[0].availability_hints[1]",
        "zone 'rack-1' is given twice",
    ),
    (
        lambda s: s["management"].update(gateway="10.11.0.1"),
        "management.gateway",
        "gateway 10.11.0.1 is outside 10.10.0.0/24",
    ),
    (
        lambda s: s["management"].update(addresses={"dns": "10.10.0.255"}),
        "management.addresses.dns",
        "address 10.10.0.255 is the broadcast address of 10.10.0.0/24",
    ),
    (
        lambda s: s["management"].update(addresses={"dns": "10.10.0.53", "api": "10.10.0.53"}),
        "management.addresses.api",
        "10.10.0.53 is dns's already",
    ),
    (
        lambda s: s["management"].update(gateway="10.10.0.1", addresses={"api": "10.10.0.1"}),
        "management.addresses.api",
        "10.10.0.1 is the gateway's already",
    ),
    (lambda s: s.pop("image_store"), "image_store: ", "it is missing, and there are images"),
    (lambda s: s["image_store"].update(ceph_user="client.x"), "image_store.ceph_user", "give 'x'"),
    (lambda s: s["images"][0].pop("sha256"), "images[0].sha256 (debian): ", "neither sha256 nor sha256sums"),
    (lambda s: s["images"][0].update(sha256sums="S"), "images[0].sha256", "both sha256 and sha256sums"),
    (lambda s: s["images"][0].update(sha256="abc"), "images[0].sha256", "'abc' is not a SHA-256"),
    (lambda s: s["images"][0].update(visibility="publik"), "images[0].visibility", "did you mean 'public'?"),
    (
        lambda s: s["images"][0].update(source="ftp://a/b"),
        "images[0].source",
        "an http://, https:// or s3:// URL",
    ),
    (lambda s: s["images"][0].update(min_disk_gb=-1), "images[0].min_disk_gb", "-1 is out of range"),
    (
        lambda s: s["images"][0].update(properties={"status": "x"}),
        "images[0].properties.status",
        "kept by Glance",
    ),
    (lambda s: s["images"].append(s["images"][0]), "images[1] (debian): ", "declared already at images[0]"),
    (
        lambda s: s["images"].append({**s["images"][0], "name": "Débian"}),
        "images[1] (Débian): ",
        "declared already at images[0] as 'debian': the services ignore case, accents",
    ),
    (
        lambda s: s["domains"][0].update(directory={"url": "ldap://x"}),
        "domains[0].directory.ca_file (corp): ",
        "it is missing; give the CA that signed its certificate",
    ),
]


@pytest.mark.parametrize(
    ("change", "where", "sentence"), MISTAKES, ids=[where + what for _, where, what in MISTAKES]
)
def test_a_mistake_is_told_with_its_key_and_what_would_be_right(
    change: Callable[[Stack], object], where: str, sentence: str
) -> None:
    sentences = mistakes(changed(change))
    assert [found for found in sentences if where in found and sentence in found], sentences


@pytest.mark.parametrize(("change", "where", "_sentence"), MISTAKES[1:-1])
def test_one_mistake_is_told_once(change: Callable[[Stack], object], where: str, _sentence: str) -> None:
    assert len(mistakes(changed(change))) == 1, where


def test_all_mistakes_of_a_file_are_told_at_once_in_its_order() -> None:
    def change(stack: Stack) -> None:
        stack["images"][0]["sha256"] = "abc"
        stack["networks"][1]["segments"][0]["vlan"] = 200
        subnet(stack)["dns"][0] = "nowhere"
        subnet(stack)["gateway"] = "10.20.0.20"
        stack["networks"][0]["colour"] = "red"
        stack["projects"][0]["domain"] = "crop"

    sentences = mistakes(changed(change))
    starts = ["projects[0]", "networks[0]", "networks[0]", "networks[0]", "networks[1]", "images[0]"]
    assert [sentence.split(".")[0] for sentence in sentences] == starts


def test_a_mistake_beside_a_refused_entry_keeps_its_own_place() -> None:
    def change(stack: Stack) -> None:
        stack["networks"].insert(0, {"name": "broken"})
        stack["networks"][2]["segments"][0]["vlan"] = 200

    assert [sentence.split(" ")[0] for sentence in mistakes(changed(change))] == [
        "networks[0].segments",
        "networks[2].segments[0].vlan",
    ]


def test_what_entries_claim_together_is_told_beside_their_own_mistakes() -> None:
    def change(stack: Stack) -> None:
        del stack["openstack"]["cloud"]
        stack["networks"][0].pop("name")
        subnet(stack).pop("name")
        subnet(stack)["description"] = ["no text"]
        stack["networks"][1]["segments"][0]["vlan"] = 200
        stack["networks"][1]["subnets"][0]["cidr"] = "10.20.0.0/25"
        stack["domains"].append({"name": "Corp"})
        disk = {"install_disk": "/dev/disk/by-id/wwn-0x1", "links": ["eno1", "eno2"]}
        host = {"name": "one", "address": "10.10.0.9", "roles": ["compute"], "vlans": [300], **disk}
        stack["hosts"] = [host, {**host, "name": "Two", "roles": ["ceph"], "vlans": [100, 999]}]
        stack["kolla"] = {"inventory": "/etc/kolla/inventory"}

    sentences = mistakes(changed(change))
    for where, what in (
        ("openstack.cloud", "it is missing"),
        ("networks[0].name", "it is missing"),
        ("networks[0].subnets[0].name", "it is missing"),
        ("networks[0].subnets[0].description", "is not text"),
        ("networks[1].segments[0].vlan", "VLAN 200 on physnet1 is used already by network networks[0]"),
        ("networks[1].subnets[0].cidr", "10.20.0.0/25 overlaps 10.20.0.0/24"),
        ("domains[1]", "declared already"),
        ("hosts[1].name", "is not a host's name"),
        ("hosts[1].roles[0]", "did you mean 'storage'?"),
        ("hosts[1].address", "is that of host 'one' already"),
        ("hosts[1].vlans[0]", "the management VLAN"),
        ("hosts[1].vlans[1]", "VLAN 999 is no network's"),
    ):
        assert [found for found in sentences if found.startswith(where) and what in found], (where, sentences)
    assert not [found for found in sentences if "unreadable-" in found], sentences


@pytest.mark.parametrize(
    ("change", "meant"),
    [
        (lambda s: subnet(s).update(dns_servers=[]), "dns"),
        (lambda s: subnet(s).update(gateway_ip="10.20.0.1"), "gateway"),
        (lambda s: s["networks"][0]["segments"][0].update(segmentation_id=7), "vlan"),
        (lambda s: s.update(users=[]), "accounts"),
    ],
)
def test_the_words_of_other_tools_are_understood(change: Callable[[Stack], object], meant: str) -> None:
    assert [found for found in mistakes(changed(change)) if f"did you mean {meant!r}?" in found]


def test_a_refused_project_does_not_make_its_grants_wrong() -> None:
    assert len(mistakes(changed(lambda stack: stack["projects"][0].update(colour="red")))) == 1


def test_a_checksum_is_read_from_what_sha256sum_wrote(tmp_path: Path) -> None:
    (tmp_path / "SHA256SUMS").write_text(f"{'f' * 64} *other.qcow2\n{DIGEST}  images/debian.qcow2\n")

    def change(stack: Stack) -> None:
        del stack["images"][0]["sha256"]
        stack["images"][0]["sha256sums"] = "SHA256SUMS"

    settings = parse(changed(change), file_name="x", root=tmp_path)
    assert settings.images[0].sha256 == DIGEST


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "cannot be read (No such file or directory)"),
        (
            f"{DIGEST}  debain.qcow2\n",
            "has no line with a SHA-256 for 'debian.qcow2'; did you mean 'debain.qcow2'?",
        ),
        ("no digest  debian.qcow2\n", "has no line with a SHA-256 for 'debian.qcow2'"),
    ],
)
def test_a_missing_checksum_is_one_sentence(tmp_path: Path, content: str | None, sentence: str) -> None:
    if content is not None:
        (tmp_path / "SHA256SUMS").write_text(content)

    def change(stack: Stack) -> None:
        del stack["images"][0]["sha256"]
        stack["images"][0]["sha256sums"] = "SHA256SUMS"

    sentences = mistakes(changed(change), tmp_path)
    assert len(sentences) == 1
    assert sentence in sentences[0]


def test_settings_never_change() -> None:
    settings = parse(GOOD, file_name="x", root=Path())
    with pytest.raises(ValueError, match="frozen"):
        settings.management = None  # type: ignore[misc]


def test_a_domain_that_exists_outside_the_program_can_be_named() -> None:
    def change(stack: Stack) -> None:
        stack["existing_domains"] = ["heat"]
        stack["grants"][0]["user"]["domain"] = "heat"

    settings = parse(changed(change), file_name="x", root=Path())
    assert settings.named_domains == ("heat",)


def test_accents_are_composed_as_the_plugin_sends_them() -> None:
    def change(stack: Stack) -> None:
        stack["existing_domains"] = ["cafe\u0301"]
        stack["networks"][0]["description"] = "cafe\u0301"

    settings = parse(changed(change), file_name="x", root=Path())
    assert (settings.existing_domains, settings.networks[0].description) == (("caf\u00e9",), "caf\u00e9")


def test_the_management_vlan_may_be_another_one_on_another_physical_network() -> None:
    def change(stack: Stack) -> None:
        stack["management"]["physical_networks"] = ["physnet1"]
        stack["networks"][0]["segments"] = [{"physical_network": "physnet2", "vlan": 100}]

    assert mistakes(changed(change)) == []


@pytest.mark.parametrize(
    "more",
    [
        {"ipv6": {"address_mode": "slaac"}, "gateway": "fe80::1"},
        {
            "ipv6": {"address_mode": "dhcpv6-stateful", "ra_mode": "dhcpv6-stateful"},
            "allocation_pools": [POOL_6],
        },
        {"ipv6": {"ra_mode": "dhcpv6-stateless"}},
        {"dhcp": False, "cidr": "2001:db8::/127"},
        {"host_routes": [route("2001:db8:1::/48", "fe80::2")]},
        {"ipv6": {"address_mode": "slaac"}, "dns": ["2001:db8::53"]},
    ],
)
def test_what_neutron_takes_of_ipv6_is_taken(more: Stack) -> None:
    assert mistakes(changed(lambda stack: beside(stack, **more))) == []
