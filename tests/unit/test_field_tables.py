"""docs/settings.md says what the code says."""

import pytest

from clients.errors import CloudError
from operations.field_tables import (
    AS_ITS_OWN_TABLE_SAYS,
    PAGE,
    TABLE,
    specs,
    with_tables,
)


def page() -> str:
    return PAGE.read_text(encoding="utf-8")


def test_the_tables_are_what_the_code_says() -> None:
    assert page() == with_tables(page()), "run `make docs`"


def test_every_spec_of_a_stack_file_has_one_table() -> None:
    assert sorted(match["spec"] for match in TABLE.finditer(page())) == sorted(specs()), (
        "give each a heading and a marker pair"
    )


def test_every_field_is_described() -> None:
    missing = [
        f"{spec.__name__}.{name}"
        for spec in specs().values()
        for name, field in spec.model_fields.items()
        if not field.description
    ]
    assert missing == []


def test_every_declared_effect_is_of_a_field_that_is_there() -> None:
    strays = [
        f"{spec.__name__}.{name}"
        for spec in specs().values()
        for name in spec.effects
        if name not in spec.model_fields
    ]
    assert strays == []


def table_of(spec: str) -> list[str]:
    return with_tables(f"<!-- fields: {spec} -->\n<!-- end -->\n").splitlines()


def test_a_row_tells_key_meaning_default_and_effect() -> None:
    rows = table_of("SubnetSpec")
    assert rows[1].split(" | ")[-1] == "changing it |"
    (cidr,) = (row for row in rows if row.startswith("| `cidr`"))
    assert cidr.split(" | ")[2:] == ["required", "replaced: the old one is removed, a new one made |"]
    (dhcp,) = (row for row in rows if row.startswith("| `dhcp`"))
    assert dhcp.split(" | ")[2:] == ["true", "updated in place |"]


def test_a_field_that_holds_specs_points_to_their_table() -> None:
    assert [
        row for row in table_of("Settings") if row.startswith("| `networks`") and AS_ITS_OWN_TABLE_SAYS in row
    ]


def test_a_table_of_an_unknown_spec_is_refused() -> None:
    with pytest.raises(CloudError, match="'SubnetSpecs', which no stack file holds"):
        table_of("SubnetSpecs")
