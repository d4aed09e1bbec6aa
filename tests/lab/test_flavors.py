"""Every field of a flavor on real Nova: preview says what the tables of docs/settings.md say, and an up does it.

Then what was made by hand is taken over, and what a killed run left is found again.
"""

import json
import secrets
from collections.abc import Callable, Iterator

import pytest
from openstack.connection import Connection

from config.flavor import FlavorProjectSpec, FlavorSpec
from tests.lab.field_walk import Case, Entry, Resource, Walk, entry_of, fields_without_a_case
from tests.lab.own_stack import STACK, OwnStack, own_stack

SFX = f"t{secrets.token_hex(3)}"
SHOWN_ELSEWHERE = {
    "FlavorSpec.adopt",  # below
    "FlavorProjectSpec.adopt",
    "FlavorSpec.protected",  # tests/engine/test_policy_pack.py
    "FlavorProjectSpec.domain",  # as its project
}


def named(field: str) -> str:
    return f"{field}-{SFX}"


def flavor(field: str) -> Resource:
    return "Flavor", named(field)


def access(field: str, project: str) -> Resource:
    return "FlavorAccess", f"{named(field)}/{project}-{SFX}@default"


def of(field: str, **keys: object) -> Callable[[Entry], object]:
    """Changes KEYS of the flavor that the case FIELD has."""
    return entry_of("flavors", named(field), **keys)


def project(name: str) -> Entry:
    return {"project": f"{name}-{SFX}", "domain": "Default"}


CASES = [
    Case(FlavorSpec, "name", of("name", name=named("new")), flavor("new"), gone=flavor("name")),
    Case(FlavorSpec, "description", of("description", description="x"), flavor("description")),
    *(
        Case(FlavorSpec, field, of(field, **{field: 2}), flavor(field))
        for field in ("vcpus", "ram_mb", "disk_gb", "ephemeral_gb", "swap_mb")
    ),
    Case(
        FlavorSpec,
        "extra_specs",
        of("extra_specs", extra_specs={"hw:cpu_policy": "shared", "quota:disk_read_iops_sec": 500}),
        flavor("extra_specs"),
    ),
    Case(
        FlavorSpec,
        "extra_specs",
        of("unspecified", extra_specs={}),
        flavor("unspecified"),
        variant="taken out",
    ),
    Case(FlavorSpec, "public", of("public", public=False), flavor("public")),
    Case(
        FlavorSpec,
        "projects",
        of("projects", projects=[project("alpha"), project("beta")]),
        access("projects", "beta"),
    ),
    Case(
        FlavorProjectSpec,
        "project",
        of("project", projects=[project("beta")]),
        access("project", "beta"),
        gone=access("project", "alpha"),
    ),
]


def declared() -> Entry:
    fields = dict.fromkeys(
        case.resource[1].removesuffix(f"-{SFX}") for case in CASES if case.resource[0] == "Flavor"
    )
    sizes = {"vcpus": 1, "ram_mb": 1, "disk_gb": 1}
    extra: dict[str, Entry] = {
        "undescribed": {"description": "stays"},
        "extra_specs": {
            "extra_specs": {"hw:cpu_policy": "dedicated", "trait:COMPUTE_VOLUME_EXTEND": "required"}
        },
        "unspecified": {"extra_specs": {"hw:cpu_policy": "dedicated"}},
        "projects": {"public": False, "projects": [project("alpha")]},
        "project": {"public": False, "projects": [project("alpha")]},
    }
    names = [name for name in ("name", *fields, "undescribed", "projects", "project") if name != "new"]
    return {
        "openstack": {"cloud": "lab-admin"},
        "projects": [{"name": f"{name}-{SFX}", "domain": "Default"} for name in ("alpha", "beta")],
        "flavors": [{"name": named(name), **sizes, **extra.get(name, {})} for name in names],
    }


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    with own_stack(tmp_path_factory.mktemp("flavors"), declared()) as stack:
        config = declared()
        for case in CASES:
            case.change(config)
        of("undescribed", description="")(config)
        stack.declare(config)
        yield Walk(stack, stack.planned())


def test_every_field_has_a_case() -> None:
    assert fields_without_a_case(CASES, (FlavorSpec, FlavorProjectSpec), elsewhere=SHOWN_ELSEWHERE) == set()


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=str(case)) for case in CASES if case.field != "projects"]
)
def test_preview_shows_the_declared_kind_of_change(walk: Walk, case: Case) -> None:
    walk.shows(case)


def test_a_project_more_may_use_a_flavor_and_nothing_else_is_planned(walk: Walk) -> None:
    assert walk.planned[access("projects", "beta")] == {"create"}
    assert walk.unexplained(CASES) == {}


