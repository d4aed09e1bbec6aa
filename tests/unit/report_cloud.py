"""A small cloud and changes to it, for tests of the report."""

from dataclasses import replace
from typing import Any

from openstack.block_storage.v3.volume import Volume
from openstack.compute.v2.server import Server
from openstack.identity.v3.project import Project
from openstack.network.v2.port import Port

from clients.keystone.assignment import Place
from operations.report.change import Change, changes
from operations.report.dependents import Dependents
from operations.report.live import Generation, Live

NETWORK = "openstack:networking/network:Network"
SUBNET = "openstack:networking/subnet:Subnet"
PROJECT = "openstack:identity/project:Project"
IMAGE = "pulumi-python:dynamic/ceph:RbdImage"
HOST = "pulumi-python:dynamic/kolla:KollaHost"
DEPLOYMENT = "pulumi-python:dynamic/kolla:KollaDeployment"


def server(id_: str, name: str, project: str, host: str, image: str) -> Server:
    return Server(
        id=id_, name=name, project_id=project, compute_host=host, image={"id": image} if image else None
    )


def port(id_: str, network: str, project: str, by: tuple[str, str], subnet: str) -> Port:
    return Port(
        id=id_,
        network_id=network,
        project_id=project,
        device_owner=by[0],
        device_id=by[1],
        fixed_ips=[{"subnet_id": subnet}],
        security_group_ids=["g1"] if id_ == "o1" else [],
    )


LIVE = Live(
    servers=(
        server("s1", "web", "p1", "compute-1", "g1"),
        server("s2", "db", "p1", "compute-2.corp.example", ""),
        server("s3", "web", "p2", "compute-2", ""),
    ),
    ports=(
        port("o1", "n1", "p1", ("compute:nova", "s1"), "u1"),
        port("o2", "n1", "p1", ("compute:nova", "s1"), "u2"),
        port("o3", "n1", "p2", ("", ""), "u1"),
        port("o4", "n1", "", ("network:dhcp", "d"), "u1"),
        port("o5", "n2", "", ("network:dhcp", "d"), "u3"),
    ),
    volumes=(
        Volume(
            id="v1",
            name="disk",
            project_id="p1",
            volume_image_metadata={"image_id": "g1"},
            attachments=[{"server_id": "s2"}],
        ),
        Volume(id="v2", name="data", project_id="p2"),
    ),
    projects=(
        Project(id="p1", name="development", domain_id="d1"),
        Project(id="p2", name="testing", domain_id="d1"),
        Project(id="p3", name="empty", domain_id="d2"),
    ),
    grants=(
        Place("user", "ann", "project", "p1"),
        Place("group", "devs", "project", "p1"),
        Place("user", "bob", "project", "p2"),
    ),
    generations=(
        Generation("g1", "private-cloud/dev", "debian", "2026-11-02T10:00:00Z"),
        Generation("g0", "private-cloud/dev", "debian", "2026-11-01T10:00:00Z", hidden=True),
    ),
    server_group=lambda group: {"a1": ("s1",)}.get(group, ()),
    members=lambda group: {"devs": ("ann", "eve")}.get(group, ()),
    users=lambda domain: {"d1": ("ann", "bob", "eve")}.get(domain, ()),
    clones=lambda _pool, _user, _conf, image: {"g1": ("volumes/v1",)}.get(image, ()),
    osds=lambda _user, _conf, host: {"storage-1": ("osd.0", "osd.1")}.get(host, ()),
)
CLOUD = Dependents(LIVE)


def cloud(**parts: Any) -> Dependents:
    """The cloud with other PARTS."""
    return Dependents(replace(LIVE, **parts))


def step(op: str, kind: str, name: str, **more: Any) -> dict[str, Any]:
    """A step as `pulumi preview --json` has it: `old` and `new` are inputs, `outputs` the old ones."""
    found: dict[str, Any] = {"op": op, "urn": f"urn:pulumi:dev::private-cloud::{kind}::{name}"}
    for side, state in (("old", "oldState"), ("new", "newState")):
        if side in more:
            found[state] = {"type": kind, "custom": True, "inputs": more.pop(side)}
    if "oldState" in found:
        found["oldState"] |= {"id": more.pop("id", name), "outputs": more.pop("outputs", {})}
        found["oldState"]["protect"] = more.pop("protect", False)
    return found | more


def change(op: str, kind: str, name: str, **more: Any) -> Change:
    """The one change that such a step is."""
    (found,) = changes({"steps": [step(op, kind, name, **more)]})
    return found
