"""The table of docs/policy.md: every rule of the policy pack, from the code. `make docs` writes it."""

import re
from pathlib import Path

from policy.rules import RULES

PAGE = Path(__file__).parents[1] / "docs" / "policy.md"
HEAD = (
    "| rule | what it asks, and why | where it is broken | level | in production |\n|---|---|---|---|---|\n"
)

_TABLE = re.compile(r"(?<=<!-- rules -->\n)(?P<table>.*?)(?=<!-- end -->)", re.DOTALL)


def with_table(page: str) -> str:
    """PAGE with its table written anew."""
    rows = "".join(
        f"| `{rule.name}` | {rule.asks} {rule.reason} | {rule.remedy} | {rule.level} | {rule.in_production} |\n"
        for rule in RULES
    )
    return _TABLE.sub(lambda _: HEAD + rows, page)


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
