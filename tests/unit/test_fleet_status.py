"""The table of machines, the notices, and asking in an owner's place."""

import json
import sys
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from clients.errors import CloudError
from dynamic_providers.server_fleet.declared import OWNER
from operations import fleet_renew
from operations.fleet_status import Machine, deliver, table
from tests.unit.fake_nova import answer
from tests.unit.test_fleet_plan import server

ANNA = Machine("dev", "anna", "dev-anna", "ACTIVE", "aaaaaaaaaaaa", "bbbbbbbbbbbb", "2026-12-13")
BRAM = Machine("dev", "bram", "dev-bram", "SHUTOFF", "bbbbbbbbbbbb", left="2026-11-29")
CHIDI = Machine("dev", "chidi", "dev-chidi", "ACTIVE", "bbbbbbbbbbbb")


def test_a_row_for_each_machine() -> None:
    head, anna, bram, _ = table([ANNA, BRAM, CHIDI]).splitlines()
    assert head.split("  ")[0] == "fleet"
    assert "next image" in head
    assert anna.split() == ["dev", "anna", "dev-anna", "ACTIVE", "aaaaaaaaaaaa", "bbbbbbbbbbbb", "2026-12-13"]
    assert bram.endswith("2026-11-29")


def test_a_notice_is_a_line_of_json_for_each_person_concerned(tmp_path: Path) -> None:
    kept = tmp_path / "lines"
    keep = f"import sys; open({str(kept)!r}, 'w').write(sys.stdin.read())"
    deliver([sys.executable, "-c", keep], [ANNA, BRAM, CHIDI])
    lines = [json.loads(line) for line in kept.read_text().splitlines()]
    assert [line["person"] for line in lines] == ["anna", "bram"]
    assert lines[0]["deadline"] == "2026-12-13"


@pytest.mark.parametrize("command", [["false"], ["/no/such/command"]])
def test_a_notice_that_was_not_delivered_is_told(command: list[str]) -> None:
    with pytest.raises(CloudError, match="the notice was not delivered"):
        deliver(command, [ANNA])


def test_asking_marks_the_machines_of_that_person_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, Any]] = []

    def post(url: str, json: Any) -> Any:
        asked.append((url, json))
        return answer(200, {})

    @contextmanager
    def connect(_cloud: str) -> Any:
        yield SimpleNamespace(compute=SimpleNamespace(post=post))

    servers = [server("web-01", also={OWNER: "anna"}), server("web-02", also={OWNER: "bram"})]
    monkeypatch.setattr(fleet_renew, "connect", connect)
    monkeypatch.setattr(fleet_renew, "there", lambda *_: (servers, []))
    settings: Any = SimpleNamespace(openstack=SimpleNamespace(cloud="admin"), fleets=[None])
    assert fleet_renew.ask(settings, "private-cloud/test", "Anna") == ["web-01"]
    assert asked == [("/servers/id-of-web-01/metadata", {"metadata": {"renew": "yes"}})]
    with pytest.raises(CloudError, match="did you mean 'bram'"):
        fleet_renew.ask(settings, "private-cloud/test", "bran")
