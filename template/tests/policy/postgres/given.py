"""A server that the person names by URL: used only where it is safe, left as it was found."""

import os
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

import asyncpg

from . import lease
from .server import PostgresUnavailable, Server, administer, database_prefix

LOCAL = {"localhost", "127.0.0.1", "::1"}


def start(url: str, trusted: Sequence[str]) -> Server:
    """Connect to a server of the person's.

    Args:
        url: any `postgresql://` or `postgresql+driver://` URL.
        trusted: hosts that need not be local, and `DATABASE_URL` for the service's own.

    Raises:
        PostgresUnavailable: refused before any connection, or nothing answers there.
    """
    url = plain(url)
    refuse_unsafe(url, trusted)
    shown = urlsplit(url)
    where = f"{shown.hostname or _hosts(shown)[0]}{shown.path}"
    try:
        version, may_create = administer(url, _look)
    except PostgresUnavailable as error:
        raise PostgresUnavailable(
            f"{where}: {error} Start it, or say --postgres auto for a server of the suite's own."
        ) from error
    if not may_create:
        raise PostgresUnavailable(
            f"{where}: this role may not create databases; ALTER ROLE … CREATEDB, or take another."
        )
    run = lease.take()

    def stop() -> None:
        administer(url, lambda c: _drop(c, database_prefix(run.id)))
        run.release()

    administer(url, _drop_left_behind)
    return Server(url, f"given, {where}", version, database_prefix(run.id), stop)


def plain(url: str) -> str:
    """The URL without the driver that SQLAlchemy wants named."""
    scheme, rest = url.split("://", 1)
    if scheme.partition("+")[0] not in {"postgresql", "postgres"}:
        raise PostgresUnavailable(f"--postgres {scheme}://… is no PostgreSQL URL.")
    return f"postgresql://{rest}"


def refuse_unsafe(url: str, trusted: Sequence[str]) -> None:
    """Refuse a server that may hold somebody's data, unless it is trusted by name.

    Raises:
        PostgresUnavailable: a host is not local, or the URL is the service's own.
    """
    for host in _hosts(urlsplit(url)):
        if not _is_local(host) and host not in trusted:
            raise PostgresUnavailable(
                f"--postgres names {host}, which is not this machine. If its data may be lost, "
                f"say so by name: --trust-postgres {host}"
            )
    own = own_database_url()
    if own and _place(plain(own)) == _place(url) and "DATABASE_URL" not in trusted:
        raise PostgresUnavailable(
            "--postgres is the service's own DATABASE_URL. Name another database, or, if you "
            "mean it: --trust-postgres DATABASE_URL"
        )


def own_database_url() -> str:
    """The service's own `DATABASE_URL`, from the environment or `.env`; empty where unset."""
    if "DATABASE_URL" in os.environ:
        return os.environ["DATABASE_URL"]
    env = Path(".env")
    for line in env.read_text(errors="replace").splitlines() if env.is_file() else ():
        name, _, value = line.removeprefix("export ").partition("=")
        if name.strip() == "DATABASE_URL":
            return value.strip().strip("'\"")
    return ""


def _hosts(url: SplitResult) -> list[str]:
    """Every host that a driver may connect to: both places of a URL, else the environment."""
    network = url.netloc.rpartition("@")[2]
    named = [_without_port(host) for host in network.split(",") if host]
    query = parse_qs(url.query)
    named += [_without_port(h) for value in query.get("host", []) for h in value.split(",")]
    return named or [os.environ.get("PGHOST", "localhost")]


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return unquote(host).partition(":")[0].lower()


def _is_local(host: str) -> bool:
    return host in LOCAL or host.startswith(("/", "127."))


def _place(url: str) -> tuple[frozenset[str], int, str]:
    """What makes two URLs the same database, however they are written."""
    parts = urlsplit(url)
    hosts = frozenset("localhost" if _is_local(host) else host for host in _hosts(parts))
    return hosts, parts.port or 5432, unquote(parts.path.strip("/"))


async def _look(connection: asyncpg.Connection) -> tuple[str, bool]:
    version: str = await connection.fetchval("SHOW server_version")
    may_create: bool = await connection.fetchval(
        "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"
    )
    return version.split()[0], may_create


async def _drop(connection: asyncpg.Connection, prefix: str) -> None:
    """Drop the databases that begin with the prefix, whoever still uses them."""
    made = await connection.fetch(
        "SELECT datname FROM pg_database WHERE starts_with(datname, $1)", prefix
    )
    for row in made:
        await connection.execute(f'DROP DATABASE IF EXISTS "{row["datname"]}" WITH (FORCE)')


async def _drop_left_behind(connection: asyncpg.Connection) -> None:
    """Drop what this machine's killed runs made here; another machine's may be alive."""
    mine = f"tpgen_{lease.host()}_"
    names = await connection.fetch(
        "SELECT datname FROM pg_database WHERE starts_with(datname, $1)", mine
    )
    runs = {row["datname"].removeprefix(mine).split("_")[0] for row in names}
    for run in runs:
        if not lease.is_alive(run):
            await _drop(connection, database_prefix(run))
