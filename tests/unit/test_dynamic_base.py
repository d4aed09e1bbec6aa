"""What every dynamic provider inherits: how a change of each kind of field is told, and what it does."""

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any

import pytest
from pulumi.dynamic import Config, ConfigureRequest
from pulumi.output import Unknown

import dynamic_providers
from dynamic_providers.base import DynamicProvider, Inputs, Outputs, ResourceState


class DeletedError(Exception):
    """The live box was removed."""


class BoxArgs(Inputs):
    cloud: str
    shelf: str = "low"
    colour: str = "red"
    recipe: str = ""


class BoxOutputs(Outputs):
    painted: int = 0


class BoxProvider(DynamicProvider[BoxArgs, BoxOutputs]):
    replace_on = frozenset({"shelf"})
    connection_fields = frozenset({"cloud"})
    create_only_fields = frozenset({"recipe"})

    def needs_repair(self, outputs: BoxOutputs) -> bool:
        return outputs.painted < 0

    def find_or_create(self, inputs: BoxArgs) -> tuple[str, BoxOutputs]:
        raise NotImplementedError

    def update_in_place(self, state: ResourceState[BoxArgs, BoxOutputs], inputs: BoxArgs) -> BoxOutputs:  # noqa: ARG002
        return BoxOutputs(painted=abs(state.outputs.painted) + 1)

    def read_live(self, state: ResourceState[BoxArgs, BoxOutputs]) -> Any:
        raise NotImplementedError

    def delete_live(self, state: ResourceState[BoxArgs, BoxOutputs]) -> None:  # noqa: ARG002
        raise DeletedError


STATE: dict[str, Any] = {"cloud": "old", "shelf": "low", "colour": "red", "recipe": "", "painted": 3}
INPUTS: dict[str, Any] = {"cloud": "old", "shelf": "low", "colour": "red", "recipe": ""}
provider = BoxProvider()


@pytest.mark.parametrize(
    ("change", "changes", "replaces"),
    [
        ({}, False, []),
        ({"recipe": "new"}, False, []),
        ({"cloud": "new"}, True, []),
        ({"colour": "blue"}, True, []),
        ({"shelf": "high"}, True, ["shelf"]),
    ],
)
def test_each_kind_of_field_is_told_as_declared(change, changes, replaces):
    found = provider.diff("box", STATE, INPUTS | change)
    assert (found.changes, found.replaces) == (changes, replaces)


def test_another_way_to_it_is_kept_for_later_reads_and_does_nothing_else():
    outs = provider.update("box", STATE, INPUTS | {"cloud": "new"}).outs
    assert outs == STATE | {"cloud": "new"}


def test_another_way_to_it_does_not_hide_what_else_changed():
    outs = provider.update("box", STATE, INPUTS | {"cloud": "new", "colour": "blue"}).outs or {}
    assert (outs["cloud"], outs["colour"], outs["painted"]) == ("new", "blue", 4)


def test_damage_is_repaired_also_where_only_the_way_to_it_changed():
    outs = provider.update("box", STATE | {"painted": -3}, INPUTS | {"cloud": "new"}).outs or {}
    assert outs["painted"] == 4


def in_a_run():
    box = BoxProvider()
    box.configure(ConfigureRequest(Config({}, "project")))
    return box


def test_a_delete_leaves_what_another_resource_of_the_run_stands_for_unchanged():
    box = in_a_run()
    box.check(STATE, INPUTS)
    box.diff("box", STATE, INPUTS)
    box.delete("box", STATE)


def test_a_delete_removes_what_only_a_refresh_has_compared():
    box = in_a_run()
    box.diff("box", STATE, INPUTS)
    with pytest.raises(DeletedError):
        box.delete("box", STATE)


@pytest.mark.parametrize("change", [{"shelf": "high"}, {"colour": Unknown()}])
def test_a_delete_removes_what_is_replaced_and_what_the_engine_only_asked_about(change):
    box = in_a_run()
    box.check(STATE, INPUTS | change)
    box.diff("box", STATE, INPUTS | change)
    with pytest.raises(DeletedError):
        box.delete("box", STATE)


def test_a_delete_without_a_run_of_the_program_removes():
    provider.diff("box", STATE, INPUTS)
    with pytest.raises(DeletedError):
        provider.delete("box", STATE)


def test_every_set_of_fields_of_a_provider_is_one_that_the_base_reads() -> None:
    for module in pkgutil.walk_packages(dynamic_providers.__path__, "dynamic_providers."):
        if module.name.endswith(".provider"):
            importlib.import_module(module.name)
    known = {name for name, value in vars(DynamicProvider).items() if isinstance(value, frozenset)}
    providers = [
        kind for kind in subclasses(DynamicProvider) if kind.__module__.startswith("dynamic_providers.")
    ]
    assert len(providers) > 10
    for kind in providers:
        sets = {name for name, value in vars(kind).items() if isinstance(value, frozenset)}
        assert sets <= known, f"{kind.__name__}: the base class reads no {sets - known}"


def subclasses(kind: type[Any]) -> Iterator[type[Any]]:
    for found in kind.__subclasses__():
        yield found
        yield from subclasses(found)
