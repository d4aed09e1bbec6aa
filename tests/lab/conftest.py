"""Fixtures that every lab test can ask for."""

from tests.lab.cloud_stack import cloud_stack

__all__ = ["cloud_stack"]
