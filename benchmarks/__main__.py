"""Render a service, measure it, print the table."""

import argparse
import os
import platform
import signal
import sys
from collections.abc import Callable, Sequence

from . import (
    census,
    check,
    factory,
    first_test,
    gate,
    isolation,
    policy,
    scaffold,
    scale,
    starter,
    update,
)
from .measure import Row
from .service import BenchmarkFailed, Service, rendered
from .sources import no_docker, version

BENCHMARKS: dict[str, Callable[[Service, int], Sequence[Row]]] = {
    "isolation": isolation.run,
    "policy": policy.run,
    "factory": factory.run,
    "first_test": first_test.run,
    "scale": scale.run,
    "scaffold": scaffold.run,
    "census": census.run,
    "check": check.run,
    "gate": gate.run,
    "update": update.run,
    "starter": starter.run,
}
CORES = 2
COLUMNS = "| {:10} | {:59} | {:>7} | {:>13} | {:>6} | {:6} | {} |"


def main() -> int:
    """Returns: 0 where no target was missed, 1 where one was, 2 where a run failed."""
    arguments = _arguments()
    # All that is started inherits this, except the containers, which the daemon starts.
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    # To be ended is to be interrupted: what was started is cleaned up.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    missed = False
    try:
        with rendered() as service:
            _head(service)
            for name in arguments.benchmark or BENCHMARKS:
                for row in BENCHMARKS[name](service, arguments.repeats):
                    _show(name, row)
                    missed |= row.verdict == "MISSED"
    except BenchmarkFailed as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return int(missed)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "benchmark", nargs="*", metavar="BENCHMARK", help=f"{', '.join(BENCHMARKS)}; default: all"
    )
    parser.add_argument(
        "--repeats", type=int, default=5, metavar="N", help="rounds that count (default: 5)"
    )
    arguments = parser.parse_args()
    if unknown := set(arguments.benchmark) - BENCHMARKS.keys():
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    if arguments.repeats < 1:
        parser.error("--repeats: at least 1")
    return arguments


def _head(service: Service) -> None:
    versions = [version(service, "embedded"), no_docker(service) or version(service, "docker")]
    cores = len(os.sched_getaffinity(0))
    print(f"{cores} cores; CPython {platform.python_version()}; {'; '.join(versions)}\n")
    _line("", "ratio of medians", "ratio", "low - high", "target", "", "medians")
    _line("-" * 10, "-" * 59, "-" * 7, "-" * 13, "-" * 6, "-" * 6, "-" * 7)


def _show(name: str, row: Row) -> None:
    value, spread = "-", ""
    if row.value is not None:
        value = f"{row.value:.2f}{row.unit}"
        spread = f"{row.spread[0]:.2f} - {row.spread[1]:.2f}"
    target = "" if row.target is None else f"{row.target:g}{row.unit}"
    _line(name, row.what, value, spread, target, row.verdict, row.detail)


def _line(*cells: str) -> None:
    print(COLUMNS.format(*cells), flush=True)


if __name__ == "__main__":
    sys.exit(main())
