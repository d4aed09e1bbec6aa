"""Caps of cephx users: which of them Ceph would read, and which reach more than they name."""

import pytest

from config.ceph_caps import KINDS, cap_problem, too_wide

GOOD = [
    ("mon", "profile rbd"),
    ("mon", "allow r"),
    ("mon", "allow profile rbd"),
    ("mon", 'allow command "config-key get" with key prefix private-cloud/, profile rbd'),
    ("mon", "allow service auth rwx"),
    ("mon", "allow r fsname=cephfs"),
    ("mon", "profile rbd network 10.0.0.0/8"),
    ("osd", "profile rbd pool=images"),
    ("osd", "profile rbd pool=volumes, profile rbd-read-only pool=images"),
    ("osd", "allow rwx pool images"),
    ("osd", "allow class-read object_prefix rbd_children, allow rwx pool=vms namespace=a"),
    ("osd", "allow rw tag cephfs data=cephfs"),
    ("osd", 'profile rbd pool="a pool, with commas; and more"'),
    ("mgr", "profile rbd pool=images"),
    ("mgr", "allow r"),
    ("mgr", "allow module rbd_support r"),
    ("mds", "allow rw fsname=cephfs path=/builds"),
    ("mds", "allow rws path=/ root_squash"),
]


@pytest.mark.parametrize(("kind", "cap"), GOOD)
def test_what_ceph_reads_is_no_problem_and_not_too_wide(kind: str, cap: str) -> None:
    assert cap_problem(kind, cap) is None
    assert too_wide(kind, cap) is None


@pytest.mark.parametrize("kind", KINDS)
def test_the_example_of_each_kind_is_good(kind: str) -> None:
    assert cap_problem(kind, KINDS[kind].example) is None
    assert too_wide(kind, KINDS[kind].example) is None


@pytest.mark.parametrize(
    ("kind", "cap", "says"),
    [
        ("mon", "", "'' is no cap; give one such as 'profile rbd'"),
        ("mon", "rbd", "'rbd' begins neither with 'allow' nor with 'profile'"),
        ("mon", "profile", "nothing follows 'profile'"),
        ("mon", "profile rdb", "no profile 'rdb' for mon, and would grant nothing; did you mean 'rbd'?"),
        ("mds", "profile mds", "no profile 'mds' for mds"),
        ("osd", "allow rwq pool=images", "'rwq' means nothing there"),
        ("osd", "allow rwx pol=images", "'pol' means nothing there (did you mean 'pool'?)"),
        ("osd", "allow rwx pool", "nothing follows 'pool'"),
        ("osd", "allow", "'allow' does not say what is allowed"),
        ("osd", "allow pool=images", "does not say what is allowed"),
        ("osd", 'allow r pool="images', "is not closed"),
        ("osd", "allow r pool=images\nallow *", "is no cap"),
        ("osd", "profile rbd pool=images profile rbd", "'profile' means nothing there"),
        ("mgr", "profile rdb pool=images", "did you mean 'rbd'?"),
    ],
)
def test_what_ceph_would_not_read_is_one_sentence(kind: str, cap: str, says: str) -> None:
    problem = cap_problem(kind, cap)
    assert problem is not None
    assert says in problem
    assert "\n" not in problem


@pytest.mark.parametrize(
    ("kind", "cap", "grant"),
    [
        ("mon", "allow *", "allow *"),
        ("mon", "allow all", "allow all"),
        ("mon", "allow rw", "allow rw"),
        ("mon", "profile rbd, profile role-definer", "profile role-definer"),
        ("osd", "allow *", "allow *"),
        ("osd", "allow r", "allow r"),
        ("osd", "profile rbd", "profile rbd"),
        ("osd", "profile rbd network 10.0.0.0/8", "profile rbd network 10.0.0.0/8"),
        ("osd", "profile rbd pool=images, allow rwx", "allow rwx"),
        ("mgr", "allow *", "allow *"),
        ("mgr", "profile rbd", "profile rbd"),
        ("mds", "allow", "allow"),
        ("mds", "allow rw", "allow rw"),
    ],
)
def test_what_reaches_everything_is_too_wide(kind: str, cap: str, grant: str) -> None:
    assert cap_problem(kind, cap) is None
    message = too_wide(kind, cap)
    assert message is not None
    assert message.startswith(f"{grant!r} reaches everything that {kind} guards")
    assert "wide_caps: true" in message
