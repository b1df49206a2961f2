"""Times taken in turn, and the ratios of their medians."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median

Times = Mapping[str, list[float]]
Side = Callable[[], float]


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        what: the comparison, in words.
        value: the ratio; none where it could not be measured.
        spread: its lowest and highest value over the rounds.
        target: the most that it may be; none where no target was set.
        detail: the medians behind the ratio, or why there is none.
        unit: empty for a ratio.
    """

    what: str
    value: float | None
    spread: tuple[float, float] = (0, 0)
    target: float | None = None
    detail: str = ""
    unit: str = ""

    @property
    def verdict(self) -> str:
        """Whether the target is met."""
        if self.target is None or self.value is None:
            return ""
        return "met" if self.value <= self.target else "MISSED"


def in_rounds(measure: Callable[[], Mapping[str, float]], repeats: int) -> Times:
    """Measure a number of times; a first round warms the caches and is not counted."""
    measure()
    rounds = [measure() for _ in range(repeats)]
    return {name: [one[name] for one in rounds] for name in rounds[0]}


def in_turn(sides: Mapping[str, Side], repeats: int) -> Times:
    """Time each side once a round, so that what else the machine does slows all of them."""
    return in_rounds(lambda: {name: side() for name, side in sides.items()}, repeats)


def ratio(
    what: str, times: Times, of: str, to: str, target: float | None = None, unit: str = ""
) -> Row:
    """Return the row that compares two sides, which are seconds unless a unit is given."""
    each = [a / b for a, b in zip(times[of], times[to], strict=True)]
    value = median(times[of]) / median(times[to])
    detail = " / ".join(shown(median(times[side]), unit) for side in (of, to))
    return Row(what, value, (min(each), max(each)), target, detail)


def not_measured(what: str, target: float) -> Row:
    """The row of a comparison that needs Docker, on a machine without."""
    return Row(what, None, target=target, detail="no Docker: not measured")


def shown(amount: float, unit: str = "") -> str:
    """Return an amount with its unit; without one it is seconds, in the unit that suits them."""
    if unit:
        return f"{amount:.0f} {unit}"
    return f"{amount * 1000:.2f} ms" if amount < 0.1 else f"{amount:.2f} s"
