"""One server a run: which of the sources, and what every source gives."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import asyncpg

from . import lease
from .image import Image

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
        source: where it comes from, for a person to read.
        version: as `SHOW server_version` gives it.
        prefix: with what every database that the run makes begins.
        stop: ends the server, or drops what the run made on a server that was given.
        differences: how it differs from a server of the policy's image; empty if it does not.
    """

    url: str
    source: str
    version: str
    prefix: str
    stop: Callable[[], None]
    differences: str = ""

    def keep(self) -> None:
        """Leave the server and its databases to the next run: see `lease.keeps_kept`."""
        lease.mark_kept(self.prefix.split("_")[-2])

    def __str__(self) -> str:
        described = f"PostgreSQL {self.version}, {self.source}"
        return f"{described}; {self.differences}" if self.differences else described


def choose_and_start(
    choice: str,
    image: str,
    trusted: Sequence[str] = (),
    say: Callable[[str], None] = print,
    root: Path = Path(),
) -> Server:
    """Start, or connect to, the one Postgres of this run.

    Args:
        choice: `auto`, `docker`, `local`, `embedded` or a URL.
        image: the policy's image, which the server replaces as well as it can.
        trusted: what the person allows by name: hosts that are not local, or `DATABASE_URL`.
        say: called with a line to show where something takes long.
        root: the folder of the service, whose `.env` names its own database.

    Raises:
        PostgresUnavailable: no server, or one that must not be used.
    """
    from .cleanup import clean_up

    try:
        clean_up()
        return _start(choice, Image(image), trusted, say, root)
    except OSError as error:
        raise PostgresUnavailable(
            f"No place for the state of a run ({error}): make room, or name a folder by TMPDIR."
        ) from error


def _start(
    choice: str, image: Image, trusted: Sequence[str], say: Callable[[str], None], root: Path
) -> Server:
    from . import binaries, docker, external

    if "://" in choice:
        return external.start(choice, image, trusted, root)
    if choice == "docker":
        return docker.start(image.name, say)
    if choice == "local":
        return binaries.local(image)
    if choice == "embedded":
        return binaries.embedded(image)
    if choice != "auto":
        raise PostgresUnavailable(
            f"--postgres {choice}: say auto, docker, local, embedded or a URL such as "
            "postgresql://postgres@localhost/postgres"
        )
    reasons = []
    try:
        return docker.start(image.name, say)
    except docker.NotHere as error:
        reasons.append(str(error))
    except PostgresUnavailable as error:
        reasons.append(str(error))
        say(f"no Docker for the tests: {error}")
    for start in binaries.by_fit(image):
        try:
            return start(image)
        except PostgresUnavailable as error:
            reasons.append(str(error))
    raise PostgresUnavailable(" ".join(reasons))


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
        except asyncpg.PostgresError as error:
            raise PostgresUnavailable(
                f"Postgres refuses ({_short(error)}). {_remedy(error.sqlstate or '')}".rstrip()
            ) from error
        except NO_ANSWER as error:
            raise PostgresUnavailable(
                f"No Postgres answers there ({_short(error)}). Start it, or pass --postgres auto "
                "for a server of the suite's own."
            ) from error

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, connected()).result()


def _short(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _remedy(code: str) -> str:
    """Return what helps against an error of the server, by its SQLSTATE."""
    remedies = {
        "28": "Check the user and the password in the URL, and the server's pg_hba.conf.",
        "3D000": "Name a database that exists, such as `/postgres`, at the end of the URL.",
        "53300": "Close other connections, or raise its max_connections.",
        "57P03": "It is starting or stopping: try again.",
    }
    return remedies.get(code) or remedies.get(code[:2], "")


def version(url: str) -> str:
    """Return the version of the server, such as `15.18`."""
    shown: str = administer(url, lambda c: c.fetchval("SHOW server_version"))
    return shown.split()[0]
