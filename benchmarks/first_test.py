"""From `pytest` to the first database test done, for each source of the Postgres.

The container as it comes differs from the tuned one in nothing but the container: the fixtures
above it are the same.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from .measure import Row, Side, in_turn, not_measured, ratio
from .service import BenchmarkFailed, Service
from .sources import no_docker

TARGET_EMBEDDED = 1.2
TARGET_DOCKER = 0.65
FILE = "tests/integration/test_first.py"

TEST = """
from sqlalchemy import text

async def test_first(db):
    await db.execute(text("SELECT 1"))

async def test_second():
    '''The last test pays for the end of the session.'''
"""

# Takes the place of the databases on the server that the plugin starts.
AS_IT_COMES = """

from collections.abc import Iterator

from testcontainers.community.postgres import PostgresContainer

from pytest_tpgen.databases import Databases

@pytest.fixture(scope="session")
def as_it_comes() -> Iterator[Server]:
    with PostgresContainer("postgres:15") as pg:
        url = pg.get_connection_url(driver=None)
        yield Server(url, "as it comes", "", "benchmark_", stop=lambda: None)

@pytest.fixture(scope="session")
def databases(as_it_comes: Server, schema: Schema) -> Databases:
    return Databases(as_it_comes, "main", schema)
"""

EMBEDDED = {
    "embedded": ("the embedded server, second run / a server already up", TARGET_EMBEDDED),
    "embedded first": ("the embedded server, first run / a server already up", None),
}
TUNED = "a tuned container / testcontainers as it comes"


def run(service: Service, repeats: int) -> Sequence[Row]:
    """The rows of this benchmark."""
    ours = service.copy("first-test", {FILE: TEST})
    containers = {} if no_docker(service) else _containers(ours)
    with _server(service) as url:
        times = in_turn({**_sides(ours, url), **containers}, repeats)
    rows = [ratio(what, times, side, "up", target) for side, (what, target) in EMBEDDED.items()]
    if not containers:
        return [*rows, not_measured(TUNED, TARGET_DOCKER)]
    return [
        *rows,
        ratio("a tuned container / a server already up", times, "docker", "up"),
        ratio(TUNED, times, "docker", "as it comes", TARGET_DOCKER),
    ]


def _sides(ours: Service, url: str) -> Mapping[str, Side]:
    def embedded_first() -> float:
        # The cached cluster lies among the temporary files.
        with tempfile.TemporaryDirectory(prefix="tpgen-benchmark-") as folder:
            Path(folder).chmod(0o755)
            return ours.pytest("--postgres=embedded", FILE, TMPDIR=folder).first_test

    return {
        "up": lambda: ours.pytest(f"--postgres={url}", FILE).first_test,
        "embedded": lambda: ours.pytest("--postgres=embedded", FILE).first_test,
        "embedded first": embedded_first,
    }


def _containers(ours: Service) -> Mapping[str, Side]:
    conftest = (ours.path / "tests/conftest.py").read_text() + AS_IT_COMES
    as_it_comes = ours.copy("first-test-as-it-comes", {"tests/conftest.py": conftest})
    return {
        "docker": lambda: ours.pytest("--postgres=docker", FILE).first_test,
        "as it comes": lambda: as_it_comes.pytest(FILE).first_test,
    }


@contextmanager
def _server(service: Service) -> Iterator[str]:
    """A server that is up before pytest begins: the embedded one, until its command ends."""
    command = ["python", "-m", "pytest_tpgen.postgres", "sh", "-c", "echo $DATABASE_URL; read x"]
    with service.start(*command, TEST_POSTGRES="embedded") as process:
        assert process.stdin and process.stdout
        said = ""
        for line in process.stdout:
            said += line
            if line.startswith("postgresql://"):
                yield line.strip()
                process.stdin.close()
                process.wait(30)
                return
    raise BenchmarkFailed(f"no embedded server:\n{said[-2000:]}")
