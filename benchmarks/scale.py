"""Ten times as many database tests: the time for each, the memory, and two xdist workers.

A test's time is the mean between the end of the first one and the end of the last one, so the
start of pytest and of the server doesn't count. Memory is the peak of the pytest process; most of
what 6,000 tests need more than 600 is pytest's own, so empty tests are the other side.
"""

from collections.abc import Sequence

from .measure import Row, in_rounds, ratio
from .policy import DATABASE_TESTS, FILE
from .service import Run, Service

FEW, MANY = 600, 6000
TARGET_TIME = 1.1
TARGET_MEMORY = 1.1

EMPTY = """
import pytest

@pytest.mark.parametrize("n", range(TESTS))
async def test_empty(n):
    pass
"""


def run(service: Service, repeats: int) -> Sequence[Row]:
    """The rows of this benchmark."""
    few, many, empty = (
        service.copy(name, {FILE: tests.replace("TESTS", str(count))})
        for name, tests, count in (
            ("few", DATABASE_TESTS.replace("PACKAGE", service.package), FEW),
            ("many", DATABASE_TESTS.replace("PACKAGE", service.package), MANY),
            ("many-empty", EMPTY, MANY),
        )
    )

    def measure() -> dict[str, float]:
        sides = {"few": _run(few), "many": _run(many), "empty": _run(empty)}
        times = {f"each of {name}": _seconds_a_test(run) for name, run in sides.items()}
        memory = {f"memory of {name}": run.peak for name, run in sides.items()}
        walls = {
            "few -n 0": sides["few"].seconds,
            "many -n 0": sides["many"].seconds,
            "few -n 2": _run(few, "-n2").seconds,
            "many -n 2": _run(many, "-n2").seconds,
        }
        return {**times, **memory, **walls}

    times = in_rounds(measure, repeats)
    what = f"{MANY:,} database tests"
    return [
        ratio(f"each of {what} / of {FEW}", times, "each of many", "each of few", TARGET_TIME),
        ratio(
            f"peak memory of {what} / of empty ones",
            times,
            "memory of many",
            "memory of empty",
            TARGET_MEMORY,
            "MB",
        ),
        ratio(
            f"peak memory of {what} / of {FEW}",
            times,
            "memory of many",
            "memory of few",
            unit="MB",
        ),
        ratio(f"{FEW} database tests with -n 2 / with -n 0", times, "few -n 2", "few -n 0"),
        ratio(f"{what} with -n 2 / with -n 0", times, "many -n 2", "many -n 0"),
    ]


def _run(service: Service, *arguments: str) -> Run:
    return service.pytest("--postgres=embedded", *arguments, FILE)


def _seconds_a_test(run: Run) -> float:
    over = [at for what, _, at in run.events if what == "over"]
    return (over[-1] - over[0]) / (len(over) - 1)
