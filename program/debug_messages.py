"""Disable the debug messages of Pulumi's Python SDK, because they contain secrets."""

import pulumi


def disable_sdk_debug_logging() -> None:
    """Make the SDK send no debug messages.

    They contain every output that a program registers, with its secrets (`register_resource_outputs` in
    pulumi/runtime/resource.py of 3.259). The CLI shows them with `--debug`, and with `up --json` always. Debug
    messages of the engine and the plugins are not affected.
    """
    pulumi.log.debug = _nothing


def _nothing(
    msg: str,
    resource: pulumi.Resource | None = None,
    stream_id: int | None = None,
    ephemeral: bool | None = None,
) -> None:
    del msg, resource, stream_id, ephemeral
