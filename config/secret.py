"""Secrets of the stack file: encrypted in it, or named there and kept in a file or the environment."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ValidationInfo

from clients import regular_file
from config.errors.issues import KeyPath, ValidationIssue, invalid
from config.fields import from_the_projects_folder

_RIGHT = "give {file: PATH}, {env: NAME}, or a value that `pulumi config set --secret --path` encrypted"


@dataclass(frozen=True)
class SecretText:
    """A secret's text, which no representation, sentence or log shows.

    Attributes:
        inline: whether it stood in the stack file itself, where only an encrypted one may stand.
    """

    text: str
    inline: bool = False

    def __repr__(self) -> str:
        return "SecretText(…)"


def _secret(given: Any, info: ValidationInfo) -> SecretText:
    # No sentence here repeats what was given: it may be the secret.
    if isinstance(given, SecretText):
        return given
    if isinstance(given, str):
        if not given:
            raise invalid(f"the secret is empty; {_RIGHT}")
        return SecretText(given, inline=True)
    if not isinstance(given, dict) or len(given) != 1 or not {"file", "env"} & set(given):
        raise invalid(f"this is no secret; {_RIGHT}")
    ((way, name),) = given.items()
    if not isinstance(name, str) or not name:
        raise invalid(f"{way} names nothing; {_RIGHT}")
    if way == "env":
        text = os.environ.get(name, "")
        if not text:
            raise invalid(f"the environment variable {name} is not set; set it to the secret, or {_RIGHT}")
        return SecretText(text)
    try:
        text = regular_file.text(from_the_projects_folder(Path(name), info)).rstrip("\r\n")
    except OSError as error:
        raise invalid(
            f"{name!r} cannot be read ({error.strerror}); give a file that holds the secret alone"
        ) from None
    if not text:
        raise invalid(f"{name!r} is empty; give a file that holds the secret alone")
    return SecretText(text)


Secret = Annotated[SecretText, BeforeValidator(_secret)]


def in_the_clear(value: Any, encrypted: frozenset[str], path: KeyPath = ()) -> Iterator[ValidationIssue]:
    """Every secret inside VALUE that stands in the stack file as plain text.

    ENCRYPTED are the top-level keys in which Pulumi found an encrypted value. It does not say where in them, so
    plain text beside an encrypted value goes unnoticed.
    """
    if isinstance(value, SecretText):
        if value.inline and path[0] not in encrypted:
            yield ValidationIssue(
                path, f"the secret stands here in plain text; {_RIGHT}, and change it where it is used"
            )
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from in_the_clear(getattr(value, name), encrypted, (*path, name))
    elif isinstance(value, tuple):
        for index, inner in enumerate(value):
            yield from in_the_clear(inner, encrypted, (*path, index))
