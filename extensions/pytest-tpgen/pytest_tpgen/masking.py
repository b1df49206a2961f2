"""Mask what differs from run to run, so that snapshots hold the shape of a response."""

import re
from datetime import UTC, date, datetime
from typing import Any

import httpx

MASKS = {
    "<id>": r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    "<time>": r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?",
    "<key>": r"[a-z0-9]+_(live|test)_[\w-]+",
}


def shape(response: httpx.Response) -> Any:
    """Return the JSON of a response, else its text, masked for a snapshot."""
    # An empty response such as 204 may declare JSON and hold none.
    is_json = response.content and "json" in response.headers.get("content-type", "")
    return masked(response.json() if is_json else response.text)


def masked(value: Any) -> Any:
    """Return a JSON value with ids, times, API keys and today's date replaced by a mask."""
    if isinstance(value, dict):
        return {k: "<id>" if _is_row_id(k, inner) else masked(inner) for k, inner in value.items()}
    if isinstance(value, list):
        return [masked(inner) for inner in value]
    if isinstance(value, str):
        for mask, pattern in MASKS.items():
            value = re.sub(pattern, mask, value)
        # The service's date and the developer's may differ.
        for today in (datetime.now(UTC).date(), date.today()):
            value = value.replace(str(today), "<today>")
    return value


def _is_row_id(key: str, value: Any) -> bool:
    """Return whether this is a number from a sequence of Postgres, which no rollback resets."""
    return type(value) is int and (key == "id" or key.endswith("_id"))
