"""clients/names.py and clients/exact.py against the database and the services: what they take for the same name."""

import secrets
import subprocess
from collections import defaultdict
from typing import Any

from openstack.connection import Connection

from clients import exact
from clients.names import folded
from lab.settings import Lab

SFX = f"t{secrets.token_hex(3)}"
NAME = f"debian-{SFX}"
OTHERS = [NAME.upper(), NAME.replace("e", "é"), f"{NAME} "]
WIDE = NAME.replace("d", "ｄ")  # noqa: RUF001


def test_whatever_characters_the_database_takes_for_one_fold_to_the_same(lab: Lab) -> None:
    """Every character of the basic plane that a name may have."""
    characters = [char for char in map(chr, range(0x21, 0x10000)) if char.isprintable()]
    queries = "\n".join(
        f"SELECT HEX(WEIGHT_STRING(CONVERT(_utf8mb4 X'{char.encode().hex()}' USING utf8mb3) "
        "COLLATE utf8mb3_general_ci));"
        for char in characters
    )
    answer = subprocess.run(
        ["mariadb", f"--defaults-file={lab.etc / 'mariadb.cnf'}", "-N", "-B"],
        input=queries,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    same: dict[str, list[str]] = defaultdict(list)
    for char, weight in zip(characters, answer, strict=True):
        same[weight].append(char)
    assert len(same) > 40_000
    assert [group for group in same.values() if len({folded(char) for char in group}) > 1] == []


def test_the_services_names_are_in_that_collation(lab: Lab) -> None:
    query = (
        "SELECT DISTINCT COLLATION_NAME FROM information_schema.COLUMNS WHERE COLUMN_NAME = 'name' "
        "AND TABLE_SCHEMA IN ('keystone', 'glance', 'neutron', 'cinder');"
    )
    command = ["mariadb", f"--defaults-file={lab.etc / 'mariadb.cnf'}", "-N", "-B", "-e", query]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.split() == [
        "utf8mb3_general_ci"
    ]


def of_name(key: str, body: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: {**body, "name": name}} if key else {**body, "name": name}


def made(admin: Connection) -> list[tuple[Any, str, str, dict[str, Any]]]:
    """Each service's adapter, a collection, the key of one of it, and its body without the name."""
    identity, network = admin.identity, admin.network
    return [
        (identity, "domains", "domain", {"enabled": False}),
        (identity, "projects", "project", {"domain_id": "default"}),
        (identity, "users", "user", {"domain_id": "default"}),
        (identity, "groups", "group", {"domain_id": "default"}),
        (identity, "roles", "role", {}),
        (identity, f"users/{admin.current_user_id}/application_credentials", "application_credential", {}),
        (network, "networks", "network", {}),
        (network, "security-groups", "security_group", {}),
        (admin.image, "images", "", {"disk_format": "raw", "container_format": "bare"}),
    ]


NOT_UNIQUE = {"networks", "security-groups", "images"}


def test_a_service_answers_with_others_names_and_what_is_asked_exactly_has_none(admin: Connection) -> None:
    table, refused = {}, {}
    for adapter, collection, key, body in made(admin):
        answer = adapter.post(f"/{collection}", json=of_name(key, body, NAME))
        assert answer.status_code == 201, answer.text
        row = answer.json()[key] if key else answer.json()
        try:
            for other in (*OTHERS, WIDE):
                response, found = exact.listed(adapter, collection, {"name": other})
                assert response.status_code == 200
                assert found == [], f"{collection}: {other!r}"
                unfiltered = adapter.get(f"/{collection}", params={"name": other}).json()
                rows = next(value for value in unfiltered.values() if isinstance(value, list))
                table[collection, other] = [one["id"] for one in rows] == [row["id"]]
                second = adapter.post(f"/{collection}", json=of_name(key, body, other))
                if second.ok:
                    adapter.delete(f"/{collection}/{(second.json()[key] if key else second.json())['id']}")
                refused[collection, other] = second.status_code == 409
            _, found = exact.listed(adapter, collection, {"name": NAME})
            assert [one["id"] for one in found] == [row["id"]]
        finally:
            adapter.delete(f"/{collection}/{row['id']}")
    taken_for_the_same = {
        other: {kind for (kind, name), same in table.items() if name == other and same}
        for other in (*OTHERS, WIDE)
    }
    every = {collection for _, collection, _, _ in made(admin)}
    assert [taken_for_the_same[other] for other in OTHERS] == [every, every, every]
    assert taken_for_the_same[WIDE] == set()
    assert {
        other: {kind for (kind, name), was in refused.items() if name == other and was} for other in OTHERS
    } == dict.fromkeys(OTHERS, every - NOT_UNIQUE)


def test_hosts_are_confused_by_neutron_and_not_by_nova(admin: Connection) -> None:
    answer, (agent, *_) = exact.listed(admin.network, "agents", {})
    assert answer.ok
    host = agent["host"]
    unfiltered = admin.network.get("/agents", params={"host": host.upper()}).json()["agents"]
    assert {one["host"] for one in unfiltered} == {host}
    assert exact.listed(admin.network, "agents", {"host": host.upper()})[1] == []
    service = admin.compute.get("/os-services").json()["services"][0]
    for other in (service["host"].upper(), f"{service['host']} "):
        assert admin.compute.get("/os-services", params={"host": other}).json()["services"] == []


def test_a_tag_is_confused_with_trailing_blanks_only(admin: Connection) -> None:
    router = admin.network.create_router(name=NAME)
    try:
        assert admin.network.put(f"/routers/{router.id}/tags/{NAME}").ok
        found = {
            other: len(admin.network.get("/routers", params={"tags": other}).json()["routers"])
            for other in (NAME, *OTHERS, WIDE)
        }
    finally:
        admin.network.delete_router(router)
    assert list(found.values()) == [1, 0, 0, 1, 0]
