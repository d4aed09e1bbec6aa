"""A small cloud and changes to it, for tests of the report."""

from dataclasses import replace
from typing import Any

from clients.keystone.assignment import Place
from operations.report.change import Change, changes
from operations.report.dependents import Dependents
from operations.report.live import Generation, Live, Port, Project, Server, Volume

NETWORK = "openstack:networking/network:Network"
SUBNET = "openstack:networking/subnet:Subnet"
PROJECT = "openstack:identity/project:Project"
IMAGE = "pulumi-python:dynamic/ceph:RbdImage"
HOST = "pulumi-python:dynamic/kolla:KollaHost"
DEPLOYMENT = "pulumi-python:dynamic/kolla:KollaDeployment"

LIVE = Live(
    servers=(
        Server("s1", "web", "p1", "compute-1", "g1"),
        Server("s2", "db", "p1", "compute-2.corp.example", ""),
        Server("s3", "web", "p2", "compute-2", ""),
    ),
    ports=(
        Port("o1", "n1", "p1", "compute:nova", "s1", ("u1",)),
        Port("o2", "n1", "p1", "compute:nova", "s1", ("u2",)),
        Port("o3", "n1", "p2", "", "", ("u1",)),
        Port("o4", "n1", "", "network:dhcp", "d", ("u1",)),
        Port("o5", "n2", "", "network:dhcp", "d", ("u3",)),
    ),
    volumes=(Volume("v1", "disk", "p1", "g1", ("s2",)), Volume("v2", "data", "p2")),
    projects=(
        Project("p1", "development", "d1"),
        Project("p2", "testing", "d1"),
        Project("p3", "empty", "d2"),
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
