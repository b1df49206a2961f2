"""Fail a policy test that takes longer than `[time_limit] seconds`, instead of letting it hang.

pytest-timeout measures the time. What happens at the limit is different for policy tests: the
coroutine of a test shares its event loop with the tests that follow, so it is cancelled, not
abandoned; and the failure counts even where the code under test swallows exceptions.
"""

from __future__ import annotations

import asyncio
import faulthandler
import os
import signal
import sys
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import pytest

from . import policy
from .plugin import SERVER
from .policy import Policy, PolicyError

if TYPE_CHECKING:
    from pytest_timeout import Settings

# A test that survives the failure is interrupted again, after these seconds and this many times.
AGAIN = 1.0
TIMES = 10

PLUGIN = "timeout"
_ALARM = pytest.StashKey["_Alarm"]()
# Folders of code that is not the service's.
_INSTALLED = {"site-packages", "dist-packages"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give the policy's limit to each policy test that has none of its own.

    A limit for this run, as the option `--timeout` or the variable PYTEST_TIMEOUT, comes first:
    `--timeout=0` switches the limits off to debug a test.
    """
    if not config.pluginmanager.hasplugin(PLUGIN):
        return
    if config.getoption("timeout") is not None or os.environ.get("PYTEST_TIMEOUT"):
        return
    for item in items:
        found = policy.covering(item.path)
        if found and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(_seconds(found)))


def _seconds(found: Policy) -> float:
    try:
        return found.time_limit
    except PolicyError as error:
        raise pytest.UsageError(str(error)) from None


@pytest.hookimpl(optionalhook=True)
def pytest_timeout_set_timer(item: pytest.Item, settings: Settings) -> bool | None:
    """Measure the time of a policy test, where the system has signals.

    Returns:
        None if pytest-timeout must do it its own way.
    """
    if settings.method != "signal" or policy.covering(item.path) is None:
        return None
    if threading.current_thread() is not threading.main_thread():
        return None
    alarm = item.stash[_ALARM] = _Alarm(item, settings)
    # pytest-timeout calls this at the end, and when a debugger starts.
    item.cancel_timeout = alarm.stop  # type: ignore[attr-defined]
    alarm.start()
    return True


# `trylast`: as near to the test as possible, so that no other plugin is interrupted.
@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    with _interruptible(item):
        yield


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    with _interruptible(item):
        yield


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    if alarm := item.stash.get(_ALARM, None):
        # A failed test has lost its alarm, and one at its limit needs time to clean up.
        alarm.start()
    with _interruptible(item):
        yield


@contextmanager
def _interruptible(item: pytest.Item) -> Iterator[None]:
    alarm = item.stash.get(_ALARM, None)
    if alarm is None:
        yield
        return
    alarm.reason = ""
    alarm.is_armed = True
    try:
        yield
    finally:
        alarm.is_armed = False
        if alarm.reason:
            raise pytest.fail.Exception(alarm.reason, pytrace=False) from None


class _Alarm:
    """The time limit of one test.

    Attributes:
        is_armed: whether the test, or a fixture of it, runs now and may be interrupted.
        reason: why the phase that runs must fail, also if it swallows the interruption.
    """

    def __init__(self, item: pytest.Item, settings: Settings) -> None:
        self.item = item
        self.settings = settings
        self.is_armed = False
        self.reason = ""
        self.rings = 0

    def start(self) -> None:
        """Start to measure, from zero."""
        self.rings = 0
        signal.signal(signal.SIGALRM, self._ring)
        signal.setitimer(signal.ITIMER_REAL, self.settings.timeout, AGAIN)

    def stop(self) -> None:
        """Stop to measure."""
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)

    def _ring(self, _: int, frame: FrameType | None) -> None:
        from pytest_timeout import is_debugging

        if not self.is_armed or (not self.settings.disable_debugger_detection and is_debugging()):
            return
        self.rings += 1
        task = _waiting(frame)
        self.reason = self.reason or self._explain(_place(task or frame, self.item))
        if self.rings > TIMES:
            self._give_up()
        if task is None:
            raise pytest.fail.Exception(self.reason, pytrace=False)
        # The loop sleeps until something happens: `call_soon` alone would not wake it.
        task.get_loop().call_soon_threadsafe(_cancel, task, self.rings - 1)

    def _explain(self, place: str) -> str:
        return (
            f"took longer than its time limit of {self.settings.timeout:g} s{place}: give its "
            "retries, its loops and its waiting an end; a test that needs more time states it "
            "with @pytest.mark.timeout(SECONDS)"
        )

    def _give_up(self) -> None:
        """End the process: the test swallows every exception."""
        with suppress(Exception):
            capture = self.item.config.pluginmanager.getplugin("capturemanager")
            capture.suspend_global_capture(in_=True)
        print(f"\n{self.item.nodeid} {self.reason}", file=sys.stderr, flush=True)
        faulthandler.dump_traceback(all_threads=False)
        if server := self.item.config.stash.get(SERVER, None):
            with suppress(Exception):
                server.stop()
        os._exit(1)


def _cancel(task: asyncio.Task[Any], again: int) -> None:
    """Cancel a task; one that went on before, also where it handles the cancellation."""
    task.cancel()
    if again and not task.done():
        task.get_loop().call_soon(_cancel, task, again - 1)


def _waiting(frame: FrameType | None) -> asyncio.Task[Any] | None:
    """Return the task that a waiting event loop runs to its end; None while other code runs."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return None
    if asyncio.current_task(loop) is not None:
        return None
    for outer in _outward(frame):
        if outer.f_code.co_name == "run_until_complete":
            future = outer.f_locals.get("future")
            return future if isinstance(future, asyncio.Task) else None
    return None


def _place(at: asyncio.Task[Any] | FrameType | None, item: pytest.Item) -> str:
    """Return the innermost line of the service that a frame or a waiting task is in."""
    found = policy.covering(item.path)
    frames = _outward(at) if at is None or isinstance(at, FrameType) else _awaited(at)
    for frame in frames:
        file = Path(frame.f_code.co_filename)
        if found and file.is_relative_to(found.root) and _INSTALLED.isdisjoint(file.parts):
            where = file.relative_to(found.root)
            return f", in {frame.f_code.co_name} ({where}:{frame.f_lineno})"
    return ""


def _outward(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _awaited(task: asyncio.Task[Any]) -> list[FrameType]:
    """Return the frames of what a task waits for, innermost first."""
    frames = []
    waiting: Any = task.get_coro()
    while waiting is not None:
        frame = getattr(waiting, "cr_frame", None) or getattr(waiting, "ag_frame", None)
        if frame is not None:
            frames.append(frame)
        waiting = getattr(waiting, "cr_await", None) or getattr(waiting, "ag_await", None)
    return frames[::-1]
