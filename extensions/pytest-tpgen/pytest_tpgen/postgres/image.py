"""What the policy's image offers: other sources are compared with it."""

import re
from dataclasses import dataclass

_NAMES = """
amcheck autoinc bloom btree_gin btree_gist citext cube dblink dict_int dict_xsyn earthdistance
file_fdw fuzzystrmatch hstore insert_username intagg intarray isn lo ltree moddatetime pageinspect
pg_buffercache pg_freespacemap pg_prewarm pg_stat_statements pg_trgm pg_visibility pgcrypto
pgrowlocks pgstattuple postgres_fdw refint seg sslinfo tablefunc tcn tsm_system_rows
tsm_system_time unaccent uuid-ossp xml2
"""
# The extensions that the official images of all supported versions have.
CONTRIB = frozenset(_NAMES.split())


@dataclass(frozen=True)
class Image:
    """The policy's Postgres image, such as `postgres:15`."""

    name: str

    @property
    def major(self) -> int | None:
        """The major version that the tag states: 15 for `15.3-alpine` and for `pg15`."""
        found = re.search(r"\bpg(\d+)", self._tag) or re.match(r"(\d+)", self._tag)
        return int(found[1]) if found else None

    @property
    def sorts_by_code_point(self) -> bool:
        """Whether `ORDER BY` ignores the language: Alpine's C library knows no collations."""
        return "alpine" in self._tag

    @property
    def added(self) -> frozenset[str]:
        """The extensions that it has beyond the official image, as far as its name tells."""
        return frozenset({"vector"} if "pgvector" in self.name else ())

    @property
    def extensions(self) -> frozenset[str]:
        """The extensions that it has."""
        return CONTRIB | self.added

    @property
    def _tag(self) -> str:
        """The text after the name: a port may be in the address of the registry."""
        return self.name.rpartition("/")[2].partition("@")[0].partition(":")[2]

    def __str__(self) -> str:
        return self.name
