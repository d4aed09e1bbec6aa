"""Every field of a server group on real Nova: preview says what docs/settings.md says, and an up does it.

Then a group with servers stays, one without its account's role says so, and what was made by hand is taken over.
"""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from openstack.connection import Connection

from config.server_group import ServerGroupSpec
from tests.lab.field_walk import Case, Entry, Resource, Walk, entry_of, fields_without_a_case
from tests.lab.own_stack import STACK, OwnStack, own_stack
from tests.lab.small_image import image

__all__ = ["image"]

of = partial(entry_of, "server_groups")
SFX = f"t{secrets.token_hex(3)}"
SHOWN_ELSEWHERE = {
    "ServerGroupSpec.adopt",  # below
    "ServerGroupSpec.protected",  # tests/engine/test_policy_pack.py
    "ServerGroupSpec.domain",  # as its project
}
ALPHA, BETA = f"alpha-{SFX}", f"beta-{SFX}"
LIMIT = "max_server_per_host"


def placed(name: str, project: str = ALPHA) -> Resource:
    return "ServerGroup", f"{project}@default/{name}"


def group(name: str, project: str = ALPHA, policy: str = "anti-affinity", **keys: object) -> Entry:
    return {"name": name, "project": project, "domain": "Default", "policy": policy, **keys}


CASES = [
    Case(ServerGroupSpec, "name", of("name", name="new-name"), placed("new-name"), gone=placed("name")),
    Case(
        ServerGroupSpec,
        "project",
        of("project", project=BETA),
        placed("project", BETA),
        gone=placed("project"),
    ),
    Case(ServerGroupSpec, "policy", of("policy", policy="soft-affinity"), placed("policy")),
    Case(ServerGroupSpec, LIMIT, of(LIMIT, max_server_per_host=3), placed(LIMIT)),
    Case(
        ServerGroupSpec,
        LIMIT,
        of("limited", max_server_per_host=None),
        placed("limited"),
        variant="taken out",
    ),
]


def base(*projects: str) -> Entry:
    """PROJECTS, in which the stack's account may make server groups."""
    return {
        "openstack": {"cloud": "lab-admin"},
        "projects": [
            {"name": name, "domain": "Default", "quota": {"compute": {"server_groups": 20}}}
            for name in projects
        ],
        "grants": [
            {
                "role": "member",
                "user": {"name": "admin", "domain": "Default"},
                "scope": {"project": name, "domain": "Default"},
            }
            for name in projects
        ],
    }


def declared() -> Entry:
    kinds = ("affinity", "soft-affinity", "soft-anti-affinity")
    groups = [group(name) for name in ("name", "project", "policy", LIMIT)]
    groups += [group("limited", max_server_per_host=2), *(group(kind, policy=kind) for kind in kinds)]
    return {**base(ALPHA, BETA), "server_groups": groups}


def changed() -> Entry:
    config = declared()
    for case in CASES:
        case.change(config)
    return config


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    with own_stack(tmp_path_factory.mktemp("groups"), declared()) as stack:
        stack.declare(changed())
        yield Walk(stack, stack.planned())


def live_group(admin: Connection, stack: OwnStack, name: str, project: str = ALPHA) -> Any:
    id_ = stack.outputs["server_groups"][f"{project}@Default/{name}"]["id"]
    return admin.compute.get_server_group(id_)


def test_every_field_has_a_case() -> None:
    assert fields_without_a_case(CASES, (ServerGroupSpec,), elsewhere=SHOWN_ELSEWHERE) == set()


@pytest.mark.parametrize("case", [pytest.param(case, id=str(case)) for case in CASES])
def test_preview_shows_the_declared_kind_of_change(walk: Walk, case: Case) -> None:
    walk.shows(case)


def test_nothing_else_is_planned(walk: Walk) -> None:
    assert walk.unexplained(CASES) == {}


def test_nova_has_every_group_in_its_project_as_declared(walk: Walk, admin: Connection) -> None:
    walk.stack.up()
    walk.stack.preview_is_empty("--refresh")
    projects = {name: walk.stack.outputs["projects"][f"{name}@Default"]["id"] for name in (ALPHA, BETA)}
    found = {
        (one.name, one.project_id): (one.policy, one.rules or {})
        for one in admin.compute.server_groups(all_projects=True)
        if one.project_id in projects.values()
    }
    kinds = ("affinity", "soft-affinity", "soft-anti-affinity")
    assert found == {
        ("new-name", projects[ALPHA]): ("anti-affinity", {}),
        ("project", projects[BETA]): ("anti-affinity", {}),
        ("policy", projects[ALPHA]): ("soft-affinity", {}),
        (LIMIT, projects[ALPHA]): ("anti-affinity", {LIMIT: 3}),
        ("limited", projects[ALPHA]): ("anti-affinity", {}),
        **{(kind, projects[ALPHA]): (kind, {}) for kind in kinds},
    }


