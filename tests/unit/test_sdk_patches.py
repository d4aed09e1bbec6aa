"""What of Pulumi's SDK is replaced is there in the pinned one, and what replaces it does the same where it matters."""

import asyncio
import inspect
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest
from pulumi.runtime import resource as registration
from pulumi.runtime import stack
from pulumi.runtime.proto import source_pb2

from program.sdk_patches import AS_IT_IS, patch_pulumi_sdk

T = TypeVar("T")


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """In a loop of its own, which the tests of components do not meet as the current one."""
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        return runner.run(coroutine)


def of_the_sdk() -> tuple[object, object]:
    return registration._get_stack_trace, vars(stack)["asyncio"]


@pytest.fixture(autouse=True)
def all_as_before_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(AS_IT_IS, raising=False)
    for module, name in ((registration, "_get_stack_trace"), (stack, "asyncio")):
        monkeypatch.setattr(module, name, vars(module)[name])  # put back at the end


def test_the_pinned_sdk_uses_what_is_replaced():
    assert "stack_trace = _get_stack_trace()" in inspect.getsource(registration.register_resource)
    waits = inspect.getsource(stack.wait_for_rpcs)
    assert waits.count("asyncio.wait(") == 1
    assert "return_when=asyncio.FIRST_COMPLETED" in waits


def test_a_registration_gives_no_stack_trace_and_no_position():
    patch_pulumi_sdk()
    trace = registration._get_stack_trace()
    assert trace == source_pb2.StackTrace()
    assert registration._get_source_position(trace) is None


def test_the_end_of_the_program_waits_for_all_outputs_together():
    patch_pulumi_sdk()

    async def ends_after(turns: int) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)

    async def waited() -> tuple[int, int]:
        tasks = [asyncio.ensure_future(ends_after(turns)) for turns in (1, 5, 20)]
        done, pending = await vars(stack)["asyncio"].wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return len(done), len(pending)

    assert run(waited()) == (3, 0)


def test_an_output_that_fails_is_told_without_waiting_for_the_others():
    patch_pulumi_sdk()

    async def fails() -> None:
        await asyncio.sleep(0)
        raise ValueError("no such role")

    async def waited() -> list[BaseException | None]:
        never = asyncio.get_running_loop().create_future()

        async def waits() -> None:
            await never

        tasks = [asyncio.ensure_future(waits()), asyncio.ensure_future(fails())]
        done, _ = await vars(stack)["asyncio"].wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        never.cancel()
        return [task.exception() for task in done]

    assert [str(error) for error in run(waited())] == ["no such role"]


def test_the_sdk_stays_as_it_is_where_that_is_wanted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(AS_IT_IS, "1")
    before = of_the_sdk()
    patch_pulumi_sdk()
    assert of_the_sdk() == before
