"""Paths of a stack file, which may be relative to the project's folder."""

from pathlib import Path, PurePath
from typing import Annotated

from pydantic import AfterValidator, ValidationInfo

ROOT = "root"
"""The key of the validation context under which the project's folder is given."""


def from_the_projects_folder(path: PurePath, info: ValidationInfo) -> Path:
    """PATH, absolute: a relative one is the project folder's, which the validation's context gives."""
    return Path((info.context or {}).get(ROOT, ".")).absolute() / path


ProjectPath = Annotated[Path, AfterValidator(from_the_projects_folder)]
