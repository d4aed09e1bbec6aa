"""The short form of `make soak-names`: only what was taken out of a stack file is deleted, whatever the names are."""

from openstack.connection import Connection

from tests.lab.cloud_stack import lab_environment
from tests.soak import names


def test_only_what_was_taken_out_of_the_stack_file_is_deleted(
    tmp_path, monkeypatch, admin: Connection
) -> None:
    for name, value in lab_environment().items():
        monkeypatch.setenv(name, value)
    assert names.run("test", 0, admin, tmp_path)["why"] == ""
