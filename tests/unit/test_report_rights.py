"""Who may do what, on the report's page."""

from typing import Any

import pytest

from config.ceph_caps import pools_of
from operations.report.rendering import page
from tests.unit.report_cloud import PROJECT, step
from tests.unit.test_report_output import HOSTILE, Reader, report_of

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


def boxes(*steps: dict[str, Any]) -> dict[str, list[str]]:
    """The rows of each box, by its title, for these STEPS."""
    return {
        box.title: [row.text for row in box.rows]
        for section in report_of(*steps).map
        for box in section.boxes
    }


def test_users_groups_and_accounts_stand_at_the_place_where_they_have_roles() -> None:
    assert boxes(
        role_set("group/devs@corp/web@corp", "member", "reader"),
        role_set("user/ann@corp/corp", "admin", inherited=True),
        role_set("user/eve@corp/system:all", "reader"),
        one(ACCOUNT, "robot@Default", name="robot"),
        role_set("user/robot@Default/web@corp", "member", "reader"),
        role_set("user/robot@Default/corp", "member", inherited=True),
        one(CREDENTIAL, "robot@Default/pipeline/1", x=1),
    ) == {
        "Service accounts": ["robot@Default: 1 application credential"],
        "web@corp": ["group devs@corp: member, reader", "account robot@Default: member, reader"],
        "corp": [
            "user ann@corp: admin (in projects below)",
            "account robot@Default: member (in projects below)",
        ],
        "system:all": ["user eve@corp: reader"],
    }


def test_an_account_that_the_state_has_folded_is_shown_as_it_is_spelled() -> None:
    assert boxes(
        one(ACCOUNT, "robot@default", name="Robot"),
        role_set("user/Robot@Default/web@corp", "member"),
    ) == {"Service accounts": ["Robot@Default"], "web@corp": ["account Robot@Default: member"]}


def test_ceph_s_users_have_their_pools_and_what_they_may_do_there() -> None:
    caps = "profile rbd pool=images, allow class-read pool=volumes object_prefix rbd_, allow r pool images"
    assert boxes(
        one(CEPH_USER, "import.1", caps={"mon": "profile rbd", "osd": caps}),
        one(CEPH_USER, "watch.1", caps={"mon": "profile rbd"}),
    ) == {
        "client.import.1": ["images: profile rbd; r", "volumes: class-read, object_prefix rbd_"],
        "client.watch.1": ["no pool"],
    }


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
    reader = Reader(
        page(
            report_of(
                role_set("group/devs@corp/web@corp", "member"),
                role_set("group/ops@corp/web@corp", "reader", op="create"),
                one(ACCOUNT, "robot@Default", name="robot"),
                step("delete", CREDENTIAL, "robot@Default/pipeline/1", old={"x": 1}),
                one(CEPH_USER, "import.1", "create", caps={"osd": "profile rbd pool=images"}),
            )
        )
    )
    for line in (
        "group devs@corp: member",
        "group ops@corp: reader create: harmless",
        "robot@Default: 1 application credential logins change: interrupts",
        "client.import.1 create: harmless",
        "images: profile rbd",
    ):
        assert line in reader.lines


def test_a_grant_that_changes_is_never_folded_away() -> None:
    steps = [role_set(f"group/team-{n}@corp/p{n % 80}@corp", "member") for n in range(80 * 30)]
    steps.append(role_set("user/zoe@corp/p79@corp", "admin", op="create"))
    reader = Reader(page(report_of(*steps)))
    assert "user zoe@corp: admin create: harmless" in reader.visible
    assert "and 20 more" in reader.visible


def test_no_name_of_a_grant_account_or_cephx_user_becomes_an_element() -> None:
    html = page(
        report_of(
            one(
                ROLES, HOSTILE, principal_kind="user", principal=HOSTILE, scope=HOSTILE, role_names=[HOSTILE]
            ),
            one(ACCOUNT, HOSTILE, name=HOSTILE),
            one(CEPH_USER, HOSTILE, caps={"osd": HOSTILE}),
            one(CEPH_USER, "other", caps=HOSTILE),
        )
    )
    assert "script" not in Reader(html).elements
    assert html.count("alert(1)") >= 4, "the names are on the page"


def test_a_folded_project_is_shown_in_its_domain_as_both_are_spelled() -> None:
    assert boxes(
        one(PROJECT, "corp", name="Corp", isDomain=True),
        one(PROJECT, "lab@corp", name="Lab"),
        one("private-cloud:identity:ExistingDomain", "Default"),
        one(PROJECT, "web@default", name="Web"),
    ) == {"Corp": ["Lab"], "Default": ["Web"]}
