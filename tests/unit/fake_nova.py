"""A fake of Nova's servers, with what a fleet asks of Neutron and Glance, at the REST level.

It answers as Nova 34 with microversion 2.73 does, and is one step further at each list. It proves nothing of what Nova
refuses, of how long it takes, or of servers that boot: tests/lab/test_fleets.py shows a real one.
"""

import base64
import json
import threading
from collections import Counter
from contextlib import contextmanager
from typing import Any

import pytest
import requests

from clients import openstack
from dynamic_providers.server_fleet import flights, pace

PROJECT, USER = "p1", "u1"
OWNER = "private-cloud/test"
GOOD, NEXT, BROKEN = "good-image", "next-image", "broken-image"
SHA = {GOOD: "a" * 64, NEXT: "b" * 64, BROKEN: "c" * 64}


class KilledError(BaseException):
    """The run is killed at this request."""


def answer(status: int, body: dict[str, Any] | None = None) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response._content = b"" if body is None else json.dumps(body).encode()
    return response


def refused(status: int, message: str) -> requests.Response:
    return answer(status, {"refusal": {"message": message, "code": status}})


class FakeNova:
    """One project's servers; `changes` has what was asked for, in order."""

    def __init__(self) -> None:
        self.compute = self.network = self.image = self.placement = self
        self.current_user_id = USER
        self.extra_specs: dict[str, str] = {}
        self.hosts = [{"VCPU": (64, 0), "MEMORY_MB": (65536, 0), "DISK_GB": (1000, 0)}]  # capacity and used
        self.servers: dict[str, dict[str, Any]] = {}
        self.changes: list[str] = []
        self.requests: Counter[str] = Counter()
        self.lock = threading.RLock()
        self.silent = {BROKEN}  # images whose servers show nothing on their console
        self.failing: set[str] = set()  # names of servers that end in ERROR
        # Names of servers that Nova makes or rebuilds, and says once that it does not.
        self.unanswered: set[str] = set()
        self.stuck: set[str] = set()  # names of servers whose rebuild never ends
        self.busy = 0  # so many requests are refused with 429
        self.kill_at: int | None = None  # the number of the write at which the run is killed
        self.killed_after = False  # whether Nova has done it all the same
        self.most_away = 0
        self.limits = {"maxTotalInstances": 100, "totalInstancesUsed": 0}
        self.images: dict[str, dict[str, Any]] = {
            id_: {"name": id_, "status": "active", "disk_format": "raw", "min_ram": 0, "min_disk": 0}
            for id_ in SHA
        }
        self.ports: list[dict[str, Any]] = []
        self.allocations: dict[str, dict[str, str]] = {}  # in Placement, by consumer
        self.migration = "m1"
        self.asked_placement: dict[str, str] = {}
        self._number = 0

    def names(self) -> list[str]:
        return sorted(server["name"] for server in self.servers.values())

    def of(self, member: str) -> dict[str, Any]:
        (found,) = (
            server
            for server in self.servers.values()
            if server["metadata"].get("private_cloud_member") == member
        )
        return found

    def images_of(self) -> dict[str, str]:
        return {server["name"]: server["image"]["id"] for server in self.servers.values()}

    def get(
        self, url: str, params: dict[str, str] | None = None, microversion: str = ""
    ) -> requests.Response:
        with self.lock:
            self.requests["GET " + url.split("/")[1]] += 1
            if url == "/servers/detail":
                assert params
                assert (params["all_tenants"], params["project_id"], microversion) == ("1", PROJECT, "2.73")
                shown = json.loads(json.dumps(list(self.servers.values())))
                self._go_on()
                return answer(200, {"servers": shown})
            if url == "/limits":
                rest = {f"maxTotal{what}": -1 for what in ("Cores", "RAMSize")}
                rest |= {"totalCoresUsed": 0, "totalRAMUsed": 0}
                return answer(200, {"limits": {"absolute": rest | self.limits}})
            if (found := self._strays(url)) is not None:
                return answer(200, found)
            if url == "/allocation_candidates":
                return self._candidates(params)
            kind, identifier = url.split("/")[1:]
            if kind == "images":
                return answer(200, self.images[identifier]) if identifier in self.images else answer(404, {})
            flavor = {"extra_specs": self.extra_specs}
            return answer(200, {"flavor": flavor}) if identifier == "f1" else answer(404, {})

    def _candidates(self, params: dict[str, str] | None) -> requests.Response:
        assert params
        self.asked_placement = params
        hosts = {
            str(number): {"resources": {what: {"capacity": c, "used": u} for what, (c, u) in host.items()}}
            for number, host in enumerate(self.hosts)
        }
        return answer(200, {"provider_summaries": hosts})

    def _strays(self, url: str) -> dict[str, Any] | None:
        """What is asked to find allocations of no server."""
        own = [one for one in self.allocations.values() if one["user_id"] == USER]
        answers: dict[str, dict[str, Any]] = {
            "/servers": {"servers": [{"id": id_} for id_ in self.servers]},
            "/os-migrations": {"migrations": [{"uuid": self.migration}]},
            "/usages": {"usages": {"unknown": {"consumer_count": len(own)}}},
            "/resource_providers": {"resource_providers": [{"uuid": "h1"}]},
            "/resource_providers/h1/allocations": {"allocations": self.allocations},
            "/ports": {"ports": self.ports},
            **{f"/allocations/{consumer}": held for consumer, held in self.allocations.items()},
        }
        return answers.get(url)

    def _go_on(self) -> None:
        away = sum(server["status"] == "REBUILD" for server in self.servers.values())
        self.most_away = max(self.most_away, away)
        for id_, server in list(self.servers.items()):
            if server["OS-EXT-STS:task_state"] == "deleting":
                del self.servers[id_]
            elif server["status"] == "REBUILD" and server["name"] in self.stuck:
                continue
            elif server["status"] in {"BUILD", "REBUILD"}:
                server["status"] = "ERROR" if server["name"] in self.failing else "ACTIVE"
                server["OS-EXT-STS:task_state"] = None
                if server["status"] == "ERROR":
                    server["fault"] = {"message": "No valid host was found."}

    def post(
        self, url: str, json: dict[str, Any], microversion: str = "", **retries: int
    ) -> requests.Response:
        assert microversion == "2.73"
        # Whatever would be done twice, keystoneauth may not ask for again by itself.
        assert (set(retries.values()) == {0}) == (url == "/servers" or "rebuild" in json)
        with self.lock:
            if self.busy:
                self.busy -= 1
                return refused(429, "Too many requests.")
            (kind, body), *_ = json.items()
            if kind != "os-getConsoleOutput":
                self._maybe_killed(before=True)
            done = self._create(body) if url == "/servers" else self._act(url.split("/")[2], kind, body)
            if kind != "os-getConsoleOutput":
                self._maybe_killed(before=False)
            return done

    def _maybe_killed(self, *, before: bool) -> None:
        if self.kill_at is None or before == self.killed_after:
            return
        self.kill_at -= 1
        if self.kill_at < 0:
            raise KilledError

    def put(self, url: str, json: dict[str, Any], microversion: str = "") -> requests.Response:
        assert microversion
        server = self.servers[url.split("/")[2]]
        self.changes.append(f"rename {server['name']}")
        server["name"] = json["server"]["name"]
        return answer(200, {})

    def delete(self, url: str) -> requests.Response:
        self.changes.append(f"delete {url}")
        self.allocations.pop(url.split("/")[2], None)
        self.ports = [port for port in self.ports if not url.endswith(port["id"])]
        return answer(204)

    def _create(self, body: dict[str, Any]) -> requests.Response:
        # Two that are made at the same time both get past the API.
        bound = [server for server in self.servers.values() if server["status"] != "BUILD"]
        taken = {port["port"] for server in bound for port in server["ports"]}
        if taken & {port["port"] for port in body["networks"]}:
            return refused(409, "Port is still in use.")
        self._number += 1
        self.changes.append(f"create {body['name']}")
        self.servers[f"s{self._number}"] = {
            "id": f"s{self._number}",
            "name": body["name"],
            "status": "BUILD",
            "OS-EXT-STS:task_state": "spawning",
            "image": {"id": body["imageRef"]},
            "flavor": {"original_name": "small", "vcpus": 1, "ram": 512, "disk": 1},
            "metadata": dict(body["metadata"]),
            "host_status": "UP",
            "locked": False,
            "addresses": {"net": [{"addr": f"10.0.0.{self._number}", "OS-EXT-IPS:type": "fixed"}]},
            "created": f"2026-11-29T00:00:{self._number:02d}Z",
            "ports": body["networks"],
            "user_data": base64.b64decode(body.get("user_data", "")).decode(),
            "OS-EXT-SRV-ATTR:user_data": body.get("user_data"),
            "os-extended-volumes:volumes_attached": [
                {"id": disk["uuid"]}
                for disk in body.get("block_device_mapping_v2", ())
                if disk["source_type"] == "volume"
            ],
            "boot": 1,
        }
        return self._done("create", body["name"])

    def _act(self, id_: str, kind: str, body: Any) -> requests.Response:
        server = self.servers.get(id_)
        if server is None:
            return refused(404, "Instance could not be found.")
        if kind == "os-getConsoleOutput":
            self.requests["console"] += 1
            return answer(200, {"output": self._console(server)})
        if kind in {"metadata", "volumeAttachment"}:
            return self._put(server, kind, body)
        if server["locked"]:
            return refused(409, f"Instance {id_} is locked")
        self.changes.append(f"{kind} {server['name']}")
        if kind == "rebuild":
            return self._rebuild(server, body)
        if kind == "forceDelete":
            server["OS-EXT-STS:task_state"] = "deleting"
        else:
            server["status"] = {"os-start": "ACTIVE", "os-stop": "SHUTOFF"}[kind]
        return answer(202)

    def _put(self, server: dict[str, Any], kind: str, body: dict[str, Any]) -> requests.Response:
        if kind == "metadata":
            assert server["status"] not in {"BUILD", "REBUILD"}, "Nova is not done with it"
            self.changes.append(f"metadata {server['name']}")
            server["metadata"] |= body
        else:
            self.changes.append(f"attach {body['volumeId']} to {server['name']}")
            server["os-extended-volumes:volumes_attached"] = [{"id": body["volumeId"]}]
        return answer(200, {})

    def _rebuild(self, server: dict[str, Any], body: dict[str, Any]) -> requests.Response:
        if server["OS-EXT-STS:task_state"]:
            return refused(409, "Cannot 'rebuild' instance while it is in task_state rebuilding")
        server |= {
            "status": "REBUILD",
            "OS-EXT-STS:task_state": "rebuilding",
            "image": {"id": body["imageRef"]},
        }
        server |= {"metadata": dict(body["metadata"]), "name": body["name"], "boot": server["boot"] + 1}
        if "user_data" in body:
            server["user_data"] = base64.b64decode(body["user_data"] or "").decode()
            server["OS-EXT-SRV-ATTR:user_data"] = body["user_data"]
        return self._done("rebuild", server["name"])

    def _done(self, kind: str, name: str) -> requests.Response:
        """The answer to what is done; of some servers each kind is denied once."""
        if name in self.unanswered and not self.requests[f"{kind} {name}, denied"]:
            self.requests[f"{kind} {name}, denied"] += 1
            return refused(503, "MessagingTimeout")
        return answer(202, {})

    def _console(self, server: dict[str, Any]) -> str:
        if server["image"]["id"] in self.silent:
            return "Kernel panic - not syncing"
        number = int(server["id"].removeprefix("s"))
        boot = f"{number:08x}-0000-0000-0000-{server['boot']:012x}"
        return (
            f"lab-guest: ready image={server['image']['id']} boot={boot}\n-----BEGIN SSH HOST KEY KEYS-----\n"
            f"ssh-ed25519 AAAA{server['boot']} root@{server['name']}\n-----END SSH HOST KEY KEYS-----\n"
        )


def installed(monkeypatch: pytest.MonkeyPatch) -> FakeNova:
    """A fake in the place of the cloud `admin`, whoever logs in; runs wait for nothing."""
    fake = FakeNova()

    @contextmanager
    def connect(cloud: str, login: openstack.CredentialLogin | None = None) -> Any:
        assert cloud == "admin"
        assert login in {None, openstack.CredentialLogin("c1", "secret")}
        yield fake

    monkeypatch.setattr(openstack, "connect", connect)
    for module in (flights, pace):
        monkeypatch.setattr(module, "POLL_S", 0)
    return fake
