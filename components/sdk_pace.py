"""What Pulumi's SDK does for every resource and no run of this program needs: it costs more than the resources.

docs/adr/0020-pace-of-the-sdk.md says what each costs, and what is given up. A unit test holds the names that are
replaced here to the pinned SDK.
"""

import asyncio
import os
from typing import Any

import pulumi
from pulumi.runtime import resource as registration
from pulumi.runtime import stack
from pulumi.runtime.proto import source_pb2

DEBUG_VARIABLE = "PRIVATE_CLOUD_SDK_DEBUG"
"""With any value the SDK stays as it is: for `pulumi --debug`, and for whoever suspects this module."""


class _Asyncio:
    """asyncio as the SDK's `wait_for_rpcs` sees it: waits for all tasks together, or for the first that fails.

    The SDK waits for whichever ends first and then again for all others: the square of their number.
    """

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)

    @staticmethod
    async def wait(
        tasks: "list[asyncio.Task[Any]]",
        *,
        return_when: str,  # noqa: ARG004 - the SDK gives it
    ) -> "tuple[set[asyncio.Task[Any]], set[asyncio.Task[Any]]]":
        return await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)


def hasten() -> None:
    """Leave out debug messages and stack traces of registrations, and wait for all outputs at once.

    A debug message is a call of the engine that blocks, five for each resource, shown by `--debug` alone. The traces
    tell the engine which line of Python made a resource; nothing here reads them.
    """
    if os.environ.get(DEBUG_VARIABLE):
        return
    pulumi.log.debug = _say_nothing
    registration._get_stack_trace = source_pb2.StackTrace  # noqa: SLF001 - there is no other way in
    vars(stack)["asyncio"] = _Asyncio()


def _say_nothing(*_: Any, **__: Any) -> None:
    """Stand in for `pulumi.log.debug`."""
