"""The wall time of the suite that a new service comes with, on the embedded server."""

from collections.abc import Sequence
from statistics import median

from .measure import Row, in_turn
from .service import Service

TARGET = 5.0


def run(service: Service, repeats: int) -> Sequence[Row]:
    """The rows of this benchmark."""
    measured = service.copy("starter", {})
    side = {"starter": lambda: measured.pytest("--postgres=embedded").seconds}
    seconds = in_turn(side, repeats)["starter"]
    spread = min(seconds), max(seconds)
    return [Row("the starter suite, on two cores", median(seconds), spread, TARGET, unit=" s")]
