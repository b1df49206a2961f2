"""The tasks and the event loop of a test."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from .deferred import defer

SECONDS_TO_FINISH = 2

_OTHER_LOOP = (
    "The database of the tests was used from another event loop than theirs, and a connection "
    "works on one loop only. Starlette's `TestClient`, `asyncio.run` (also in a thread) and a "
    '`loop_scope` other than "session" use another one. Make the test `async def`, send requests '
    "with the fixture `client`, and await the code directly. Code that must start a loop of its "
    "own needs an engine of its own: request `committed_db`, and give the code `committed.url`."
)


class WrongEventLoop(Exception):
    """The database was used from an event loop that its connections do not belong to."""


def require_loop(loop: asyncio.AbstractEventLoop) -> None:
    """Check that the caller runs on a loop, before anything is sent from another one.

    Raises:
        WrongEventLoop: it does not. The test fails also where the error is swallowed.
    """
    try:
        running = asyncio.get_running_loop()
    except RuntimeError:
        running = None
    if running is not loop:
        raise WrongEventLoop(defer(_OTHER_LOOP))


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