def test_nova_takes_every_change_and_the_next_preview_is_empty(walk: Walk, admin: Connection) -> None:
    walk.stack.up()
    walk.stack.preview_is_empty("--refresh")
    live = {found.name: found for found in admin.compute.flavors(is_public="None")}
    assert live[named("extra_specs")].extra_specs == {
        "hw:cpu_policy": "shared",
        "quota:disk_read_iops_sec": "500",
    }
    assert live[named("unspecified")].extra_specs == {}
    assert live[named("description")].description == "x"
    assert live[named("undescribed")].description == "stays"
    assert not live[named("public")].is_public
    assert (live[named("swap_mb")].swap, live[named("ephemeral_gb")].ephemeral) == (2, 2)
    projects = walk.stack.outputs["projects"]
    allowed = admin.compute.get_flavor_access(live[named("projects")])
    assert {one["tenant_id"] for one in allowed} == {
        projects[f"{name}-{SFX}@Default"]["id"] for name in ("alpha", "beta")
    }


def test_what_somebody_changed_by_hand_is_found_and_put_right(walk: Walk, admin: Connection) -> None:
    (found,) = (one for one in admin.compute.flavors(is_public="None") if one.name == named("extra_specs"))
    admin.compute.update_flavor_extra_specs_property(found, "hw:cpu_policy", "dedicated")
    admin.compute.create_flavor_extra_specs(found, {"hw:mem_page_size": "large"})
    (shared,) = (one for one in admin.compute.flavors(is_public="None") if one.name == named("project"))
    (one,) = admin.compute.get_flavor_access(shared)
    admin.compute.flavor_remove_tenant_access(shared, one["tenant_id"])
    planned = walk.stack.planned("--refresh")
    assert planned[flavor("extra_specs")] >= {"update"}
    assert planned[access("project", "beta")] >= {"create"}
    walk.stack.up("--refresh")
    walk.stack.preview_is_empty("--refresh")


@pytest.mark.nightly
def test_a_flavor_made_by_hand_is_taken_over_as_it_is_with_its_projects(
    tmp_path_factory: pytest.TempPathFactory, admin: Connection
) -> None:
    name = named("by-hand")
    made = admin.compute.create_flavor(
        name=name, vcpus=3, ram=768, disk=7, ephemeral=1, swap=64, is_public=False, description="by hand"
    )
    try:
        admin.compute.create_flavor_extra_specs(made, {"hw:cpu_policy": "dedicated"})
        base = {
            "openstack": {"cloud": "lab-admin"},
            "projects": [{"name": named("gamma"), "domain": "Default"}],
        }
        with own_stack(tmp_path_factory.mktemp("adopted"), base) as stack:
            project_id = stack.outputs["projects"][f"{named('gamma')}@Default"]["id"]
            admin.compute.flavor_add_tenant_access(made, project_id)
            before = admin.compute.get_flavor(made).to_dict()
            done = stack.program.adopt(STACK, "--only", "flavors", "--name", name, "--yes")
            assert done.returncode == 0, done.stdout
            assert f"adopt: {made.id}/{project_id}" in stack.program.file(STACK).read_text()
            stack.preview_is_empty("--refresh")
            assert admin.compute.get_flavor(made).to_dict() == before
            outputs = stack.outputs["flavors"][name]
            assert outputs == {"id": made.id, "vcpus": 3, "ram_mb": 768, "disk_gb": 7}, json.dumps(outputs)
    finally:
        admin.compute.delete_flavor(made, ignore_missing=True)


@pytest.mark.nightly
def test_what_a_lost_state_left_is_found_again(tmp_path_factory: pytest.TempPathFactory) -> None:
    config = {
        "openstack": {"cloud": "lab-admin"},
        "projects": [{"name": named("delta"), "domain": "Default"}],
        "flavors": [
            {
                "name": named("lost"), "vcpus": 1, "ram_mb": 64, "disk_gb": 1, "public": False,
                "projects": [project("delta")],
            }
        ],
    }  # fmt: skip
    with own_stack(tmp_path_factory.mktemp("lost"), config) as stack:
        state = json.loads(stack.program.succeed("stack", "export", "--stack", STACK))
        state["deployment"]["resources"] = [
            one
            for one in state["deployment"]["resources"]
            if not one["type"].startswith("openstack:compute/")
        ]
        stack.program.import_state(STACK, json.dumps(state))
        assert lost_is_made_anew(stack) != 0, "Nova refuses a second one of the name"
        done = stack.program.repair(STACK)
        assert done.returncode == 0, done.stdout
        stack.up()
        stack.preview_is_empty("--refresh")


def lost_is_made_anew(stack: OwnStack) -> int:
    return stack.program.pulumi("up", "--yes", "--skip-preview", "--stack", STACK).returncode
