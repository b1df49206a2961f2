"""What `db` costs a test, against an empty async test of the same run.

Each kind of test is there 500 times, one after the other in turn. A test's time is from the end
of the test before it to its own end: set-up, call, teardown and report, so all that a person
waits for, without the start of pytest and of the server, which the first tests pay for.
"""

from collections.abc import Mapping, Sequence
from statistics import mean

from .measure import Row, in_rounds, ratio
from .service import Service

TESTS = 500
# The first ones clone the database, connect, and prepare the statements.
WARM_UP = 5
TARGET = 2.0
TARGET_ASKED = 0.7

HEAD = """
from sqlalchemy import text
"""
ONE_OF_EACH = """
async def test_empty_{n}():
    pass

async def test_asked_{n}(db):
    pass

async def test_select_{n}(db):
    await db.execute(text("SELECT 1"))
"""


def run(service: Service, repeats: int) -> Sequence[Row]:
    """The rows of this benchmark."""
    tests = HEAD + "".join(ONE_OF_EACH.format(n=n) for n in range(TESTS))
    measured = service.copy("isolation", {"tests/integration/test_isolation.py": tests})
    times = in_rounds(lambda: _costs(measured), repeats)
    return [
        ratio(
            "`db` and one SELECT, less an empty test / empty test", times, "select", "empty", TARGET
        ),
        ratio(
            "`db` asked for, less an empty test / empty test",
            times,
            "asked",
            "empty",
            TARGET_ASKED,
        ),
        ratio("a test with `db` and one SELECT / empty test", times, "select whole", "empty"),
    ]


def _costs(service: Service) -> Mapping[str, float]:
    """Seconds for each kind of test; of the two with `db`, what they take beyond an empty one."""
    run = service.pytest("--postgres=embedded", "tests/integration/test_isolation.py")
    each = {kind: mean(seconds[WARM_UP:]) for kind, seconds in run.took().items()}
    empty = each["empty"]
    return {
        "empty": empty,
        "asked": each["asked"] - empty,
        "select": each["select"] - empty,
        "select whole": each["select"],
    }
