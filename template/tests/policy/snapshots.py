"""Snapshots of response shapes: what differs from run to run is masked."""

import os
import re
from datetime import UTC, date, datetime
from typing import Any

import pytest

MASKS = {
    "<id>": r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    "<time>": r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?",
    "<key>": r"[a-z0-9]+_(live|test)_[\w-]+",
}


def masked(value: Any) -> Any:
    """The JSON value with its ids, times, API keys and today's date replaced by what they are."""
    if isinstance(value, dict):
        return {k: "<id>" if _is_row_id(k, inner) else masked(inner) for k, inner in value.items()}
    if isinstance(value, list):
        return [masked(inner) for inner in value]
    if isinstance(value, str):
        for mask, pattern in MASKS.items():
            value = re.sub(pattern, mask, value)
        # The service's day and the developer's may differ.
        for today in (datetime.now(UTC).date(), date.today()):
            value = value.replace(str(today), "<today>")
    return value


def _is_row_id(key: str, value: Any) -> bool:
    """Whether this is a number from a sequence of Postgres, which no rollback sets back."""
    return type(value) is int and (key == "id" or key.endswith("_id"))


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