def test_a_group_that_is_gone_is_made_anew(walk: Walk, admin: Connection) -> None:
    gone = live_group(admin, walk.stack, "affinity")
    admin.compute.delete_server_group(gone)
    assert walk.stack.planned("--refresh")[placed("affinity")] >= {"create"}
    walk.stack.up("--refresh")
    walk.stack.preview_is_empty("--refresh")
    assert live_group(admin, walk.stack, "affinity").id != gone.id


@contextmanager
def a_server(admin: Connection, image: Any, project_id: str, group_id: str) -> Iterator[Any]:
    """A server of the project in the group; the driver of the lab's compute host is a fake."""
    own = admin.connect_as(project_id=project_id)
    flavor = admin.compute.create_flavor(name=f"small-{SFX}", ram=64, vcpus=1, disk=1)
    server = None
    try:
        server = own.compute.create_server(
            name=f"server-{SFX}",
            image_id=image.id,
            flavor_id=flavor.id,
            networks="none",
            scheduler_hints={"group": group_id},
        )
        yield own.compute.wait_for_server(server, wait=120)
    finally:
        if server:
            own.compute.delete_server(server)
            own.compute.wait_for_delete(server, wait=120)
        admin.compute.delete_flavor(flavor)


def test_a_group_with_a_server_is_neither_removed_nor_replaced(
    walk: Walk, admin: Connection, image: Any
) -> None:
    stack, config = walk.stack, changed()
    used = live_group(admin, stack, "policy")
    others = [one for one in config["server_groups"] if one["name"] != "policy"]
    with a_server(admin, image, used.project_id, used.id):
        for without in (others, [*others, group("policy", policy="affinity")]):
            stack.declare({**config, "server_groups": without})
            refused = stack.program.pulumi("up", "--yes", "--skip-preview", "--stack", STACK)
            assert refused.returncode != 0
            assert f"server group 'policy' ({used.id}) has server server-{SFX} in it" in refused.stdout
            assert admin.compute.get_server_group(used.id).policy == "soft-affinity"
        assert f"server-{SFX}" in stack.program.looks_before_destroy(STACK).stdout
    stack.up()
    assert live_group(admin, stack, "policy").policy == "affinity"


def test_an_account_without_a_role_on_the_project_says_so(walk: Walk) -> None:
    stack, config, delta = walk.stack, changed(), f"delta-{SFX}"
    config["projects"] += base(delta)["projects"]
    config["server_groups"].append(group("apart", delta))
    stack.declare(config)
    refused = stack.program.pulumi("up", "--yes", "--skip-preview", "--stack", STACK)
    assert refused.returncode != 0
    assert "has a role on project" in refused.stdout
    config["grants"] += base(delta)["grants"]
    stack.declare(config)
    stack.up()
    stack.preview_is_empty("--refresh")


def test_what_a_killed_up_made_is_found_again_and_not_made_twice(walk: Walk) -> None:
    before = walk.stack.outputs["server_groups"]
    state = json.loads(walk.stack.program.succeed("stack", "export", "--stack", STACK))
    state["deployment"]["resources"] = [
        one for one in state["deployment"]["resources"] if not one["type"].endswith("compute:ServerGroup")
    ]
    walk.stack.program.import_state(STACK, json.dumps(state))
    walk.stack.up()
    assert walk.stack.outputs["server_groups"] == before
    walk.stack.preview_is_empty("--refresh")


@pytest.mark.nightly
def test_a_group_made_by_hand_is_taken_over_as_it_is(
    tmp_path_factory: pytest.TempPathFactory, admin: Connection
) -> None:
    epsilon = f"epsilon-{SFX}"
    with own_stack(tmp_path_factory.mktemp("adopted"), base(epsilon)) as stack:
        project_id = stack.outputs["projects"][f"{epsilon}@Default"]["id"]
        own = admin.connect_as(project_id=project_id)
        limited = own.compute.create_server_group(
            name=f"limited-{SFX}", policy="anti-affinity", rules={LIMIT: 2}
        )
        together = own.compute.create_server_group(name=f"together-{SFX}", policy="soft-affinity")
        try:
            done = stack.program.adopt(STACK, "--only", "server_groups", "--name", f"*-{SFX}", "--yes")
            assert done.returncode == 0, done.stdout
            stack.preview_is_empty("--refresh")
            outputs = stack.outputs["server_groups"]
            assert {one["id"] for one in outputs.values()} == {limited.id, together.id}
            file = stack.program.file(STACK)
            text = file.read_text()
            file.write_text(text.replace(f"adopt: {limited.id}", f"adopt: {together.id}"))
            refused = stack.program.pulumi("preview", "--stack", STACK)
            assert f"which is '{epsilon}@Default/together-{SFX}'" in refused.stdout
            file.write_text(text)
        finally:
            for one in (limited, together):
                admin.compute.delete_server_group(one, ignore_missing=True)
