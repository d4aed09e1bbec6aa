"""The short form of `make soak-kills`: what is killed at any moment converges as docs/state.md says."""

import pytest
from openstack.connection import Connection

from tests.soak import kills


@pytest.mark.parametrize(
    "plan",
    [kills.Round(0, "change", "tree", 3.0)],
    ids=lambda plan: f"{plan.phase}, {plan.victim}",
)
def test_what_was_killed_converges(tmp_path, monkeypatch, admin: Connection, plan: kills.Round) -> None:
    monkeypatch.setattr(kills, "FOLDER", tmp_path)
    result = kills.run(plan, "test", admin)
    assert result["killed"]
    assert result["why"] == ""
