"""What live keys look like: formats, each found by a few bytes before any pattern is tried."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from .contents import has_long_run

# Words that make a key an obvious placeholder.
PLACEHOLDERS = re.compile(
    r"example|your|placeholder|redacted|change_?me|replace|dummy|insert|x{4}|\.\.\.|\*\*\*",
    re.IGNORECASE,
)
AZURITE = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq"
# Beginnings that are a key's wherever they stand.
OWN_PREFIXES = {"sk", "rk", "pk", "tp"}
SHORT = 2000
WORD = r"(?<![A-Za-z0-9_-])"


@dataclass(frozen=True)
class Key:
    """A live key in a text.

    Attributes:
        line: where it begins, counted from 1.
        kind: whose it is.
        text: the whole of it; never to be shown.
    """

    line: int
    kind: str
    text: str

    @property
    def shown(self) -> str:
        """Its first characters, which say no secret."""
        if self.kind in SPOKEN:
            return SPOKEN[self.kind]
        head = re.match(r"[A-Za-z]+[_-](?:live_)?|.{0,4}", self.text)
        return f"{head[0] if head else ''}…"


SPOKEN = {"a private key": "-----BEGIN …", "the password of a database": "://…:…@"}


@dataclass(frozen=True)
class Format:
    """How the keys of one kind look: the marker that each begins with, and the whole."""

    kind: str
    marker: str
    pattern: re.Pattern[str]

    @cached_property
    def bytes(self) -> bytes:
        """The marker, as it is looked for."""
        return self.marker.encode()


def _format(kind: str, marker: str, pattern: str, flags: int = 0) -> Format:
    return Format(kind, marker, re.compile(pattern, flags))


# `body` is what must not be a placeholder.
OWN = _format(
    "a live key",
    "_live_",
    r"(?<![A-Za-z0-9])[a-z][a-z0-9]{1,15}_live_(?P<body>[A-Za-z0-9_-]{8,})",
)
FORMATS = (
    _format("an AWS access key", "AKIA", WORD + r"AKIA(?P<body>[A-Z0-9]{16})(?![A-Za-z0-9])"),
    _format("an AWS access key", "ASIA", WORD + r"ASIA(?P<body>[A-Z0-9]{16})(?![A-Za-z0-9])"),
    *(
        _format(
            "an AWS secret key",
            name,
            name + r"[\"']?\s{0,4}[=:]\s{0,4}[\"']?(?P<body>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+])",
        )
        for name in ("ecret_access_key", "ECRET_ACCESS_KEY", "ecretAccessKey", "ecretaccesskey")
    ),
    *(
        _format("a GitHub token", name, WORD + name + r"(?P<body>[A-Za-z0-9]{36,255})")
        for name in ("ghp_", "gho_", "ghu_", "ghs_", "ghr_")
    ),
    _format("a GitHub token", "github_pat_", r"github_pat_(?P<body>[A-Za-z0-9_]{60,})"),
    _format("an OpenAI key", "sk-", WORD + r"sk-(?:proj|svcacct|admin)-(?P<body>[\w-]{20,})"),
    _format("an OpenAI key", "sk-", WORD + r"sk-(?P<body>[A-Za-z0-9]{40,60})(?![A-Za-z0-9])"),
    _format("an Anthropic key", "sk-ant-", WORD + r"sk-ant-(?P<body>[\w-]{20,})"),
    _format("an OpenRouter key", "sk-or-", WORD + r"sk-or-v1-(?P<body>[0-9a-f]{64})"),
    _format("a Slack token", "xox", WORD + r"xox[abeoprs]-(?P<body>[0-9A-Za-z-]{20,})"),
    _format(
        "a Slack webhook",
        "hooks.slack.com",
        r"hooks\.slack\.com/services/(?P<body>T\w{6,}/B\w{6,}/\w{20,})",
    ),
    _format("a Google key", "AIza", WORD + r"AIza(?P<body>[\w-]{35})(?![\w-])"),
    _format("a GitLab token", "glpat-", WORD + r"glpat-(?P<body>[\w-]{20,})"),
    _format("an npm token", "npm_", WORD + r"npm_(?P<body>[A-Za-z0-9]{36})(?![A-Za-z0-9])"),
    _format("a PyPI token", "pypi-AgE", r"pypi-AgE(?P<body>[\w-]{50,})"),
    _format("a SendGrid key", "SG.", WORD + r"SG\.(?P<body>[\w-]{20,24}\.[\w-]{39,50})(?![\w-])"),
    _format("a Twilio key", "SK", WORD + r"SK(?P<body>[0-9a-f]{32})(?![A-Za-z0-9])"),
    _format("an Azure storage key", "AccountKey=", r"AccountKey=(?P<body>[A-Za-z0-9+/]{86}==)"),
    _format("a Hugging Face token", "hf_", WORD + r"hf_(?P<body>[A-Za-z0-9]{34})(?![A-Za-z0-9])"),
    _format("a DigitalOcean token", "dop_v1_", r"dop_v1_(?P<body>[0-9a-f]{64})"),
    _format("a Shopify token", "shpat_", r"shpat_(?P<body>[0-9a-fA-F]{32})"),
    _format("a Docker token", "dckr_pat_", r"dckr_pat_(?P<body>[\w-]{27})"),
    _format(
        "a private key",
        "-----BEGIN ",
        r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----"
        r"(?:\\r|\\n|[\s\"'+,>|\\]){1,40}"
        r"(?:(?:Proc-Type|DEK-Info|Version|Comment)[^\n\\]{0,80}(?:\\n|\s){1,8}){0,3}"
        r"(?P<body>[A-Za-z0-9+/=]{60,})",
    ),
)
PASSWORD = _format(
    "the password of a database",
    "://",
    r"://[^\s:/@\"'<>{}$]{0,64}:(?P<body>[^\s:/@\"'<>{}$]{6,128})@(?P<host>[A-Za-z0-9.-]{4,200})",
)
SCHEME = re.compile(
    r"(?<![A-Za-z0-9])(?:postgres|postgresql|mysql|mariadb|mssql|oracle|mongodb|redis|rediss|amqp|"
    r"amqps|clickhouse|cockroachdb)(?:\+\w{2,20})?$"
)
LOCAL = re.compile(
    r"localhost|127\..*|[\d.]+|[^.]+|(?:.*\.)?(?:example\.(?:com|org|net)|example|test|invalid|local"
    r"|localhost|internal|localdomain)\.?"
)
COMMON_PASSWORDS = {"password", "passwd", "secret", "postgres", "mysecretpassword", "tiger", "test"}


def keys(data: bytes, own: Iterable[str] = ()) -> Iterator[Key]:
    """The live keys in some bytes, as they stand there.

    Args:
        data: text, or whatever else may hold some.
        own: beginnings of the project's own keys, such as `tp`, after which any body counts.
    """
    own_marker, url = b"_live_" in data, b"://" in data and b"@" in data
    # Most files hold no run of characters as long as a key's: no format is tried on those.
    is_long = len(data) < SHORT or b"AKIA" in data or has_long_run(data)
    forms = [form for form in FORMATS if form.bytes in data] if is_long else []
    if not (own_marker or url or forms):
        return
    text = data.decode("utf-8", errors="replace")
    if own_marker:
        yield from _own(text, {*OWN_PREFIXES, *own})
    if url:
        yield from _passwords(text)
    for form in forms:
        yield from _found(text, form)


def _own(text: str, own: set[str]) -> Iterator[Key]:
    for found in OWN.pattern.finditer(text):
        prefix, body = found[0].split("_live_", 1)
        if is_placeholder(body):
            continue
        if prefix in own or looks_random(body):
            yield _key(text, found, OWN)


def _found(text: str, form: Format) -> Iterator[Key]:
    for found in _matches(text, form):
        body = found["body"]
        if not is_placeholder(body) and not body.startswith(AZURITE) and _is_mixed(form, body):
            yield _key(text, found, form)


def _matches(text: str, form: Format) -> Iterator[re.Match[str]]:
    """Where a format matches; `find` is faster than a pattern that begins with a look behind."""
    at = text.find(form.marker)
    while at >= 0:
        if found := form.pattern.match(text, at):
            yield found
        at = text.find(form.marker, at + 1)


def _key(text: str, found: re.Match[str], form: Format) -> Key:
    return Key(text.count("\n", 0, found.start()) + 1, form.kind, found[0])


def _is_mixed(form: Format, body: str) -> bool:
    """A body of one sort of characters is a word, or a row of zeros."""
    return any(map(str.isdigit, body)) or len(set(body)) > 12


def _passwords(text: str) -> Iterator[Key]:
    for found in _matches(text, PASSWORD):
        body, host = found["body"], found["host"].lower()
        if LOCAL.fullmatch(host) or body.lower() in COMMON_PASSWORDS or is_placeholder(body):
            continue
        if looks_random(body) and SCHEME.search(text[max(0, found.start() - 40) : found.start()]):
            yield _key(text, found, PASSWORD)


def looks_random(body: str) -> bool:
    """Whether a text is no words: letters with digits in one piece, or a long piece of letters."""
    pieces = [piece for piece in re.split(r"[_-]", body) if piece]
    return any(_is_random_piece(piece) for piece in pieces)


def _is_random_piece(piece: str) -> bool:
    digits = sum(map(str.isdigit, piece))
    if len(piece) < 8:
        return False
    if digits and digits < len(piece):
        # `server2` and `python3` are names; digits among the letters are not.
        return re.search(r"\d.*[A-Za-z]", piece) is not None or digits > 3
    return len(piece) >= 16 and len(set(piece)) > 8


def is_placeholder(body: str) -> bool:
    """Whether a text says that a key belongs there."""
    return len(set(body)) <= 3 or PLACEHOLDERS.search(body) is not None
