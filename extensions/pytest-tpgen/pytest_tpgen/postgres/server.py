"""Choose the source of the one server of a run, and define what each source provides."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import asyncpg

from . import lease

T = TypeVar("T")

# Test data need not survive a power cut: durability off.
TUNING = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum": "off",
}


# What asyncpg raises on a connection that something ended; the last one between the server's
# word that it ends it and the end itself.
BROKEN = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
# A host that can't be one is a ValueError, a port an OverflowError.
NO_ANSWER = (*BROKEN, ValueError, OverflowError)


class PostgresUnavailable(Exception):
    """There is no Postgres to test on. The text is one sentence with the next command."""


@dataclass(frozen=True)
class Server:
    """A running Postgres.

    Attributes:
        url: plain `postgresql://` URL; the database it names is connected to, never written to.
        source: where it comes from, as text for the report.
        version: the value of `SHOW server_version`.
        prefix: the beginning of the name of each database that the run creates.
        stop: stops the server, or drops the run's databases on a server named by URL.
    """

    url: str
    source: str
    version: str
    prefix: str
    stop: Callable[[], None]

    def __str__(self) -> str:
        return f"PostgreSQL {self.version}, {self.source}"


def choose_and_start(
    choice: str,
    image: str,
    trusted: Sequence[str] = (),
    say: Callable[[str], None] = print,
    root: Path = Path(),
) -> Server:
    """Start, or connect to, the one Postgres of this run.

    Args:
        choice: `auto`, `docker`, `embedded` or a URL.
        image: the policy's image; the embedded server takes the version nearest to it.
        trusted: what the user allows by name: hosts that are not local, or `DATABASE_URL`.
        say: called with a line to show before something slow.
        root: the folder of the service, whose `.env` names its own database.

    Raises:
        PostgresUnavailable: no server, or one that must not be used.
    """
    from .cleanup import clean_up

    try:
        clean_up()
        return _start(choice, image, trusted, say, root)
    except OSError as error:
        raise PostgresUnavailable(
            f"No place for the state of a run ({error}): make room, or name a folder by TMPDIR."
        ) from error


def _start(
    choice: str, image: str, trusted: Sequence[str], say: Callable[[str], None], root: Path
) -> Server:
    from . import docker, embedded, external

    if "://" in choice:
        return external.start(choice, trusted, root)
    if choice == "docker":
        return docker.start(image, say)
    if choice == "embedded":
        return embedded.start(image)
    if choice != "auto":
        raise PostgresUnavailable(
            f"--postgres {choice}: say auto, docker, embedded or a URL such as "
            "postgresql://postgres@localhost/postgres"
        )
    try:
        return docker.start(image, say)
    except PostgresUnavailable as no_docker:
        try:
            return embedded.start(image)
        except PostgresUnavailable as no_wheel:
            raise PostgresUnavailable(f"{no_docker} Nor embedded: {no_wheel}") from None


def as_options(settings: Mapping[str, str]) -> list[str]:
    """Return settings as options of the `postgres` command."""
    return [f"--{name}={value}" for name, value in settings.items()]


def database_prefix(run: str) -> str:
    """Return the beginning of the names of a run's databases: machine and run."""
    return f"tpgen_{lease.host()}_{run}_"


def administer(url: str, work: Callable[[asyncpg.Connection], Coroutine[Any, Any, T]]) -> T:
    """Run a function on a new connection, also if an event loop is running here.

    Raises:
        PostgresUnavailable: the server does not answer, or is not a Postgres.
    """

    async def connected() -> T:
        try:
            connection = await asyncpg.connect(url, timeout=5)
            try:
                return await work(connection)
            finally:
                await connection.close()
        except NO_ANSWER as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise PostgresUnavailable(f"No Postgres answers there ({reason}).") from error

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, connected()).result()


def version(url: str) -> str:
    """Return the version of the server, such as `15.18`."""
    shown: str = administer(url, lambda c: c.fetchval("SHOW server_version"))
    return shown.split()[0]
