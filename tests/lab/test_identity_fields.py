"""Every field of a domain and a project: preview says what the tables of docs/settings.md say, and an up does it.

A new field needs a case in CASES, or the test that shows it in SHOWN_ELSEWHERE.
"""

import secrets
from collections.abc import Callable, Iterator

import pytest

from config.identity import DomainSpec, ProjectSpec
from tests.lab.field_walk import Case, Entry, Resource, Walk, entry_of, fields_without_a_case
from tests.lab.own_stack import own_stack

SFX = f"t{secrets.token_hex(3)}"
SHOWN_ELSEWHERE = {
    "DomainSpec.adopt",  # tests/lab/test_adopt.py
    "DomainSpec.directory",  # tests/lab/test_directory.py
    "DomainSpec.protected",  # tests/engine/test_policy_pack.py
    "ProjectSpec.adopt",
    "ProjectSpec.default_security_group",  # tests/lab/test_project_limits.py
    "ProjectSpec.protected",  # tests/engine/test_policy_pack.py
    "ProjectSpec.quota",
    "ProjectSpec.undeclared_grants",  # tests/lab/test_access.py
}


def named(name: str) -> str:
    """NAME, as nobody else's is called."""
    return f"{name}-{SFX}"


def domain(name: str) -> Resource:
    return "Project", named(name)


def project(name: str, domain: str = "home") -> Resource:
    return "Project", f"{named(name)}@{named(domain)}"


def of(section: str, name: str, /, **keys: str) -> Callable[[Entry], object]:
    """Changes KEYS of the entry NAME of SECTION."""
    return entry_of(section, named(name), **keys)


CASES = [
    Case(
        DomainSpec,
        "name",
        of("domains", "d-name", name=named("d-new")),
        domain("d-new"),
        gone=domain("d-name"),
    ),
    Case(DomainSpec, "description", of("domains", "home", description="x"), domain("home")),
    Case(
        ProjectSpec,
        "name",
        of("projects", "p-name", name=named("p-new")),
        project("p-new"),
        gone=project("p-name"),
    ),
    Case(
        ProjectSpec, "description", of("projects", "p-description", description="x"), project("p-description")
    ),
    Case(
        ProjectSpec,
        "domain",
        of("projects", "p-domain", domain=named("other")),
        project("p-domain", "other"),
        gone=project("p-domain"),
    ),
]


def declared() -> Entry:
    return {
        "openstack": {"cloud": "lab-admin"},
        "domains": [{"name": named(name)} for name in ("home", "other", "d-name")],
        "projects": [
            {"name": named(name), "domain": named("home")} for name in ("p-name", "p-description", "p-domain")
        ],
    }


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    with own_stack(tmp_path_factory.mktemp("identity"), declared()) as stack:
        config = declared()
        for case in CASES:
            case.change(config)
        stack.declare(config)
        yield Walk(stack, stack.planned())


def test_every_field_has_a_case() -> None:
    assert fields_without_a_case(CASES, (DomainSpec, ProjectSpec), elsewhere=SHOWN_ELSEWHERE) == set()


@pytest.mark.parametrize("case", [pytest.param(case, id=str(case)) for case in CASES])
def test_preview_shows_the_declared_kind_of_change(walk: Walk, case: Case) -> None:
    walk.shows(case)


def test_nothing_else_is_planned(walk: Walk) -> None:
    assert walk.unexplained(CASES) == {}


def test_keystone_takes_every_change_and_the_next_preview_is_empty(walk: Walk) -> None:
    walk.stack.up()
    walk.stack.preview_is_empty("--refresh")
