"""Use a server that the user names by URL: only if it is safe, and leave it unchanged."""

import getpass
import os
import re
import socket
from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
from dotenv import dotenv_values
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from . import lease
from .differences import look
from .image import Image
from .server import PostgresUnavailable, Server, administer, database_prefix


class Place(NamedTuple):
    """The database that a URL names, comparable with that of a URL that is written differently."""

    host: str
    port: int
    database: str

    def __str__(self) -> str:
        return f"{self.host or 'the local socket'}:{self.port}/{self.database}"


def start(url: str, image: Image, trusted: Sequence[str], root: Path) -> Server:
    """Connect to a server of the person's.

    Args:
        url: any `postgresql://` or `postgresql+driver://` URL.
        image: the policy's, which the server is compared with.
        trusted: hosts that need not be local, and `DATABASE_URL` for the service's own.
        root: the folder of the service, whose `.env` is read.

    Raises:
        PostgresUnavailable: refused before any connection, or nothing answers there.
    """
    place = the_place(url)
    refuse_unsafe(place, trusted, root)
    url = plain(url, place)
    try:
        seen = look(url)
        may_create = administer(url, _may_create)
    except PostgresUnavailable as error:
        raise PostgresUnavailable(f"{place}: {error}") from error
    if not may_create:
        raise PostgresUnavailable(
            f"{place}: this role may not create databases; ALTER ROLE … CREATEDB, or take another."
        )
    run = lease.take()

    def stop() -> None:
        administer(url, lambda c: _drop(c, database_prefix(run.id)))
        run.release()

    administer(url, _drop_left_behind)
    return Server(
        url=url,
        source=f"given, {place}",
        version=seen.version,
        prefix=database_prefix(run.id),
        stop=stop,
        differences=seen.differences(image),
    )


def the_place(url: str) -> Place:
    """Return the one server that a URL names; the environment provides the parts that it lacks.

    Raises:
        PostgresUnavailable: it names none or several, or has other parameters.
    """
    parsed = _parsed(url)
    _user(parsed)
    places = set(_places(parsed))
    if more := ", ".join(sorted(set(parsed.query) - {"host", "port"})):
        raise PostgresUnavailable(
            f"--postgres: leave {more} out of the URL, where drivers read it differently; "
            "PGSSLMODE and the like say it to all of them."
        )
    if len(places) != 1:
        raise PostgresUnavailable("--postgres names more than one server; name one.")
    place = places.pop()
    # Nothing that one driver may take for a host, and another for something else.
    if not re.fullmatch(r"/.*|[a-z0-9._:-]*", place.host):
        raise PostgresUnavailable(f"--postgres: {place.host} is no name of a host.")
    return place


def plain(url: str, place: Place) -> str:
    """Return the URL with its host in one place, so that every driver connects to what was checked."""
    parsed = _parsed(url)
    named: dict[str, Any] = {"host": place.host, "port": place.port}
    if not place.host or place.host.startswith("/"):
        query = {name: str(value) for name, value in named.items() if value}
        named = {"query": query}
    written = URL.create(
        "postgresql", parsed.username, parsed.password, database=parsed.database, **named
    )
    return written.render_as_string(hide_password=False)


def refuse_unsafe(place: Place, trusted: Sequence[str], root: Path) -> None:
    """Refuse a server that may hold real data, unless it is trusted by name.

    Raises:
        PostgresUnavailable: the host is not local, or this is the service's own database.
    """
    if not _is_local(place.host) and place.host not in map(_normal, trusted):
        raise PostgresUnavailable(
            f"--postgres names {place.host}, which is not this machine. If its data may be lost, "
            f"say so by name: --trust-postgres {place.host}"
        )
    if _comparable(place) in own_places(root) and "DATABASE_URL" not in trusted:
        raise PostgresUnavailable(
            "--postgres is the service's own DATABASE_URL. Name another database, or, if you "
            "mean it: --trust-postgres DATABASE_URL"
        )


def own_places(root: Path) -> set[Place]:
    """Return the databases of the service's own `DATABASE_URL`, by the environment and `.env`."""
    places: set[Place] = set()
    stated = [*os.environ.items()]
    for folder in (Path(), root):
        stated += [(name, value or "") for name, value in dotenv_values(folder / ".env").items()]
    for name, value in stated:
        if name.upper() == "DATABASE_URL" and value:
            places |= set(_own(value))
    return places


