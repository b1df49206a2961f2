"""The wall time of 500 database tests on two xdist workers, over that in one process."""

from collections.abc import Sequence

from .measure import Row, in_turn, ratio
from .policy import DATABASE_TESTS, FILE
from .service import Service


def run(service: Service, repeats: int) -> Sequence[Row]:
    """The rows of this benchmark."""
    tests = DATABASE_TESTS.replace("PACKAGE", service.package)
    measured = service.copy("workers", {FILE: tests})

    def wall(workers: int) -> float:
        return measured.pytest("--postgres=embedded", f"-n{workers}", FILE).seconds

    times = in_turn({"-n 2": lambda: wall(2), "-n 0": lambda: wall(0)}, repeats)
    return [ratio("500 database tests with -n 2 / with -n 0", times, "-n 2", "-n 0")]
