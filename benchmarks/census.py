"""What `--census` adds to a test, to a request and to an assertion, against what it may add.

Each kind of test is there 300 times. A test's time is from the end of the test before it to its
own end, as in `isolation`. The runs with and without the option take turns.
"""

from collections.abc import Mapping, Sequence
from statistics import median

from .measure import Row, in_rounds, ratio
from .service import Service

TESTS, EACH, WARM_UP = 300, 20, 5
# In seconds, for one test, one request and one assertion.
ALLOWED = {"test": 0.0001, "request": 0.0001, "assertion": 0.00005}

HEAD = """
import pytest
import httpx
from fastapi import FastAPI

app = FastAPI()


@app.get("/things/{number}")
async def thing(number: int) -> int:
    return number


@pytest.fixture(scope="session")
async def things():
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client
"""
ONE_OF_EACH = f"""
async def test_test_{{n}}(things):
    pass

async def test_request_{{n}}(things):
    for number in range({EACH}):
        await things.get(f"/things/{{{{number}}}}")

async def test_assertion_{{n}}(things):
    for number in range({EACH}):
        assert number < {EACH}
"""


def run(service: Service, repeats: int) -> Sequence[Row]:
    """The rows of this benchmark."""
    tests = HEAD + "".join(ONE_OF_EACH.format(n=n) for n in range(TESTS))
    measured = service.copy("census", {"tests/unit/test_census.py": tests})
    times = in_rounds(lambda: _added(measured), repeats)
    return [
        ratio(
            f"what --census adds to one {kind} / {1000 * seconds:g} ms",
            times,
            kind,
            f"may {kind}",
            1,
        )
        for kind, seconds in ALLOWED.items()
    ]


def _added(service: Service) -> Mapping[str, float]:
    """Seconds that the option adds to one of each, and those that it may add."""
    without, watched = (_medians(service, *options) for options in ((), ("--census",)))
    test = watched["test"] - without["test"]
    added = {"test": test}
    for kind in ("request", "assertion"):
        added[kind] = (watched[kind] - without[kind] - test) / EACH
    return added | {f"may {kind}": seconds for kind, seconds in ALLOWED.items()}


def _medians(service: Service, *options: str) -> Mapping[str, float]:
    run = service.pytest("--postgres=embedded", *options, "tests/unit/test_census.py")
    return {kind: median(seconds[WARM_UP:]) for kind, seconds in run.took().items()}
