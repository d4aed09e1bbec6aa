"""Where a stack's file is. Needs nothing but Python, so that every command can ask."""

from pathlib import Path


def path_of(stack: str) -> Path:
    """The file of STACK, in the folder of its project."""
    return Path(f"Pulumi.{stack}.yaml")
