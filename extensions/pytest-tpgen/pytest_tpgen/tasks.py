"""End the tasks that a test started and did not wait for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

SECONDS_TO_FINISH = 2


@asynccontextmanager
async def no_stray_tasks() -> AsyncIterator[None]:
    """Wait for the tasks that were started inside, and cancel those that do not end.

    A task that outlived its test would work in the database of the next one.
    """
    before = asyncio.all_tasks()
    try:
        yield
    finally:
        await _wait(before)
        for task in _others(before):
            task.cancel()
        await _wait(before)


async def _wait(before: set[asyncio.Task[Any]]) -> None:
    """Wait for the new tasks, and for those that they start in the meantime."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + SECONDS_TO_FINISH
    while (stray := _others(before)) and (left := deadline - loop.time()) > 0:
        await asyncio.wait(stray, timeout=left, return_when=asyncio.FIRST_COMPLETED)


def _others(before: set[asyncio.Task[Any]]) -> set[asyncio.Task[Any]]:
    return {task for task in asyncio.all_tasks() - before if task is not asyncio.current_task()}
