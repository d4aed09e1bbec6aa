"""The debug messages of Pulumi's Python SDK, which this program does without."""

import pulumi


def silence() -> None:
    """Have the SDK send none from now on.

    In them it prints every output that a program registers, with the secrets in it (`register_resource_outputs` in
    pulumi/runtime/resource.py of 3.259), and the CLI shows them with `--debug`, and with `up --json` even without.
    What the engine and the plugins say with `--debug` is not touched.
    """
    pulumi.log.debug = _nothing


def _nothing(
    msg: str,
    resource: pulumi.Resource | None = None,
    stream_id: int | None = None,
    ephemeral: bool | None = None,
) -> None:
    del msg, resource, stream_id, ephemeral
