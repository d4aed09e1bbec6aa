"""What a stack file may say of fleets: each mistake at its key, with what would be right."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from config.fleet import FleetSpec
from config.load import parse
from tests.unit.test_settings import GOOD, changed, mistakes

FLEET: dict[str, Any] = {
    "name": "nightly",
    "project": {"name": "development", "domain": "corp"},
    "count": 20,
    "image": "debian",
    "flavor": "test.small",
    "networks": ["developer-vms"],
    "security_groups": ["web"],
    "server_group": "database",
    "recreate": "2026-11-28",
    "update": {"canary": 1, "waves": [25, 100], "max_unavailable": 5, "bake_s": 60, "on_failure": "rollback"},
    "probe": {"console": True, "tcp": 22, "within_s": 300},
}


def with_fleet(**keys: Any) -> dict[str, Any]:
    return changed(lambda stack: stack.update(fleets=[{**FLEET, **keys}]))


def declared(**keys: Any) -> FleetSpec:
    (fleet,) = parse(with_fleet(**keys), file_name="Pulumi.test.yaml", root=Path()).fleets
    return fleet


def test_a_fleet_has_the_names_of_its_servers_whatever_their_number() -> None:
    assert mistakes(with_fleet()) == []
    assert declared(count=3).members == ("nightly-01", "nightly-02", "nightly-03")
    assert declared(count=100).members[:3] == declared(count=3).members
    assert declared(count=100).members[-1] == "nightly-100"


def test_its_account_is_a_member_of_its_project_and_nothing_else() -> None:
    account = declared().account
    (access,) = account.access
    assert (account.qualified_name, access.roles, str(access)) == (
        "fleet-nightly@Default",
        ("member",),
        "development@corp",
    )


@pytest.mark.parametrize(
    ("keys", "where", "words"),
    [
        ({"name": "Nightly_"}, "fleets[0].name", "is not a fleet's name"),
        ({"count": 0}, "fleets[0].count", "from 1 to 500"),
        ({"image": "debain"}, "fleets[0].image", "did you mean 'debian'?"),
        ({"flavor": "huge"}, "fleets[0].flavor", "declare it under flavors"),
        ({"networks": ["nowhere"]}, "fleets[0].networks[0]", "there is no network 'nowhere'"),
        ({"networks": ["general-vms"]}, "fleets[0].networks[0]", "add it to that network's shared_with"),
        ({"networks": []}, "fleets[0].networks", "give a list of names of networks"),
        ({"networks": ["developer-vms"] * 2}, "fleets[0].networks[1]", "is given twice"),
        ({"security_groups": ["wbe"]}, "fleets[0].security_groups[0]", "did you mean 'web'?"),
        ({"server_group": "x"}, "fleets[0].server_group", "declare it under server_groups"),
        ({"project": {"name": "x", "domain": "corp"}}, "fleets[0].project", "project 'x@corp' is not known"),
        ({"recreate": " x"}, "fleets[0].recreate", "at most 64 characters"),
        ({"update": {"waves": [50, 25, 100]}}, "fleets[0].update.waves", "such as [25, 100]"),
        ({"update": {"waves": [50]}}, "fleets[0].update.waves", "end with 100"),
        ({"update": {"on_failure": "undo"}}, "fleets[0].update.on_failure", "'rollback', 'stop'"),
        ({"update": {"max_unavailable": 0}}, "fleets[0].update.max_unavailable", "from 1"),
        ({"probe": {"tcp": 0}}, "fleets[0].probe.tcp", "is not a port"),
        ({"probe": {"ssh": 22}}, "fleets[0].probe.ssh", "is not a known key here"),
        ({"metadata": {"private_cloud_x": "y"}}, "fleets[0].metadata.private_cloud_x", "choose another key"),
        ({"metadata": {"a/b": "y"}}, "fleets[0].metadata.a/b", "is not a key of metadata"),
        ({"user_data": "#!/bin/sh"}, "fleets[0].user_data", "stands here in plain text"),
        ({"user_data": {"env": "FLEET_USER_DATA"}}, "fleets[0].user_data", "Nova takes 49150"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_at_its_key(
    keys: dict[str, Any], where: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEET_USER_DATA", "x" * 49_151)
    (sentence,) = mistakes(with_fleet(**keys))
    assert sentence.startswith(where)
    assert words in sentence


PEOPLE: dict[str, Any] = {
    **{key: value for key, value in FLEET.items() if key != "count"},
    "name": "developers",
    "people": {"group": "developers", "domain": "corp"},
    "home_gb": 100,
    "ssh_keys": {"files": "keys"},
    "update": {"mode": "opportunistic", "deadline_days": 14},
}


def with_people(**keys: Any) -> dict[str, Any]:
    return changed(lambda stack: stack.update(fleets=[{**PEOPLE, **keys}]))


def test_people_take_the_place_of_a_number() -> None:
    assert mistakes(with_people()) == []
    assert mistakes(with_people(people=["anna", "bram"])) == []
    (fleet,) = parse(
        with_people(people=["anna"], update={}), file_name="Pulumi.test.yaml", root=Path()
    ).fleets
    assert (fleet.members, fleet.people_domain, fleet.update_mode.mode) == ((), "corp", "opportunistic")
    assert declared().update_mode.mode == "proactive"


@pytest.mark.parametrize(
    ("keys", "where", "words"),
    [
        ({"count": 2}, "fleets[0].people", "count, or people"),
        ({"people": None}, "fleets[0].people", "count, or people"),
        ({"people": []}, "fleets[0].people.group", "give {group, domain}, or a list of names"),
        ({"people": {"group": "a", "names": ["b"]}}, "fleets[0].people.group", "both a group and names"),
        ({"people": {"group": "a", "domain": "crop"}}, "fleets[0].people.domain", "did you mean 'corp'?"),
        ({"people": ["anna", "anna"]}, "fleets[0].people.names[1]", "'anna' is given twice"),
        ({"people": ["j.doe", "J-Doe"]}, "fleets[0].people.names", "'j.doe' and 'J-Doe' would share the machine developers-j-doe"),
        ({"people": ["José", "jose"]}, "fleets[0].people.names", "'José' and 'jose' would share"),
        ({"people": ["李"]}, "fleets[0].people.names", "no letter a to z"),
        ({"home_gb": 0}, "fleets[0].home_gb", "from 1"),
        ({"ssh_keys": {}}, "fleets[0].ssh_keys.files", "{ldap: ATTRIBUTE} or {files: FOLDER}"),
        ({"ssh_keys": {"ldap": "a", "files": "b"}}, "fleets[0].ssh_keys.files", "give one of two"),
        ({"ssh_keys": {"ldap": "sshPublicKey"}, "people": {"group": "x", "domain": "Default"}}, "fleets[0].ssh_keys.ldap", "no directory of domain 'Default'"),
        ({"update": {"mode": "proactive", "deadline_days": 3}}, "fleets[0].update.deadline_days", "leave one of the two out"),
        ({"update": {"mode": "lazy"}}, "fleets[0].update.mode", "'proactive', 'opportunistic'"),
        ({"keep_days": -1}, "fleets[0].keep_days", "from 0"),
    ],
)  # fmt: skip
def test_a_mistake_about_people_is_told_at_its_key(keys: dict[str, Any], where: str, words: str) -> None:
    (sentence,) = mistakes(with_people(**keys))
    assert sentence.startswith(where)
    assert words in sentence


def test_numbered_servers_have_no_homes() -> None:
    (sentence,) = mistakes(with_fleet(home_gb=3))
    assert "give people in place of count" in sentence


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: s["flavors"][0].update(projects=[]), "project 'development@corp' may not use flavor"),
        (lambda s: s["fleets"].append(s["fleets"][0]), "fleet 'nightly' is declared already"),
        (
            lambda s: s.update(
                accounts=[{"name": "Fleet-nightly", "domain": "Default", "password": {"generated": 1}}]
            ),
            "its own account would be 'fleet-nightly@Default', which accounts declares",
        ),
    ],
    ids=["flavor", "twice", "account"],
)
def test_a_conflict_with_another_entry_is_told(change: Callable[[Any], object], words: str) -> None:
    stack = with_fleet()
    change(stack)
    assert any(words in sentence for sentence in mistakes(stack))


def test_what_is_refused_elsewhere_is_not_told_of_the_fleet_again() -> None:
    stack = with_fleet()
    stack["images"][0]["sha256"] = "x"
    assert all(sentence.startswith("images[0]") for sentence in mistakes(stack))
    assert "fleets" not in GOOD
