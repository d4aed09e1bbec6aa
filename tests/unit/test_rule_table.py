"""docs/policy.md says what the code says."""

from operations.rule_table import PAGE, with_table
from policy.rules import RULES


def test_the_table_is_what_the_code_says() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == with_table(page), "run `make docs`"


def test_the_page_lists_every_rule() -> None:
    page = with_table("<!-- rules -->\n<!-- end -->\n")
    assert [line.split("`")[1] for line in page.splitlines() if line.startswith("| `")] == [
        rule.name for rule in RULES
    ]
