"""Paths of a stack file, which may be relative to the project's folder."""

from pathlib import Path, PurePosixPath

from pydantic import ValidationInfo

ROOT = "root"
"""The key of the validation context under which the project's folder is given."""


def from_the_projects_folder(path: PurePosixPath, info: ValidationInfo) -> PurePosixPath:
    """PATH, absolute: a relative one is the project folder's, which the validation's context gives."""
    return PurePosixPath(Path((info.context or {}).get(ROOT, ".")).absolute() / path)
