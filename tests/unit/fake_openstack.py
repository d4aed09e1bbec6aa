"""A fake Nova, Neutron, Placement and Keystone at the REST level, with what they know of hosts.

They answer as Nova 33, Neutron 29 and Placement 15 did in the lab; tests/lab/test_host_removal.py asks real ones.
"""

import json
import re
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

import pytest
import requests

from clients import openstack
from clients.errors import CloudError


def answer(status: int, body: dict[str, Any] | None = None) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response.reason = {404: "Not Found", 409: "Conflict"}.get(status, "")
    response._content = b"" if body is None else json.dumps(body).encode()
    return response


def refused(status: int, words: str) -> requests.Response:
    return answer(status, {"conflictingRequest": {"code": status, "message": words}})


class FakeOpenStack:
    """All services in one; `changes` tells what was asked of them, in order."""

    def __init__(self) -> None:
        self.compute = self.network = self.placement = self.identity = self
        self.services: dict[str, dict[str, Any]] = {}
        self.servers: dict[str, dict[str, Any]] = {}
        self.agents: dict[str, dict[str, Any]] = {}
        self.served: dict[str, dict[str, Any]] = {}
        self.serving: set[tuple[str, str]] = set()  # agent, router or network
        self.tags: set[tuple[str, str]] = set()
        self.migrations: list[dict[str, str]] = []
        self.providers: dict[str, dict[str, Any]] = {}
        self.changes: list[str] = []
        self.deaf = False  # does not answer at all
        self.target = "compute-2"  # where instances move; empty where none takes them
        self.hung: set[str] = set()  # instances whose migration does not end

    # what is there

    def host(self, name: str, *kinds: str, zone: str = "", compute: bool = True, **fields: Any) -> None:
        """A host with its compute service and these agents besides the switch's."""
        if compute:
            self.services[f"s-{name}"] = {
                "id": f"s-{name}",
                "host": name,
                "binary": "nova-compute",
                "status": "enabled",
                "state": "up",
                "forced_down": False,
                "disabled_reason": None,
                **fields,
            }
            self.providers[name] = {"uuid": f"p-{name}", "name": f"{name}.example", "used": []}
        for kind in ("Open vSwitch agent", *kinds):
            words = kind.split(maxsplit=1)[0].lower()
            self.agents[f"{words}-{name}"] = {
                "id": f"{words}-{name}",
                "agent_type": kind,
                "host": name,
                "alive": True,
                "admin_state_up": True,
                "description": None,
                "availability_zone": zone or None,
                "configurations": {"bridge_mappings": {"physnet1": "br-ex"}},
            }

    def instance(self, name: str, host: str, status: str = "ACTIVE", task: str | None = None) -> str:
        self.servers[f"i-{name}"] = {
            "id": f"i-{name}",
            "name": name,
            "tenant_id": "p1",
            "status": status,
            "OS-EXT-STS:task_state": task,
            "OS-EXT-SRV-ATTR:host": host,
        }
        return f"i-{name}"

    def router(self, name: str, *agents: str, **fields: Any) -> None:
        self.served[f"r-{name}"] = {"id": f"r-{name}", "name": name, "kind": "router", **fields}
        self.serving |= {(agent, f"r-{name}") for agent in agents}

    def dhcp_network(self, name: str, *agents: str, **fields: Any) -> None:
        self.served[f"n-{name}"] = {"id": f"n-{name}", "name": name, "kind": "network", **fields}
        self.serving |= {(agent, f"n-{name}") for agent in agents}

    def agents_of(self, thing: str) -> set[str]:
        return {agent for agent, served in self.serving if served == thing}

    # how it answers

    def get(
        self, url: str, params: dict[str, str] | None = None, microversion: str = ""
    ) -> requests.Response:
        assert bool(microversion) == url.startswith(("/os-services", "/servers", "/os-migrations")), url
        for pattern, answering in GET.items():
            if found := re.fullmatch(pattern, url):
                return answering(self, dict(params or {}), *found.groups())
        raise AssertionError(url)

    def list_services(self, data: dict[str, str]) -> requests.Response:
        return answer(200, {"services": [one for one in self.services.values() if _is(one, data)]})

    def list_servers(self, data: dict[str, str]) -> requests.Response:
        assert data["all_tenants"] == "1"
        limit, marker = int(data["limit"]), data.get("marker", "")
        found = [one for one in self.servers.values() if one["OS-EXT-SRV-ATTR:host"] == data["host"]]
        start = [one["id"] for one in found].index(marker) + 1 if marker else 0
        return answer(200, {"servers": found[start : start + limit]})

    def show_server(self, _: dict[str, str], id_: str) -> requests.Response:
        if id_ not in self.servers:
            return refused(404, "Instance could not be found.")
        server = self.servers[id_]
        now = dict(server)
        if server["OS-EXT-STS:task_state"] and id_ not in self.hung:  # by the next look it is over
            server["OS-EXT-STS:task_state"] = None
            if server["status"] == "MIGRATING":
                server["status"] = "ACTIVE"
            elif self.target:
                server["status"] = "VERIFY_RESIZE"
            server["OS-EXT-SRV-ATTR:host"] = self.target or server["OS-EXT-SRV-ATTR:host"]
        return answer(200, {"server": now})

    def list_migrations(self, data: dict[str, str]) -> requests.Response:
        return answer(200, {"migrations": [one for one in self.migrations if _is(one, data)]})

    def list_agents(self, data: dict[str, str]) -> requests.Response:
        return answer(200, {"agents": [one for one in self.agents.values() if _is(one, data)]})

    def list_served(self, _: dict[str, str], agent: str, kind: str) -> requests.Response:
        return answer(200, {kind: [self.served[thing] for by, thing in sorted(self.serving) if by == agent]})

    def list_agents_of(self, _: dict[str, str], thing: str) -> requests.Response:
        return answer(200, {"agents": [self.agents[one] for one in sorted(self.agents_of(thing))]})

    def list_routers(self, data: dict[str, str]) -> requests.Response:
        # As Neutron's database does, without case.
        tagged = [
            {**self.served[thing], "tags": [tag]}
            for thing, tag in sorted(self.tags)
            if tag.casefold() == data["tags"].casefold()
        ]
        return answer(200, {"routers": tagged})

    def list_providers(self, _: dict[str, str]) -> requests.Response:
        return answer(200, {"resource_providers": list(self.providers.values())})

    def list_allocations(self, _: dict[str, str], id_: str) -> requests.Response:
        (used,) = [one["used"] for one in self.providers.values() if one["uuid"] == id_]
        return answer(200, {"allocations": dict.fromkeys(used)})

    def show_project(self, _: dict[str, str], id_: str) -> requests.Response:
        return answer(200, {"project": {"name": "shop"}}) if id_ == "p1" else answer(404)

    def put(self, url: str, json: dict[str, Any] | None = None, microversion: str = "") -> requests.Response:
        _, kind, id_, *rest = url.split("/")
        if kind == "os-services":
            assert microversion
            assert json
            self.changes.append(f"{json['status']} {id_}")
            self.services[id_] |= {"disabled_reason": None} | json
        elif kind == "agents":
            assert json
            up = json["agent"]["admin_state_up"]
            self.changes.append(f"{'up' if up else 'down'} {id_}")
            self.agents[id_] |= json["agent"]
        else:
            self.tags.add((id_, rest[1]))
        return answer(200, {})

    def post(self, url: str, json: dict[str, Any], microversion: str = "") -> requests.Response:
        _, kind, id_, *_rest = url.split("/")
        if kind == "servers":
            assert microversion
            return self._act(self.servers[id_], *json.items())
        (thing,) = json.values()
        if self.agents_of(thing) and thing.startswith("r-") and not self.served[thing].get("ha"):
            return refused(409, "The router is hosted by another agent.")
        if (id_, thing) in self.serving:
            return refused(409, "The network is hosted by the agent.")
        self.changes.append(f"{thing} to {id_}")
        self.serving.add((id_, thing))
        return answer(201, None)

    def delete(self, url: str, microversion: str = "") -> requests.Response:
        _, kind, id_, *rest = url.split("/")
        if kind == "os-services":
            assert microversion
            gone = self.services.pop(id_, None)
            if gone and gone["binary"] == "nova-compute":
                self.providers.pop(gone["host"], None)
        elif kind == "resource_providers":
            (name,) = [name for name, one in self.providers.items() if one["uuid"] == id_]
            if self.providers[name]["used"]:
                return answer(409, {"errors": [{"detail": "Resource provider in use."}]})
            gone = self.providers.pop(name)
        elif kind == "routers":
            self.tags.discard((id_, rest[1]))
            return answer(204)
        elif rest:
            self.serving.discard((id_, rest[1]))
            self.changes.append(f"{rest[1]} from {id_}")
            return answer(204)
        else:
            gone = self.agents.pop(id_, None)
        self.changes.append(f"delete {id_}")
        return answer(204 if gone else 404)

    def _act(self, server: dict[str, Any], action: tuple[str, Any]) -> requests.Response:
        self.changes.append(f"{action[0]} {server['id']}")
        if server["OS-EXT-STS:task_state"]:
            return refused(409, "Instance is busy.")
        if action[0] == "os-migrateLive":
            assert action[1] == {"host": None, "block_migration": "auto"}
            server |= {"status": "MIGRATING", "OS-EXT-STS:task_state": "migrating"}
        elif action[0] == "migrate":
            server |= {"OS-EXT-STS:task_state": "resize_prep"}
        else:
            assert action == ("confirmResize", None)
            server["status"] = "SHUTOFF"
            self.migrations = [one for one in self.migrations if one["instance_uuid"] != server["id"]]
        return answer(202, None)