def _own(url: str) -> Iterator[Place]:
    try:
        yield from (_comparable(place) for place in _places(_parsed(url)))
    except PostgresUnavailable:
        return


def _comparable(place: Place) -> Place:
    """Return the place with one name for all names of this machine."""
    here = _is_local(place.host) or place.host in {"0.0.0.0", "::", _normal(socket.gethostname())}
    return place._replace(host="localhost") if here else place


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise PostgresUnavailable("--postgres is no URL that can be read.") from None
    if parsed.get_backend_name() not in {"postgresql", "postgres"}:
        raise PostgresUnavailable(f"--postgres {parsed.drivername}://… is no PostgreSQL URL.")
    return parsed


def _places(url: URL) -> Iterator[Place]:
    """Yield each place that a driver may connect to; the environment provides what the URL lacks."""
    named = [url.host or "", *_listed(url, "host")]
    ports = [str(url.port or ""), *_listed(url, "port")]
    database = url.database or os.environ.get("PGDATABASE") or _user(url)
    for one in _stated(named, "PGHOST", ""):
        host, port = _without_port(one)
        for number in [port] if port else _stated(ports, "PGPORT", "5432"):
            if not number.isdigit():
                raise PostgresUnavailable(f"--postgres: {number} is no port.")
            yield Place(_normal(host), int(number), database)


def _user(url: URL) -> str:
    """Return the user that a URL names, else the one that drivers take.

    Raises:
        PostgresUnavailable: the user id has no name, as in a container that runs with `--user`.
    """
    if user := url.username or os.environ.get("PGUSER"):
        return user
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        raise PostgresUnavailable(
            "--postgres: the URL names no user, and this user id has no name: write "
            "postgresql://NAME@…, or set PGUSER."
        ) from None


def _stated(values: Sequence[str], variable: str, default: str) -> Sequence[str]:
    """Return the values that are not empty, else those of the environment, else the default."""
    known = [value for value in values if value]
    return known or os.environ.get(variable, default).split(",")


def _listed(url: URL, name: str) -> list[str]:
    value = url.query.get(name, ())
    values = [value] if isinstance(value, str) else value
    return [part for one in values for part in one.split(",")]


def _without_port(host: str) -> tuple[str, str]:
    found = re.fullmatch(r"\[(.*)\](?::(.*))?|([^/:]+):([^:]*)", host)
    return (found[1] or found[3], found[2] or found[4] or "") if found else (host, "")


def _normal(host: str) -> str:
    """Return the usual spelling of a host; an address as the system's resolver reads it."""
    host = re.sub("%2f", "/", host, flags=re.IGNORECASE)
    if host.startswith("/"):
        return host
    try:
        return str(ip_address(socket.inet_aton(host)))
    except OSError:
        return host.lower().removesuffix(".")


def _is_local(host: str) -> bool:
    if host in {"", "localhost"} or host.startswith("/"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


async def _may_create(connection: asyncpg.Connection) -> bool:
    may_create: bool = await connection.fetchval(
        "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"
    )
    return may_create


async def _names(connection: asyncpg.Connection, prefix: str) -> list[str]:
    """Return the databases that begin with the prefix and that this role may drop."""
    rows = await connection.fetch(
        "SELECT datname FROM pg_database"
        " WHERE starts_with(datname, $1) AND pg_has_role(datdba, 'USAGE')",
        prefix,
    )
    return [row["datname"] for row in rows]


async def _drop(connection: asyncpg.Connection, prefix: str) -> None:
    """Drop the databases that begin with the prefix, also if they are in use."""
    for name in await _names(connection, prefix):
        await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


async def _drop_left_behind(connection: asyncpg.Connection) -> None:
    """Drop the databases of killed runs of this machine; runs of others may be alive."""
    mine = f"tpgen_{lease.host()}_"
    runs = {name.removeprefix(mine).split("_")[0] for name in await _names(connection, mine)}
    for run in runs:
        if not lease.is_alive(run):
            await _drop(connection, database_prefix(run))
