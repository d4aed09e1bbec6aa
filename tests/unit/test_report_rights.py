"""Who may do what, in the report's drawing: complete while it fits, counted where it does not, and never over itself."""

from itertools import pairwise
from typing import Any

import pytest

from config.ceph_caps import pools_of
from operations.report.change import changes
from operations.report.cloud_map import cloud_map
from operations.report.drawing import MOST_ROWS as MOST_PROJECTS
from operations.report.drawing import drawing
from operations.report.drawing_rights import MOST_BOXES, MOST_ROWS
from operations.report.long_lists import listed
from operations.report.rights_map import DrawnAccount, DrawnCephUser, DrawnGrant, RightsMap, rights_map
from tests.unit.report_cloud import PROJECT, step
from tests.unit.test_report_output import HOSTILE, parsed, report_of

ROLES = "pulumi-python:dynamic/identity:RoleSet"
ACCOUNT = "openstack:identity/user:User"
CREDENTIAL = "pulumi-python:dynamic/identity:ApplicationCredential"
CEPH_USER = "pulumi-python:dynamic/ceph:User"


def one(kind: str, name: str, op: str = "same", /, **inputs: Any) -> dict[str, Any]:
    return step(op, kind, name, new=inputs, **({} if op == "create" else {"old": inputs}))


def role_set(where: str, *roles: str, op: str = "same", inherited: bool = False) -> dict[str, Any]:
    """The roles of KIND/PRINCIPAL/SCOPE."""
    kind, who, scope = where.split("/", 2)
    inputs = {"principal_kind": kind, "principal": who, "scope": scope, "inherited": inherited}
    return one(
        ROLES, where.lower(), op, **inputs, roles=[f"id-{name}" for name in roles], role_names=list(roles)
    )


def rights(*steps: dict[str, Any]) -> RightsMap:
    return rights_map(changes({"steps": list(steps)}), {})


def test_users_groups_and_accounts_stand_at_the_place_where_they_have_roles() -> None:
    found = rights(
        role_set("group/devs@corp/web@corp", "member", "reader"),
        role_set("user/ann@corp/corp", "admin", inherited=True),
        role_set("user/eve@corp/system:all", "reader"),
        one(ACCOUNT, "robot@Default", name="robot"),
        role_set("user/robot@Default/web@corp", "member", "reader"),
        role_set("user/robot@Default/corp", "member", inherited=True),
        one(CREDENTIAL, "robot@Default/pipeline/1", x=1),
    )
    assert {place.name: place.grants for place in found.places} == {
        "web@corp": (
            DrawnGrant("group", "devs@corp", ("member", "reader")),
            DrawnGrant("account", "robot@Default", ("member", "reader")),
        ),
        "corp": (
            DrawnGrant("user", "ann@corp", ("admin",), inherited=True),
            DrawnGrant("account", "robot@Default", ("member",), inherited=True),
        ),
        "system:all": (DrawnGrant("user", "eve@corp", ("reader",)),),
    }
    assert found.accounts == (DrawnAccount("robot@Default", 1),)


def test_an_account_that_the_state_has_folded_is_drawn_as_it_is_spelled() -> None:
    found = rights(
        one(ACCOUNT, "robot@default", name="Robot"),
        role_set("user/Robot@Default/web@corp", "member"),
    )
    assert found.accounts == (DrawnAccount("Robot@Default"),)
    assert [grant.kind for place in found.places for grant in place.grants] == ["account"]


def test_ceph_s_users_have_their_pools_and_what_they_may_do_there() -> None:
    caps = "profile rbd pool=images, allow class-read pool=volumes object_prefix rbd_, allow r pool images"
    found = rights(
        one(CEPH_USER, "import.1", caps={"mon": "profile rbd", "osd": caps}),
        one(CEPH_USER, "watch.1", caps={"mon": "profile rbd"}),
    )
    assert found.ceph_users == (
        DrawnCephUser(
            "client.import.1",
            (("images", "profile rbd; r"), ("volumes", "class-read, object_prefix rbd_")),
        ),
        DrawnCephUser("client.watch.1"),
    )


@pytest.mark.parametrize(
    ("cap", "pools"),
    [
        ("profile rbd-read-only", [("", "profile rbd-read-only")]),
        ("allow rw tag cephfs data=home", [("", "rw, tag cephfs data home")]),
        ("", []),
        ("nonsense", [("", "nonsense")]),
    ],
)
def test_a_cap_without_a_pool_is_for_any(cap: str, pools: list[tuple[str, str]]) -> None:
    assert list(pools_of(cap)) == pools


