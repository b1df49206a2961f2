"""Run a probe: a script that the interpreter of the service runs, to read the service."""

import json
from pathlib import Path
from typing import Any

from tpgen.core.service import Service

PROBES = Path(__file__).parent / "probes"
LONGEST_REASON = 300


def run(service: Service, probe: str, *arguments: str) -> Any:
    """Return what a probe prints on its last line, or `{"error": …}` if it failed.

    Raises:
        UserError: the code of the service does not end.
    """
    ended = service.run(["-B", str(PROBES / probe), *arguments], seconds=service.reading_seconds)
    *output, last = ["", *ended.stdout.splitlines()]
    try:
        answer = json.loads(last)
    except ValueError:
        answer = None
        output.append(last)
    reason = _reason(ended.stderr.splitlines()) or _reason(output)
    return answer or {"error": reason or f"Python ended with {ended.returncode}"}


def _reason(lines: list[str]) -> str:
    """Return the error that pytest printed, or else the last line."""
    lines = [line for line in lines if line.strip()]
    errors = [line.removeprefix("E ").strip() for line in lines if line.startswith("E ")]
    return " ".join(errors)[:LONGEST_REASON] or "".join(lines[-1:]).strip()
