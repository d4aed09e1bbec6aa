"""An adopted id that is another object's. The cloud is a FAKE here; tests/lab/test_adopt.py asks a real one."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pulumi
import pytest
from openstack.exceptions import NotFoundException, SDKException

from clients.errors import CloudError
from config.settings import Settings
from program import adopted
from program.adopted import check_adopted


class Identity:
    def domains(self) -> list[SimpleNamespace]:
        return [SimpleNamespace(id="d1", name="Corp"), SimpleNamespace(id="d2", name="other")]

    def projects(self) -> list[SimpleNamespace]:
        return [
            SimpleNamespace(id="p1", name="Lab", domain_id="d1"),
            SimpleNamespace(id="p2", name="lab", domain_id="d2"),
        ]

    def get_user(self, id_: str) -> SimpleNamespace:
        if id_ != "u1":
            raise NotFoundException
        return SimpleNamespace(id="u1", name="nightly", domain_id="d1")


class Network:
    def networks(self) -> list[SimpleNamespace]:
        return [SimpleNamespace(id="n1", name="vms"), SimpleNamespace(id="n2", name="guests")]

    def subnets(self) -> list[SimpleNamespace]:
        return [
            SimpleNamespace(id="s1", name="v4", network_id="n1"),
            SimpleNamespace(id="s2", name="v4", network_id="n2"),
        ]

    def rbac_policies(self) -> list[SimpleNamespace]:
        return [
            SimpleNamespace(id="r1", object_id="n1", target_project_id="p1"),
            SimpleNamespace(id="r2", object_id="n1", target_project_id="p2"),
        ]


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    requests: list[str] = []

    @contextmanager
    def connect(cloud: str) -> Iterator[Any]:
        requests.append(cloud)
        yield SimpleNamespace(identity=Identity(), network=Network())

    monkeypatch.setattr(adopted, "connect", connect)
    return requests


def settings(
    *,
    domain: dict[str, Any] | None = None,
    project: dict[str, Any] | None = None,
    account: dict[str, Any] | None = None,
    network: dict[str, Any] | None = None,
    subnet: dict[str, Any] | None = None,
    share: dict[str, Any] | None = None,
) -> Settings:
    home = {"project": "lab", "domain": "corp"}
    return Settings.model_validate(
        {
            "openstack": {"cloud": "admin"},
            "domains": [{"name": "corp", **(domain or {})}],
            "projects": [{"name": "lab", "domain": "corp", **(project or {})}],
            "accounts": [
                {
                    "name": "nightly",
                    "domain": "corp",
                    "password": {"generated": 1},
                    "access": [{**home, "roles": ["member"]}],
                    **(account or {}),
                }
            ],
            "networks": [
                {
                    "name": "vms",
                    "segments": [{"physical_network": "physnet1", "vlan": 200}],
                    "subnets": [{"name": "v4", "cidr": "10.20.0.0/24", **(subnet or {})}],
                    "shared_with": [{**home, **(share or {})}],
                    **(network or {}),
                }
            ],
        }
    )


@pytest.mark.parametrize(
    "entries",
    [
        {"domain": {"adopt": "d1"}},
        {"project": {"adopt": "p1"}},
        {"account": {"adopt": "u1"}},
        {"account": {"adopt": "u1", "name": "daily", "renamed_from": "nightly"}},
        {"network": {"adopt": "n1"}},
        {"network": {"adopt": "n2", "renamed_from": "Guests"}},
        {"subnet": {"adopt": "s1"}},
        {"subnet": {"adopt": "s2"}, "network": {"renamed_from": "guests"}},
        {"share": {"adopt": "r1"}},
        {"network": {"adopt": "nothing has it"}, "account": {"adopt": "nor this"}},
    ],
    ids=str,
)
def test_the_id_of_what_is_declared_is_accepted_and_one_that_nothing_has_is_the_engines(
    requests: list[str], entries: dict[str, Any]
) -> None:
    check_adopted(settings(**entries))
    assert requests == ["admin"]


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        ({"domain": {"adopt": "d2"}}, "other"),
        ({"project": {"adopt": "p2"}}, "lab@other"),
        ({"account": {"adopt": "u1", "name": "daily"}}, "nightly@Corp"),
        ({"network": {"adopt": "n2"}}, "guests"),
        ({"subnet": {"adopt": "s2"}}, "guests/v4"),
        ({"subnet": {"adopt": "s1", "name": "v6"}}, "vms/v4"),
        ({"share": {"adopt": "r2"}}, "vms with lab@other"),
    ],
    ids=str,
)
def test_the_id_of_something_else_is_refused_before_anything_is_asked_of_the_engine(
    requests: list[str], entries: dict[str, Any], found: str
) -> None:
    with pytest.raises(pulumi.RunError, match=f"which is '{found}'"):
        check_adopted(settings(**entries))
    assert requests == ["admin"]


def test_all_of_them_are_told_at_once(requests: list[str]) -> None:  # noqa: ARG001 - the fake
    with pytest.raises(pulumi.RunError) as refused:
        check_adopted(settings(domain={"adopt": "d2"}, network={"adopt": "n2"}))
    assert len(str(refused.value).splitlines()) == 2


def test_the_cloud_is_not_asked_where_nothing_is_adopted(requests: list[str]) -> None:
    check_adopted(settings())
    assert requests == []


@pytest.mark.parametrize("error", [CloudError("no answer"), SDKException("no answer")], ids=repr)
def test_a_cloud_that_does_not_answer_stops_the_run(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def connect(_cloud: str) -> Any:
        raise error

    monkeypatch.setattr(adopted, "connect", connect)
    with pytest.raises(pulumi.RunError, match="could not be looked at: no answer"):
        check_adopted(settings(network={"adopt": "n1"}))