def test_what_happens_to_a_grant_and_to_an_account_s_login_is_told_at_them() -> None:
    svg = drawing(
        report_of(
            role_set("group/devs@corp/web@corp", "member"),
            role_set("group/ops@corp/web@corp", "reader", op="create"),
            one(ACCOUNT, "robot@Default", name="robot"),
            step("delete", CREDENTIAL, "robot@Default/pipeline/1", old={"x": 1}),
            one(CEPH_USER, "import.1", "create", caps={"osd": "profile rbd pool=images"}),
        ).map
    )
    for words in (
        "Who has which role where",
        "group devs@corp: member<",
        "group ops@corp: reader<",
        "logins change: interrupts",
        "client.import.1",
        "images: profile rbd",
    ):
        assert words in svg
    assert svg.count("create: harmless") == 3  # a row, and a box: in its group's title, on its edge


def test_long_names_leave_the_roles_whole_and_long_lists_are_counted() -> None:
    who = "a-group-with-a-name-that-fills-a-whole-line-of-the-box@corp"
    svg = drawing(report_of(role_set(f"group/{who}/web@corp", "load-balancer_member")).map)
    assert "↳ load-balancer_member<" in svg
    assert listed(["member", "reader", "auditor"], 100) == "member, reader, auditor"
    assert listed(["member", "reader", "auditor"], 30) == "member, reader, auditor"
    assert listed(["member", "reader", "auditor", "x" * 20], 30) == "member, reader and 2 more"
    assert listed(["x" * 90, "reader"], 30) == f"{'x' * 90} and 1 more"
    assert listed([], 30) == ""


def large() -> list[dict[str, Any]]:
    places = MOST_BOXES + 20
    steps = [one(PROJECT, f"p{number}@corp", name="p") for number in range(places)]
    for number in range(places):
        steps += [role_set(f"group/team-{n}@corp/p{number}@corp", "member") for n in range(number % 31 + 1)]
        steps.append(one(CEPH_USER, f"user-{number}.1", caps={"osd": f"profile rbd pool=pool-{number}"}))
    steps[places - 1] = one(PROJECT, f"p{places - 1}@corp", "create", name="p")
    steps.append(role_set(f"user/zoe@corp/p{places - 1}@corp", "admin", op="create"))
    return steps


def test_boxes_of_a_large_cloud_do_not_overlap_and_what_changes_is_never_left_out() -> None:
    svg = drawing(report_of(*large()).map)
    drawn = parsed(svg)
    for kind in ("place", "ceph-user"):
        boxes = [box for box in drawn.iter() if f"box {kind}" in box.get("class", "")]
        assert len(boxes) == MOST_BOXES - 1
        columns: dict[float, list[tuple[float, float]]] = {}
        for box in boxes:
            y, high = float(box.attrib["y"]), float(box.attrib["height"])
            columns.setdefault(float(box.attrib["x"]), []).append((y, y + high))
        assert len(columns) == 3
        for spans in columns.values():
            assert all(end < start for (_, end), (start, _) in pairwise(sorted(spans)))
            assert max(end for _, end in spans) <= float(drawn.attrib["height"])
    assert "and 21 more<" in svg
    assert f"and {31 - MOST_ROWS + 1} more<" in svg
    assert "user zoe@corp: admin" in svg
    assert f"▪ p{MOST_BOXES + 19}<" in svg
    assert f"and {MOST_BOXES + 20 - MOST_PROJECTS + 1} more<" in svg


def test_no_name_of_a_grant_account_or_cephx_user_becomes_an_element() -> None:
    svg = drawing(
        report_of(
            one(
                ROLES, HOSTILE, principal_kind="user", principal=HOSTILE, scope=HOSTILE, role_names=[HOSTILE]
            ),
            one(ACCOUNT, HOSTILE, name=HOSTILE),
            one(CEPH_USER, HOSTILE, caps={"osd": HOSTILE}),
            one(CEPH_USER, "other", caps=HOSTILE),
        ).map
    )
    assert "script" not in {element.tag.rpartition("}")[2] for element in parsed(svg).iter()}
    assert svg.count("alert(1)") >= 4, "the names are in the drawing"


def test_a_folded_project_is_drawn_in_its_domain_as_both_are_spelled() -> None:
    found = cloud_map(
        changes(
            {
                "steps": [
                    one(PROJECT, "corp", name="Corp", isDomain=True),
                    one(PROJECT, "lab@corp", name="Lab"),
                    one("private-cloud:identity:ExistingDomain", "Default"),
                    one(PROJECT, "web@default", name="Web"),
                ]
            }
        ),
        [],
        (),
    )
    drawn = {domain.name: [project.name for project in domain.projects] for domain in found.domains}
    assert drawn == {"Corp": ["Lab"], "Default": ["Web"]}
