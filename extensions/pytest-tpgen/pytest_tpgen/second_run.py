"""Record a snapshot only if a second process gives the same answer.

What differs from run to run (a time, a random token, the order of a set) would make the next run
fail. Before syrupy writes, the tests that recorded something run again in a process with another
hash seed, which reports what it would record and writes nothing.

`tpgen` lets both start at once for the few tests that it has written.
"""

import difflib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

# The file that the second run writes its answers to.
_VARIABLE = "TPGEN_SECOND_RUN"
_STARTED = pytest.StashKey["_SecondRun"]()
_MOST_LINES = 20

ADVICE = (
    "Mask what differs before you compare it with `snapshot`, sort what has no order, or assert "
    "the value itself. pytest_tpgen.masking masks ids, times and API keys."
)


def is_this() -> bool:
    """Return whether this process is the second run."""
    return _VARIABLE in os.environ


def pytest_configure(config: pytest.Config) -> None:
    """Keep the second run from overwriting the report of the first."""
    if hasattr(config.option, "xmlpath"):
        config.option.xmlpath = None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Select the tests that recorded a snapshot in the first run, or those that can."""
    tests = json.loads(_file().read_text(encoding="utf-8"))["tests"]
    items[:] = [item for item in items if _is_wanted(item, tests)]


def _is_wanted(item: pytest.Item, tests: list[str] | None) -> bool:
    if tests is None:
        return "snapshot" in getattr(item, "fixturenames", ())
    return item.nodeid in tests


def answer(snapshots: Any) -> None:
    """Report what this run would record, and make syrupy write nothing."""
    found = {_key(result): _text(result.asserted_data) for result in _recorded(snapshots)}
    _file().write_text(json.dumps({"answers": found}), encoding="utf-8")
    snapshots._queued_snapshot_writes.clear()


def _file() -> Path:
    return Path(os.environ[_VARIABLE])


def start(config: pytest.Config) -> None:
    """Start the second run beside the first, of all tests that use `snapshot`."""
    if is_this():
        return
    config.stash[_STARTED] = _SecondRun(config, None)


def hold_writes(snapshots: Any) -> None:
    """Make syrupy write at the end also what it would write at once, such as images."""
    snapshots._flush_snapshot_write_queue_key = lambda key: None


def release_writes(snapshots: Any) -> None:
    """Let syrupy write again."""
    vars(snapshots).pop("_flush_snapshot_write_queue_key", None)


def refuse_differences(config: pytest.Config, snapshots: Any, exitstatus: int) -> list[str]:
    """Compare what this run recorded with a second run, and drop what differs.

    Returns:
        a report; empty if all are equal.
    """
    recorded = list(_recorded(snapshots))
    started = config.stash.get(_STARTED, None)
    answers, output = started.end() if started else ({}, "")
    if not recorded:
        return []
    if exitstatus not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        for result in recorded:
            _drop(snapshots, result)
        return ["The run was interrupted before a second run could confirm the answers."]
    if started is None:
        tests = {result.test_location.nodeid for result in recorded}
        answers, output = _SecondRun(config, tests).end()
    lines = []
    for result in recorded:
        first, second = _text(result.asserted_data), answers.get(_key(result))
        if first != second:
            lines += [f"{result.test_location.nodeid}: {_difference(first, second)}"]
            _drop(snapshots, result)
    if lines and not answers:
        lines += ["The second run ended with:", *output.strip().splitlines()[-_MOST_LINES:]]
    return [*lines, ADVICE] if lines else []


def _recorded(snapshots: Any) -> Iterator[Any]:
    for assertion in snapshots._assertions:
        for result in assertion.executions.values():
            if result.created or result.updated:
                yield result


def _key(result: Any) -> str:
    return f"{result.snapshot_location}::{result.snapshot_name}"


def _text(data: object) -> str:
    return data if isinstance(data, str) else repr(data)


class _SecondRun:
    """A second run, in a process of its own.

    Args:
        config: that of the first run.
        tests: the node ids of what it shall run; None for all that use `snapshot`.
    """

    def __init__(self, config: pytest.Config, tests: set[str] | None) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._answers = Path(self._folder.name) / "answers.json"
        wanted = None if tests is None else sorted(tests)
        self._answers.write_text(json.dumps({"tests": wanted}), encoding="utf-8")
        # A pipe that nobody reads would stop it.
        self._output = Path(self._folder.name) / "output.txt"
        with self._output.open("w", encoding="utf-8") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "pytest", *map(str, config.invocation_params.args)],
                cwd=config.invocation_params.dir,
                env={
                    **os.environ,
                    _VARIABLE: str(self._answers),
                    "PYTHONHASHSEED": "random",
                    "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
                },
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def end(self) -> tuple[dict[str, str], str]:
        """Wait for what it would record; return that by name, and its output."""
        with self._folder:
            self._process.wait()
            answers = json.loads(self._answers.read_text(encoding="utf-8")).get("answers", {})
            return answers, self._output.read_text(encoding="utf-8", errors="replace")


def _difference(first: str, second: str | None) -> str:
    if second is None:
        return "a second run recorded no answer here, so no snapshot was written"
    lines = difflib.unified_diff(first.splitlines(), second.splitlines(), lineterm="", n=0)
    changed = [line for line in list(lines)[2:] if not line.startswith("@@")]
    more = len(changed) - _MOST_LINES
    changed[_MOST_LINES:] = [f"… and {more} more lines"] if more > 0 else []
    return "\n    ".join(["two runs gave different answers, so no snapshot was written", *changed])


def _drop(snapshots: Any, result: Any) -> None:
    """Keep syrupy from writing one snapshot, and let it count as failed."""
    for (extension, location), writes in snapshots._queued_snapshot_writes.items():
        if location == result.snapshot_location:
            for test, index in list(writes):
                name = extension.get_snapshot_name(test_location=test, index=index)
                if name == result.snapshot_name:
                    del writes[test, index]
    result.created = result.updated = result.success = False
