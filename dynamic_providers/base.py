"""What the dynamic providers share: typed inputs and outputs, a declared diff, unknowns, tidy errors.

Pulumi hands a provider dictionaries: numbers as floats, None left out, ``Unknown`` objects, and its own ``__provider``.
A provider here sees pydantic models, and declares as sets of field names what a change of a field means. It is pickled
by reference, so it holds no state of the program's.
"""

import json
from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Generic, Self, TypeVar, get_args

import pulumi
from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    ConfigureRequest,
    CreateResult,
    DiffResult,
    ReadResult,
    Resource,
    ResourceProvider,
    UpdateResult,
)
from pulumi.runtime import known_types
from pydantic import BaseModel, Field, ValidationError

from dynamic_providers.grpc_errors import say_sentences_alone

PROVIDER_KEY = "__provider"
FOUND_BY_READ = ("damage", "drift", "unmet")
"""Outputs in which providers tell, as sentences, what a refresh found that is not as it should be."""


class Inputs(BaseModel, frozen=True, extra="forbid", defer_build=True):
    """What a resource declares. Frozen; an unknown field is an error; a field with ``repr=False`` is a secret."""


class CloudInputs(Inputs):
    """What a resource declares that is reached by CLOUD, the entry of clouds.yaml with an administrator's login."""

    cloud: str = Field(min_length=1)


class Outputs(BaseModel, frozen=True, extra="ignore", defer_build=True):
    """What the provider found out. Kept in state beside the inputs; never shares a field name with them.

    A field with ``repr=False`` is a secret.
    """


InputsT = TypeVar("InputsT", bound=Inputs)
OutputsT = TypeVar("OutputsT", bound=Outputs)


@dataclass(frozen=True)
class ResourceState(Generic[InputsT, OutputsT]):
    """A resource as the stack's state has it.

    Attributes:
        id: under which the provider finds the live object.
        inputs: what was declared when the state was written.
        outputs: what the provider found out then.
    """

    id: str
    inputs: InputsT
    outputs: OutputsT

    def seen(self, **inputs: Any) -> Self:
        """The same with these inputs as they really are."""
        return replace(self, inputs=self.inputs.model_copy(update=inputs))

    def found(self, **outputs: Any) -> Self:
        """The same with these outputs as they were found now."""
        return replace(self, outputs=self.outputs.model_copy(update=outputs))