GET: dict[str, Callable[..., requests.Response]] = {
    "/os-services": FakeOpenStack.list_services,
    "/servers/detail": FakeOpenStack.list_servers,
    "/servers/([^/]+)": FakeOpenStack.show_server,
    "/os-migrations": FakeOpenStack.list_migrations,
    "/agents": FakeOpenStack.list_agents,
    "/agents/(.+)/(?:l3|dhcp)-(routers|networks)": FakeOpenStack.list_served,
    "/(?:routers|networks)/(.+)/(?:l3|dhcp)-agents": FakeOpenStack.list_agents_of,
    "/routers": FakeOpenStack.list_routers,
    "/resource_providers": FakeOpenStack.list_providers,
    "/resource_providers/(.+)/allocations": FakeOpenStack.list_allocations,
    "/projects/(.+)": FakeOpenStack.show_project,
}


def _is(one: dict[str, Any], request: dict[str, str]) -> bool:
    return all(one[key] == value for key, value in request.items())


def installed(monkeypatch: pytest.MonkeyPatch) -> FakeOpenStack:
    """A fake in the place of the real cloud `admin`."""
    fake = FakeOpenStack()

    @contextmanager
    def connect(cloud: str) -> Any:
        assert cloud == "admin"
        if fake.deaf:
            raise CloudError("cloud 'admin': no token from https://cloud.example:5000: refused.")
        yield fake

    monkeypatch.setattr(openstack, "connect", connect)
    return fake
