"""What Python and Pulumi's SDK do for every resource and no run of this program needs: more than the resources cost.

docs/adr/0025-pace-of-the-sdk.md says what each costs, and what is given up. A unit test holds the names that are
replaced here to the pinned SDK.
"""

import asyncio
import gc
import os
from typing import Any

from pulumi.runtime import resource as registration
from pulumi.runtime import stack
from pulumi.runtime.proto import source_pb2

AS_IT_IS = "PRIVATE_CLOUD_SDK_AS_IT_IS"
"""With any value the SDK stays as it is: for whoever suspects this module."""


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
    """Leave out stack traces of registrations, wait for all outputs at once, collect no cycles.

    The traces tell the engine which line of Python made a resource; nothing here reads them. Nearly all objects live
    until the program ends, so that there is little to collect. (Debug messages, which cost as much, are left out for
    another reason: `debug_messages`.)
    """
    if os.environ.get(AS_IT_IS):
        return
    gc.disable()
    registration._get_stack_trace = source_pb2.StackTrace  # noqa: SLF001 - there is no other way in
    vars(stack)["asyncio"] = _Asyncio()
