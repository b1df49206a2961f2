"""Refuse to update snapshots in CI, where the diff is not reviewed, and under xdist."""

import os

import pytest


def pytest_configure(config: pytest.Config) -> None:
    # After Ctrl-C syrupy misses the workers' reports; as an error this would be a long traceback.
    config.addinivalue_line("filterwarnings", "ignore:syrupy. received .* of .* xdist worker")
    if not config.getoption("update_snapshots", False):
        return
    if os.environ.get("CI", "").lower() not in {"", "0", "false"}:
        raise pytest.UsageError(
            "snapshots are not updated in CI: update them where you can review the diff"
        )
    if config.getoption("dist", "no") != "no":
        raise pytest.UsageError(
            "snapshots are not updated under -n: the workers overwrite each other; leave -n out"
        )
