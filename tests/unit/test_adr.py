"""docs/adr: each record says whether it still holds, and since when."""

import re
from pathlib import Path

import pytest

RECORDS = sorted((Path(__file__).parents[2] / "docs/adr").glob("*.md"))
STATUS = re.compile(r"^Status: (accepted|superseded by \d{4}), \d{4}-\d\d-\d\d(; .+)?$")


@pytest.mark.parametrize("record", RECORDS, ids=lambda path: path.stem)
def test_a_record_has_a_number_of_its_own_a_status_and_a_date(record: Path) -> None:
    title, blank, status, *_ = record.read_text(encoding="utf-8").splitlines()
    assert title.startswith("# ")
    assert not blank
    assert STATUS.match(status), status
    assert [other for other in RECORDS if other.name[:4] == record.name[:4]] == [record]
