"""Disable features of Pulumi's SDK that cost more than the resources themselves.

docs/adr/0025-costly-sdk-features.md says what each costs, and what is lost. A unit test checks that the pinned SDK has
the names that are replaced here.
"""

import asyncio
import os
from typing import Any

from pulumi.runtime import resource as registration
from pulumi.runtime import stack
from pulumi.runtime.proto import source_pb2

AS_IT_IS = "PRIVATE_CLOUD_SDK_AS_IT_IS"
"""Set this variable to any value to leave Python and the SDK unpatched, for example to rule that out as a cause."""


class _Asyncio:
    """Replaces asyncio in the SDK's `wait_for_rpcs`: waits for all tasks together, or for the first that fails.

    The SDK waits for whichever task ends first and then again for all others, which is quadratic in their number.
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


def patch_pulumi_sdk() -> None:
    """Disable stack traces of registrations, and wait for all outputs at once.

    The traces tell the engine which line of Python registered a resource; nothing reads them here. (`debug_messages` disables debug messages, which cost
    as much, for another reason.)
    """
    if os.environ.get(AS_IT_IS):
        return
    registration._get_stack_trace = source_pb2.StackTrace  # noqa: SLF001 - there is no other way in
    vars(stack)["asyncio"] = _Asyncio()
