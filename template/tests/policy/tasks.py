"""Tasks that a test started and did not wait for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

SECONDS_TO_FINISH = 2


@asynccontextmanager
async def no_stray_tasks() -> AsyncIterator[None]:
    """Wait for what was started inside, and cancel what does not end by itself.

    A task that outlived its test would work in the database of the next one.
    """
    before = asyncio.all_tasks()
    try:
        yield
    finally:
        current = {asyncio.current_task()}
        if stray := asyncio.all_tasks() - before - current:
            _, late = await asyncio.wait(stray, timeout=SECONDS_TO_FINISH)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