class DynamicProvider(ResourceProvider, Generic[InputsT, OutputsT]):
    """CRUD over the two models in its brackets: a table of contents, whose work is in modules beside the subclass.

    Subclasses set the class variables and write the abstract methods at the end. ``check`` and ``diff`` make no
    network calls. Fields are updated in place unless named below.
    """

    serialize_as_secret_always = False  # a reference to a class holds no secret
    inputs_model: type[InputsT]
    outputs_model: type[OutputsT]
    replace_on: ClassVar[frozenset[str]] = frozenset()
    """A change of these fields replaces the resource."""
    connection_fields: ClassVar[frozenset[str]] = frozenset()
    """How an object is reached: a change updates the state only, for later reads and deletes."""
    create_only_fields: ClassVar[frozenset[str]] = frozenset()
    """Used at creation only: a change is no diff, and the outputs keep the values of the creation."""
    to_do_fields: ClassVar[frozenset[str]] = frozenset()
    """What the program found to do: a difference unless it is nothing, whatever it was in the run before."""

    _of_this_run: dict[str, dict[str, Any]] | None = None
    """The properties of what this run makes, changes or leaves as it is, by id; None outside of a run."""
    _declared: set[str] | None = None
    """The properties that the program has declared in this run, as texts. Refreshes ask for a `diff` too, but no `check`."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.inputs_model, cls.outputs_model = get_args(vars(cls)["__orig_bases__"][0])

    def configure(self, req: ConfigureRequest) -> None:  # noqa: ARG002 - the host's signature
        """Begin a run: the host of dynamic providers calls this once, before anything else."""
        self._of_this_run, self._declared = {}, set()

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Validate what is known; one failure a field, each a sentence."""
        props = _without_provider(news)
        if self._declared is not None:
            self._declared.add(_text(props))
        unknown = {key for key, value in props.items() if _has_unknown(value)}
        try:
            self.inputs_model.model_validate({k: v for k, v in props.items() if k not in unknown})
        except ValidationError as error:
            failures = [
                CheckFailure(".".join(str(part) for part in item["loc"]), item["msg"])
                for item in error.errors()
                if not (item["type"] == "missing" and item["loc"][0] in unknown)
            ]
            if failures:
                return CheckResult(props, failures)
        return CheckResult(props, [])

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Compare field by field as declared; what a refresh found to repair is a difference too."""
        olds, news = _without_provider(_olds), _without_provider(_news)
        changed = self._changed(olds, news)
        replaces = sorted(changed & self.replace_on)
        # With unknowns, the engine asks what else a delete would replace, and deletes that then.
        if not replaces and not _has_unknown(news) and _text(news) in (self._declared or ()):
            self._note(_id, news)
        return DiffResult(
            changes=bool(changed) or self.needs_repair(self.outputs_model.model_validate(olds)),
            replaces=replaces,
            delete_before_replace=bool(replaces),
        )

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Find or create under a deterministic identity (nothing is saved if this fails)."""
        inputs = self._inputs(props)
        id_, outputs = self.find_or_create(inputs)
        self._note(id_, props)
        return CreateResult(id_, _properties(inputs, outputs))

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Bring the live resource to the new inputs; where only the way to it changed, record that."""
        inputs, state = self._inputs(_news), self._state(_id, _olds)
        changed = self._changed(_without_provider(_olds), _without_provider(_news))
        if changed and changed <= self.connection_fields and not self.needs_repair(state.outputs):
            return UpdateResult(_properties(inputs, state.outputs))
        outputs = self.update_in_place(state, inputs)
        self._note(_id, _news)
        return UpdateResult(_properties(inputs, outputs))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Read the live state; "gone" is an empty id."""
        found = self.read_live(self._state(id_, props))
        if found is None:
            return ReadResult("", {})
        return ReadResult(id_, _properties(found.inputs, found.outputs), _as_json(found.inputs))

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Remove everything the resource made, unless another resource stands for the same object in this run.

        What is gone already is success.
        """
        state = self._state(_id, _props)
        successor = (self._of_this_run or {}).get(_id)
        if successor is None:
            self.delete_live(state)
        else:
            self.hand_over(state, self._inputs(successor))

    def refusals(self, id_: str, props: dict[str, Any]) -> list[str]:
        """Why a delete of what PROPS, a resource's properties, tell of would be refused; nothing is changed."""
        return self.delete_refusals(self._state(id_, props))

    def delete_refusals(self, state: ResourceState[InputsT, OutputsT]) -> list[str]:  # noqa: ARG002 - for subclasses
        """The same, of its models; for what can be looked at before a whole stack is destroyed."""
        return []

    def needs_repair(self, outputs: OutputsT) -> bool:
        """Whether ``outputs`` have something in FOUND_BY_READ, or a host's result that is not ok: the next update mends it."""
        found = vars(outputs)
        failed = not all(result.ok for result in found.get("results", {}).values())
        return failed or any(found.get(name) for name in FOUND_BY_READ)

    def hand_over(self, state: ResourceState[InputsT, OutputsT], successor: InputsT) -> None:
        """Leave the object to the resource with the inputs SUCCESSOR; remove only what that does not declare."""

    def update_in_place(self, state: ResourceState[InputsT, OutputsT], inputs: InputsT) -> OutputsT:  # noqa: ARG002 - for subclasses
        """Change the live resource to ``inputs``; return all outputs. Left out, it is made as if it were new."""
        return self.find_or_create(inputs)[1]

    def _note(self, id_: str, props: dict[str, Any]) -> None:
        if self._of_this_run is not None:
            self._of_this_run[id_] = props

    @abstractmethod
    def find_or_create(self, inputs: InputsT) -> tuple[str, OutputsT]:
        """Make it, or find what an interrupted run made; return its id and outputs."""

    @abstractmethod
    def read_live(self, state: ResourceState[InputsT, OutputsT]) -> ResourceState[InputsT, OutputsT] | None:
        """STATE as it really is, or None if the resource is gone. Changes nothing."""

    @abstractmethod
    def delete_live(self, state: ResourceState[InputsT, OutputsT]) -> None:
        """Remove it; gone already is success, in use is an InUseError that names the users."""

    def _changed(self, olds: dict[str, Any], news: dict[str, Any]) -> set[str]:
        changed = set()
        for name, field in self.inputs_model.model_fields.items():
            default = field.get_default(call_default_factory=True)
            before = default if name in self.to_do_fields else olds.get(name, default)
            if name not in self.create_only_fields and before != news.get(name, default):
                changed.add(name)
        return changed

    def _inputs(self, props: dict[str, Any]) -> InputsT:
        return self.inputs_model.model_validate(_without_provider(props))

    def _state(self, id_: str, props: dict[str, Any]) -> ResourceState[InputsT, OutputsT]:
        known = _without_provider(props)
        inputs = {key: value for key, value in known.items() if key in self.inputs_model.model_fields}
        return ResourceState(id_, self._inputs(inputs), self.outputs_model.model_validate(known))


class DynamicResource(Resource):
    """A resource of one of the providers here. Subclasses set `made_by`, and annotate the outputs that others use.

    Args:
        name: of the resource.
        args: what is declared of it.
        opts: as for any resource.
        **also: what is declared by name; values that are not known yet among them.
    """

    made_by: ClassVar[type[DynamicProvider[Any, Any]]]

    def __init__(
        self,
        name: str,
        /,
        args: Inputs | None = None,
        opts: pulumi.ResourceOptions | None = None,
        **also: pulumi.Input[Any],
    ) -> None:
        outputs = self.made_by.outputs_model.model_fields
        fields = self.made_by.inputs_model.model_fields | outputs
        secrets = [key for key, field in fields.items() if not field.repr]
        declared = (_as_json(args) if args else {}) | also
        for secret in declared.keys() & set(secrets):
            declared[secret] = pulumi.Output.secret(declared[secret])
        super().__init__(
            self.made_by(),
            name,
            dict.fromkeys(outputs) | declared,
            pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(additional_secret_outputs=secrets)),
        )


def _without_provider(props: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in props.items() if key != PROVIDER_KEY}


def _text(props: dict[str, Any]) -> str:
    return json.dumps(props, sort_keys=True, default=repr)


def _has_unknown(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_has_unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(_has_unknown(item) for item in value)
    return bool(known_types.is_unknown(value))


def _properties(inputs: Inputs, outputs: Outputs) -> dict[str, Any]:
    return _as_json(inputs) | _as_json(outputs)


def _as_json(model: BaseModel) -> dict[str, Any]:
    # A path is a text, and None is left out, as Pulumi does.
    return model.model_dump(mode="json", exclude_none=True)


# The host of dynamic providers imports this module with the first provider that it is asked for.
say_sentences_alone()
