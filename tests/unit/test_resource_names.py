"""config/resource_names.py: one name for every spelling, and aliases for the ones that a state may have."""

import pulumi

from config.resource_names import child_name, resource_name
from program.resource_options import known_as


def names(opts: pulumi.ResourceOptions | None) -> list[str]:
    """The names of the aliases."""
    aliases = (opts.aliases if opts else None) or []
    return [str(alias.name) for alias in aliases if isinstance(alias, pulumi.Alias)]


def test_every_spelling_has_one_name() -> None:
    assert {resource_name(name) for name in ("Bot@Default", "bot@default", "BÖT@Default")} == {"bot@default"}
    assert child_name("vms", "V4") == "vms/v4"
    assert child_name("bot@default", "Nightly", 1) == "bot@default/nightly/1"


def test_no_name_is_empty() -> None:
    assert resource_name("\u0301") == "\u0301"


def test_a_name_that_is_folded_already_has_no_alias_and_keeps_its_options() -> None:
    opts = pulumi.ResourceOptions(protect=True)
    assert known_as(opts, "vms", "vms", None) is opts


def test_a_former_name_counts_folded_and_as_it_is_spelled() -> None:
    assert names(known_as(None, "guests", "Guests", "VMs")) == ["Guests", "vms", "VMs"]
