"""The short form of `make soak-names`: only what was taken out of a stack file is deleted, whatever the names are."""

from openstack.connection import Connection

from tests.soak import names


def test_only_what_was_taken_out_of_the_stack_file_is_deleted(tmp_path, admin: Connection) -> None:
    assert names.run("test", 0, admin, tmp_path)["why"] == ""
