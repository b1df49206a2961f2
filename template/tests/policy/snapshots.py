"""Snapshots of response shapes: what differs from run to run is masked."""

import os
import re
from typing import Any

import pytest

MASKS = {
    "<id>": r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    "<time>": r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?",
    "<key>": r"[a-z0-9]+_(live|test)_[\w-]+",
}


def masked(value: Any) -> Any:
    """The JSON value with its ids, times and API keys replaced by what they are."""
    if isinstance(value, dict):
        return {key: masked(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [masked(inner) for inner in value]
    if isinstance(value, str):
        for mask, pattern in MASKS.items():
            value = re.sub(pattern, mask, value)
    return value


def pytest_configure(config: pytest.Config) -> None:
    """Refuse to update snapshots where nobody reads the diff, or where some would be lost."""
    # After Ctrl-C syrupy misses the workers' reports; where warnings are errors, as a long trace.
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
