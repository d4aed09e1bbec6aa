"""The version of this program, as pyproject.toml states it."""

import tomllib
from pathlib import Path

_PYPROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"


def version() -> str:
    """Return the version, such as "1.0.0"."""
    with _PYPROJECT.open("rb") as file:
        stated = tomllib.load(file)["project"]["version"]
    assert isinstance(stated, str)
    return stated
