"""Turn pydantic's errors into sentences that say what is wrong and what would be right."""

from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from config.errors.issues import INVALID, KeyPath, ValidationIssue, nearest
from config.errors.synonyms import meant

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_KINDS = {  # error types of pydantic, by how they begin, and what the value is not
    "string": "text (put it in quotes)",
    "int": "a whole number",
    "bool": "true or false",
    "tuple": "a list",
    "list": "a list",
    "dict": "a map of keys and values",
    "model": "a map of keys and values",
    "path": "a path",
}
_SAID = "what docs/settings.md says"


def path_of(error: "ErrorDetails") -> KeyPath:
    """Where in the file ERROR is: pydantic adds "[key]" where a key of a map is wrong, and not its value."""
    path = tuple(error["loc"])
    return path[:-1] if path[-1:] == ("[key]",) else path


def issue_of(error: "ErrorDetails", model: type[BaseModel]) -> ValidationIssue:
    """Return ERROR, raised by validating MODEL, as an issue at its path."""
    path = path_of(error)
    value = error["input"]
    # A key without a value. Our own errors show the value in their text; not each has it as input.
    empty = error["msg"].startswith("None is not ") if error["type"] == INVALID else value is None
    if empty and error["type"] != "missing":
        return ValidationIssue(path, f"it is empty; give {_field_at(model, path)}")
    if error["type"] == INVALID:
        return ValidationIssue(path, error["msg"])
    if error["type"] == "missing":
        return ValidationIssue(path, f"it is missing; give {_field_at(model, path)}")
    if error["type"] == "extra_forbidden":
        parent = _model_at(model, path[:-1])
        keys = list(parent.model_fields) if parent else []
        key = str(path[-1])
        hint = meant(key, keys) or nearest(key, keys) or f"; known are {', '.join(keys)}"
        return ValidationIssue(path, f"{path[-1]!r} is not a known key here{hint}")
    if error["type"] == "literal_error":
        known = [choice.strip() for choice in str(error["ctx"]["expected"]).replace(" or ", ", ").split(", ")]
        words = [choice.strip("'") for choice in known]
        hint = meant(str(value), words) or nearest(str(value), words)
        return ValidationIssue(path, f"{value!r} is not one of {', '.join(known)}{hint}")
    kind = _KINDS.get(error["type"].split("_")[0], "right here")
    return ValidationIssue(path, f"{_shortened(value)} is not {kind}; give {_field_at(model, path)}")


def _shortened(value: object) -> str:
    longest = 60
    text = repr(value)
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _field_at(model: type[BaseModel], path: KeyPath) -> str:
    """The description of the field at PATH, or of the nearest one that holds it."""
    for length in range(len(path), 0, -1):
        parent, key = _model_at(model, path[: length - 1]), path[length - 1]
        if parent and key in parent.model_fields:
            return parent.model_fields[str(key)].description or _SAID
    return _SAID


def _model_at(model: type[BaseModel], path: KeyPath) -> type[BaseModel] | None:
    """The model of the value at PATH, None where it is no model."""
    here: type[BaseModel] | None = model
    for key in path:
        if isinstance(key, int):
            continue  # an element of a list has the model that the list's field names
        if here is None or key not in here.model_fields:
            return None
        here = _model_in(here.model_fields[key].annotation)
    return here


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in {tuple, list, Union, UnionType, Annotated}:
        for part in get_args(annotation):
            found = _model_in(part)
            if found:
                return found
    return None
