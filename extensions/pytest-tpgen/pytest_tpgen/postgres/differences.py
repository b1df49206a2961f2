"""Compare a server with the policy's image, and say which source has what a test misses."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import asyncpg

from . import installs
from .image import Image
from .installs import Install
from .server import Server, administer

# Named first in a list that is cut off, for they are asked for most.
_WANTED_MOST = ("uuid-ossp", "pgcrypto", "citext", "pg_trgm", "hstore", "vector")
_EXTENSION = re.compile(
    r'extension "([^"]+)" is not available|extension control file ".*/([^/"]+)\.control"'
)
_COLLATION = re.compile(
    r'collation "([^"]+)" (?:for encoding "[^"]+" )?does not exist'
    r"|ICU is not supported in this build"
    r'|could not create locale "([^"]+)"'
)


@dataclass(frozen=True)
class Capabilities:
    """What a running server can do.

    Attributes:
        version: as `SHOW server_version` gives it, such as `15.18`.
        sorts_by_code_point: whether `ORDER BY` puts all capitals before all small letters.
        knows_unicode: whether `lower` and `ILIKE` know more letters than ASCII's.
        has_icu: whether it has the collations of ICU, such as `en-x-icu`.
        extensions: those that it can create.
    """

    version: str
    sorts_by_code_point: bool
    knows_unicode: bool
    has_icu: bool
    extensions: frozenset[str]

    def differences(self, image: Image) -> str:
        """Return how it differs from a server of the image, for a person; empty if it does not."""
        found = ", ".join(self._differences(image))
        return f"unlike {image}: {found}" if found else ""

    def _differences(self, image: Image) -> Iterator[str]:
        if image.major and int(self.version.split(".")[0]) != image.major:
            yield f"version {self.version} instead of {image.major}"
        if self.sorts_by_code_point != image.sorts_by_code_point:
            how = "by code point" if self.sorts_by_code_point else "by language"
            yield f"text sorted {how}"
        if not self.knows_unicode:
            yield "lower() and ILIKE for ASCII only"
        if not self.has_icu:
            yield "no ICU collations"
        if missing := image.extensions - self.extensions:
            yield f"without the extension{'s' * (len(missing) > 1)} {_some(missing)}"


def look(url: str) -> Capabilities:
    """Ask a server what it can do.

    Raises:
        PostgresUnavailable: it does not answer.
    """

    async def ask(connection: asyncpg.Connection) -> Capabilities:
        version, by_code_point, knows_unicode, has_icu, extensions = await connection.fetchrow(
            "SELECT current_setting('server_version'), 'apple' > 'Banana', lower('É') = 'é',"
            " EXISTS (SELECT FROM pg_collation WHERE collname = 'en-x-icu'),"
            " ARRAY(SELECT name::text FROM pg_available_extensions)"
        )
        known = frozenset(extensions)
        return Capabilities(version.split()[0], by_code_point, knows_unicode, has_icu, known)

    return administer(url, ask)


def explain(error: BaseException, server: Server, image: Image) -> str | None:
    """Return one sentence if something failed because the server lacks it, with who has it.

    Args:
        error: what a test or a migration raised, with its causes.
        server: of the run.
        image: the policy's.
    """
    for text in map(str, _chain(error)):
        if found := _EXTENSION.search(text):
            name = found[1] or found[2]
            return f"{_name(server)} lacks the extension {name}; {_extension(name, server, image)}"
        if found := _COLLATION.search(text):
            name = found[1] or found[2] or "of ICU"
            return f"{_name(server)} lacks the collation {name}; {_collation(name, server, image)}"
    return None


def _name(server: Server) -> str:
    return f"PostgreSQL {server.version}, {server.source},"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _extension(name: str, server: Server, image: Image) -> str:
    sources = _sources(
        server, image, name in image.extensions, lambda install: name in install.extensions
    )
    without = " (gen_random_uuid() needs no extension)" if name == "uuid-ossp" else ""
    if sources:
        return f"it is in {sources}{without}"
    return (
        "no source here has it: name an image that has it as [postgres] image in "
        f"tests/policy/policy.toml{without}"
    )


def _collation(name: str, server: Server, image: Image) -> str:
    if name.endswith("-x-icu") or name == "of ICU":
        sources = _sources(server, image, True, lambda install: install.has_icu)
        return f"it is in {sources}" if sources else "no source here has it"
    if name.startswith("en_US"):
        return (
            f"it is in the image {image} (--postgres docker), and on a machine that has this "
            "locale (Debian and Ubuntu: `locale-gen en_US.UTF-8`)"
        )
    return (
        "the image has no such locale either: name a collation of ICU, such as "
        f'"{name[:2].lower()}-x-icu"'
    )


def _sources(server: Server, image: Image, image_has: bool, has: Callable[[Install], bool]) -> str:
    """Return the other sources that have something, with the option that chooses each."""
    names = []
    if image_has and not server.source.startswith("Docker"):
        names.append(f"the image {image} (--postgres docker)")
    for option, found in (("local", installs.local()), ("embedded", installs.wheels())):
        # The one that the option starts.
        install = installs.best(found, image)
        if install and has(install) and str(install) != server.source:
            names.append(f"PostgreSQL {install.major}, {install} (--postgres {option})")
    return _and(names) if names else ""


def _some(extensions: Iterable[str]) -> str:
    """Return up to four names, the most wanted first."""
    rest = set(extensions)
    names = [name for name in _WANTED_MOST if name in rest]
    names += sorted(rest - set(names))
    more = len(names) - 4
    return f"{', '.join(names[:3])} and {more + 1} others" if more > 0 else _and(names)


def _and(names: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
