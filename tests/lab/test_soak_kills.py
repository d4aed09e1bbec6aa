"""The short form of `make soak-kills`: what is killed at any moment converges as docs/state.md says."""

import pytest
from openstack.connection import Connection

from tests.soak import kills


@pytest.mark.nightly  # tests/lab/test_killed_up.py has one of each kind
def test_what_was_killed_converges(tmp_path, monkeypatch, admin: Connection) -> None:
    monkeypatch.setattr(kills, "FOLDER", tmp_path)
    result = kills.run(kills.Round(0, "change", "tree", 2.0), "test", admin)
    assert result["killed"]
    assert result["why"] == ""
