"""Files that a person named, or that may lie where this program looks: a FIFO is a sentence, and nothing waits for it."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from clients import host_keys
from clients.errors import CloudError
from dynamic_providers.ceph_login_files import files as login_files
from dynamic_providers.kolla_deployment import configuration, groups, shared_files
from dynamic_providers.kolla_host import inventory, made_files
from operations.stack_file.file import StackFile

FIFO = "it is a FIFO, not a regular file"


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    path = tmp_path / "passwords.yml"
    os.mkfifo(path)
    return path


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "read",
    [
        lambda path: inventory.require_free(path.parent, "host-1", "10.0.0.21", "kolla-ansible"),
        lambda path: configuration.secrets(path.parent),
        host_keys.pinned,
        made_files.read,
        lambda path: shared_files.differing({path: "text"}),
        lambda path: shared_files.write(path.parent, {path: "text"}),
    ],
    ids=["inventory", "passwords.yml", "known_hosts", "host file", "shared file", "shared file to write"],
)
def test_a_fifo_is_named_and_not_waited_for(read: Callable[[Path], object], fifo: Path) -> None:
    with pytest.raises(CloudError) as caught:
        read(fifo)
    assert str(fifo) in str(caught.value)
    assert FIFO in str(caught.value)


@pytest.mark.timeout(20)
def test_a_stack_file_that_is_a_fifo_is_not_adopted_into(fifo: Path) -> None:
    with pytest.raises(CloudError, match=FIFO):
        StackFile.read(fifo)


@pytest.mark.timeout(20)
def test_a_fifo_in_a_login_files_place_is_replaced(fifo: Path) -> None:
    assert login_files.wrong(fifo.parent, {fifo.name: "key"}) == {fifo.name: "is not a regular file"}
    login_files.write(fifo.parent, {fifo.name: "key"})
    assert fifo.read_text() == "key"


@pytest.mark.timeout(20)
def test_a_fifo_in_the_inventory_defines_no_groups(fifo: Path) -> None:
    assert groups.defined_elsewhere(fifo.parent) is None
