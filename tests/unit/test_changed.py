"""Which tests of the lab a change concerns."""

from pathlib import Path

import pytest

from tests import changed

EVERY = sorted(path.relative_to(changed.ROOT) for path in (changed.ROOT / changed.LAB).glob("test_*.py"))


def groups(paths: list[str]) -> set[str]:
    return {changed.group_of(file) for file in changed.concerned(paths)}


@pytest.mark.parametrize(
    ("path", "group"),
    [
        ("dynamic_providers/rbd_image/store.py", "ceph"),
        ("clients/ceph_checksum.py", "ceph"),
        ("components/storage/images.py", "ceph"),
        ("dynamic_providers/kolla_host/network.py", "hosts"),
        ("clients/ssh.py", "hosts"),
        ("components/hosts/host_os.py", "hosts"),
        ("components/network/provider_network.py", "cloud"),
        ("clients/glance.py", "ceph"),
        ("config/network.py", "cloud"),
        ("program/replacement.py", "cloud"),
        ("clients/keystone/role_assignments.py", "cloud"),
        ("policy/__main__.py", "cloud"),
    ],
)
def test_a_change_of_the_product_concerns_its_group(path, group):
    assert groups([path]) - {changed.SERVERS} == {group}
    assert (changed.SERVERS in groups([path])) == (group != "hosts")


def test_two_changes_concern_both_groups():
    assert groups(["components/storage/images.py", "components/network/provider_network.py"]) == {
        "ceph",
        "cloud",
        "qemu",
    }


def test_a_changed_test_is_run_itself():
    assert changed.concerned(["tests/lab/test_names.py"]) == [Path("tests/lab/test_names.py")]


@pytest.mark.parametrize(
    "path", ["lab/services/glance.py", "tests/lab/own_stack.py", "__main__.py", "requirements.txt"]
)
def test_what_all_share_concerns_all(path):
    assert changed.concerned([path]) == EVERY


def test_what_no_test_of_the_lab_looks_at_concerns_none():
    assert (
        changed.concerned(["README.md", "docs/adr/0001.md", "tests/unit/test_names.py", "bench/image.py"])
        == []
    )
