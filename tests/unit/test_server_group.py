"""A server group's CRUD against a fake Nova at the REST level.

What a real one does is shown by tests/lab/test_server_groups.py.
"""

import json
from contextlib import contextmanager
from typing import Any

import pytest
import requests

from clients import openstack
from clients.errors import CloudError, InUseError
from dynamic_providers.server_group.provider import ServerGroup, ServerGroupProvider

ARGS: dict[str, Any] = {"cloud": "admin", "project_id": "p1", "name": "db", "policy": "anti-affinity"}
CRUD = ServerGroupProvider()


def answer(status: int, body: dict[str, Any] | None = None) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response._content = b"" if body is None else json.dumps(body).encode()
    return response


class FakeNova:
    """Server groups by their ids, of the project that the login asks for; it refuses nothing.

    Attributes:
        logins: the project of each login; None for the entry's own.
    """

    def __init__(self) -> None:
        self.compute = self
        self.groups: dict[str, dict[str, Any]] = {}
        self.logins: list[str | None] = []

    def add(self, **fields: Any) -> str:
        id_ = f"g{len(self.groups) + 1}"
        self.groups[id_] = {"id": id_, "project_id": "p1", "rules": {}, "members": [], **fields}
        return id_

    def get(self, url: str, headers: Any = None, params: Any = None) -> requests.Response:
        if url == "/os-server-groups":
            assert params == {"name": "db", "project_id": "p1"}
            return answer(200, {"server_groups": list(self.groups.values())})
        _, kind, id_ = url.split("/")
        if kind == "servers":
            return answer(404, {}) if id_ == "gone" else answer(200, {"server": {"name": f"vm-{id_}"}})
        assert headers == {"OpenStack-API-Version": "compute 2.64"}
        return answer(200, {"server_group": self.groups[id_]}) if id_ in self.groups else answer(404, {})

    def post(self, url: str, json: dict[str, Any], headers: Any) -> requests.Response:
        assert (url, headers) == ("/os-server-groups", {"OpenStack-API-Version": "compute 2.64"})
        assert self.logins[-1] == "p1", "Nova makes it in the login's project"
        return answer(200, {"server_group": {"id": self.add(**json["server_group"])}})

    def delete(self, url: str, headers: Any) -> requests.Response:
        assert headers
        del self.groups[url.removeprefix("/os-server-groups/")]
        return answer(204)


@pytest.fixture
def nova(monkeypatch: pytest.MonkeyPatch) -> FakeNova:
    fake = FakeNova()

    @contextmanager
    def connect(cloud: str, *, project_id: str | None = None) -> Any:
        assert cloud == "admin"
        fake.logins.append(project_id)
        yield fake

    monkeypatch.setattr(openstack, "connect", connect)
    return fake


def test_a_group_is_made_as_a_login_to_its_project(nova: FakeNova) -> None:
    made = CRUD.create({**ARGS, "max_server_per_host": 3.0})
    assert made.id == "g1"
    assert nova.groups["g1"]["rules"] == {"max_server_per_host": 3}
    assert nova.logins == ["p1"]


def test_what_a_killed_run_made_is_found_and_another_spelling_is_not_it(nova: FakeNova) -> None:
    nova.add(name="DB", policy="anti-affinity")
    nova.add(name="db", policy="anti-affinity")
    assert CRUD.create(ARGS).id == "g2"


def test_another_group_of_the_name_is_refused_with_what_it_is(nova: FakeNova) -> None:
    nova.add(name="db", policy="anti-affinity", rules={"max_server_per_host": 2})
    with pytest.raises(CloudError, match=r"\(g1\) already, which is anti-affinity with at most 2 on a host"):
        CRUD.create(ARGS)


def test_an_adopted_group_is_taken_as_it_is_or_not_at_all(nova: FakeNova) -> None:
    nova.add(name="db", policy="anti-affinity")
    nova.add(name="db", policy="affinity")
    assert CRUD.create({**ARGS, "adopt": "g1"}).id == "g1"
    for other in ("g2", "g9"):
        with pytest.raises(CloudError, match=other):
            CRUD.create({**ARGS, "adopt": other})
    assert nova.logins == [None] * 3, "without a role on its project"
    assert len(nova.groups) == 2


def test_a_group_is_read_as_it_is(nova: FakeNova) -> None:
    nova.add(name="db", policy="anti-affinity")
    assert CRUD.read("g1", ARGS).outs == ARGS
    assert CRUD.read("g9", ARGS).id == ""


def test_a_group_with_servers_stays_and_names_them(nova: FakeNova) -> None:
    nova.add(name="db", policy="anti-affinity", members=["1", "gone", "3", "4", "5", "6", "7"])
    with pytest.raises(InUseError) as raised:
        CRUD.delete("g1", ARGS)
    assert str(raised.value) == (
        "server group 'db' (g1) has server vm-1, server gone, server vm-3, server vm-4, server vm-5 and 2 more in it, "
        "which would lose their placement; delete them first: servers join a group only when they are made"
    )
    assert CRUD.refusals("g1", ARGS) == [str(raised.value)]
    nova.groups["g1"]["members"] = []
    CRUD.delete("g1", ARGS)
    CRUD.delete("g1", ARGS)
    assert nova.groups == {}
    assert CRUD.refusals("g1", ARGS) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", "x"), ("project_id", "p2"), ("policy", "affinity"), ("max_server_per_host", 2)],
)
def test_whatever_changes_makes_it_anew(field: str, value: object) -> None:
    assert CRUD.diff("g1", ARGS, {**ARGS, field: value}).replaces == [field]
    assert not CRUD.diff("g1", ARGS, {**ARGS, "adopt": "g1"}).changes


def test_the_name_in_state_stays() -> None:
    assert ServerGroupProvider.__module__ == "dynamic_providers.server_group.provider"
    assert ServerGroup._resource_type_name == "dynamic/compute:ServerGroup"
