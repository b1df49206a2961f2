"""Write and delete snapshots only if the run proves that they are right.

Three rules beside those of syrupy:

- Snapshots are not updated where nobody reads the diff, or where processes overwrite each other.
- A snapshot counts as unused only after a run in which every test of the given paths ran and
  passed. After any other run syrupy can't know whether a test would have used it.
- A snapshot is written only if a second process gives the same answer: see `second_run`.
"""

import os
from collections.abc import Generator
from typing import Any

import pytest

from . import policy, second_run

# Set if not every test of the given paths was collected and selected.
_PARTIAL = pytest.StashKey[bool]()
_RAN = pytest.StashKey[bool]()
_REFUSED = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    """Refuse to update snapshots where nobody reads the diff, or where some would be lost."""
    # After Ctrl-C syrupy misses the workers' reports; as an error this would be a long traceback.
    config.addinivalue_line("filterwarnings", "ignore:syrupy. received .* of .* xdist worker")
    if not config.getoption("update_snapshots", False):
        return
    if os.environ.get("CI", "").lower() not in {"", "0", "false"}:
        raise pytest.UsageError(
            "snapshots are not updated in CI: update them where you can review the diff"
        )
    # A `--dist` without workers, as in `addopts`, distributes nothing.
    if config.getoption("dist", "no") != "no" and config.getoption("tx", None):
        raise pytest.UsageError(
            "snapshots are not updated under -n: the workers overwrite each other; add -n0"
        )
    if not hasattr(config.option, "no_cleanup"):
        raise pytest.UsageError(
            "this version of syrupy deletes the snapshots of tests that fail: "
            "install syrupy 6 or newer to update snapshots"
        )
    if second_run.is_this():
        config.pluginmanager.register(second_run)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Postpone what syrupy writes until a second run has confirmed it."""
    if session.config.getoption("update_snapshots", False):
        second_run.hold_writes(session.config._syrupy)  # type: ignore[attr-defined]


def pytest_deselected(items: list[pytest.Item]) -> None:
    """Note that the run leaves out tests that were collected."""
    config = items[0].config
    left_out = [item for item in items if _is_of_a_layer_by_name(item)]
    if len(left_out) < len(items):
        config.stash[_PARTIAL] = True
    # A layer that only runs by name is part of no other run: its snapshots are those of skipped
    # tests.
    if snapshots := getattr(config, "_syrupy", None):
        snapshots.collect_items(left_out)
        snapshots.select_items(left_out)
        for item in left_out:
            snapshots.ran_item(item.nodeid, "skipped")


def _is_of_a_layer_by_name(item: pytest.Item) -> bool:
    found = policy.covering(item.path)
    return found is not None and not found.layers[found.layer(item.path)].get("by_default", True)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Note a module that could not be imported or was skipped: its tests are unknown."""
    report = yield
    if report.outcome != "passed":
        collector.config.stash[_PARTIAL] = True
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note that a test ran: with `--setup-plan` only its fixtures do."""
    report = yield
    if report.when == "call" or report.outcome == "skipped":
        item.stash[_RAN] = True
    return report


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Note that a worker left out tests."""
    if getattr(node, "workeroutput", {}).get("tpgen_partial"):
        node.config.stash[_PARTIAL] = True


# Around syrupy's own, which writes and deletes.
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> Generator[None]:
    """Let syrupy write what two runs agree on, and delete only after a whole run."""
    config = session.config
    snapshots = getattr(config, "_syrupy", None)
    if hasattr(config, "workeroutput"):
        config.workeroutput["tpgen_partial"] = config.stash.get(_PARTIAL, False)
    if snapshots is None or hasattr(config, "workeroutput"):
        return (yield)
    second_run.release_writes(snapshots)
    if second_run.is_this():
        second_run.answer(snapshots)
    elif refused := second_run.refuse_differences(config, snapshots, exitstatus):
        config.stash[_REFUSED] = refused
        session.exitstatus = exitstatus or pytest.ExitCode.TESTS_FAILED
    is_whole = not exitstatus and not config.stash.get(_PARTIAL, False)
    if is_whole and all(_RAN in item.stash for item in session.items):
        return (yield)
    config.stash[_PARTIAL] = True
    config.option.no_cleanup = config.option.warn_unused_snapshots = True
    return (yield)


def _forget_unused(report: Any) -> None:
    """Take the snapshots that no test used out of syrupy's summary."""
    if report is not None:
        report.discovered = type(report.discovered)()
        report.unused_detection_incomplete = False
        for cached in ("unused", "num_unused"):
            vars(report).pop(cached, None)


# Before syrupy prints its summary.
@pytest.hookimpl(tryfirst=True)
def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print which snapshots were not written, and why."""
    if config.stash.get(_PARTIAL, False):
        _forget_unused(getattr(getattr(config, "_syrupy", None), "report", None))
    if refused := config.stash.get(_REFUSED, None):
        terminalreporter.section("snapshots that were not written")
        for line in refused:
            terminalreporter.line(line)
