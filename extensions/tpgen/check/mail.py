"""Find mail addresses in a text."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

RESERVED = re.compile(
    r"(?:.+\.)?(?:example\.(?:com|org|net|edu)|example|test|invalid|localhost|local)|"
    r"users\.noreply\.github\.com"
)
FREE = re.compile(
    r"(?:gmail|googlemail|hotmail|outlook|live|yahoo|ymail|icloud|protonmail|proton|aol|gmx|msn)"
    r"\.(?:com?\.)?[a-z]{2,3}|(?:me|mac|qq|163)\.com|web\.de|mail\.ru|yandex\.(?:ru|com)"
)
# Other endings are of files and attributes: `icon@2x.png`, `left@self.weight`.
_ENDINGS = (
    "com org net edu gov mil int info biz name pro dev app xyz cloud tech online site shop store "
    "email group company team work world news agency digital solutions"
)
ENDINGS = frozenset(_ENDINGS.split())
NO_COUNTRIES = {"py", "so", "md", "js", "ts", "gz", "sh", "rs", "cc"}
ADDRESS = re.compile(
    r"(?:(?<=mailto:)|(?<![\w.+/:%-]))(?P<local>[A-Za-z0-9][\w.%+-]{0,63})"
    r"@(?P<domain>(?:[A-Za-z0-9-]{1,63}\.){1,6}(?P<ending>[A-Za-z]{2,24}))(?![\w(:/-]|\.\w)"
)
# Users of SSH, and what GitHub shows instead of an address.
NOBODY = {"git@github.com", "git@gitlab.com", "git@bitbucket.org", "noreply@github.com"}
ANYBODY = re.compile(
    r"(?:tests?|tester|user|username|foo|bar|baz|hello|info|no-?reply|admin|me|you|"
    r"some(?:one|body)|example|sample|demo|dummy|fake|bogus|spam|[a-z]|(?:my|your|some)?[._-]?(?:e?mail|name))"
    r"[._-]?\d{0,3}",
    re.IGNORECASE,
)
# The leading comments or the docstring of a file.
HEADER = re.compile(
    r"(?:\s++|(?:#|//|--|;|%|\.\. ).*\n|/\*[\s\S]*?\*/|<!--[\s\S]*?-->|"
    r"[rR]?\"\"\"[\s\S]*?\"\"\"|[rR]?'''[\s\S]*?''')*+"
)
CREDIT = re.compile(
    r"copyright|©|\(c\)|licen[cs]e|authors?\b|maintain|written by|contributed|spdx", re.IGNORECASE
)
CREDIT_LINE = re.compile(
    r"[^\w\"']*(?:__author__|(?:copyright|authors?|maintainers?|signed-off-by)\b(?!\s*=))",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Address:
    """A mail address: its line and column, counted from 1, and its two halves."""

    line: int
    column: int
    local: str
    domain: str

    @property
    def is_free(self) -> bool:
        """Return whether it is a person's at a provider where anybody gets an address."""
        is_person = not ANYBODY.fullmatch(self.local)
        return is_person and FREE.fullmatch(self.domain.lower()) is not None

    @property
    def is_reserved(self) -> bool:
        """Return whether its domain is reserved for examples and tests."""
        return RESERVED.fullmatch(self.domain.lower()) is not None


def addresses(text: str) -> Iterator[Address]:
    """Yield the mail addresses of a text, except those that credit an author."""
    header = HEADER.match(text)
    credited = header[0].count("\n") if header and CREDIT.search(header[0]) else 0
    for number, line in enumerate(text.split("\n"), 1):
        if "@" not in line or number <= credited or CREDIT_LINE.match(line):
            continue
        for found in ADDRESS.finditer(line):
            ending = found["ending"].lower()
            is_country = len(ending) == 2 and ending not in NO_COUNTRIES
            if (is_country or ending in ENDINGS) and found[0] not in NOBODY:
                yield Address(number, found.start() + 1, found["local"], found["domain"])
