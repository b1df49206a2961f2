"""What live keys look like: formats, each found by a few bytes before any pattern is tried."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from .runs import near_runs

# Words that make a key an obvious placeholder.
PLACEHOLDERS = re.compile(
    r"example|your|placeholder|redacted|change_?me|replace|dummy|insert|x{4}|\.\.\.|\*\*\*",
    re.IGNORECASE,
)
AZURITE = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq"
# Beginnings that are a key's wherever they stand.
OWN_PREFIXES = {"sk", "rk", "pk", "tp"}
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


SPOKEN = {
    "a private key": "-----BEGIN …",
    "the password of a database": "…:…@",
    "a password": "…",
}


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


# A JWK's private part; RSA keys without their first line, as they begin in base64 and as bytes.
OF_JWK = ('"d":', "'d':")
HEADLESS = ("IBAAKB", "IBAAKC", "IBADANBgkqhkiG9w0BAQEFAASC")
DER = re.compile(rb"0(?:\x82..|\x81.|.)\x02\x01\0(?:\x02[\x81\x82]|0.\x06[\x03-\x09])", re.DOTALL)


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
    _format("an npm token", "npm_", WORD + r"npm_(?P<body>[A-Za-z0-9]{36})(?![A-Za-z0-9])"),
    _format("a PyPI token", "pypi-AgE", r"pypi-AgE(?P<body>[\w-]{50,})"),
    _format("a SendGrid key", "SG.", WORD + r"SG\.(?P<body>[\w-]{20,24}\.[\w-]{39,50})(?![\w-])"),
    _format("a Twilio key", "SK", WORD + r"SK(?P<body>[0-9a-f]{32})(?![A-Za-z0-9])"),
    _format("an Azure storage key", "AccountKey=", r"AccountKey=(?P<body>[A-Za-z0-9+/]{86}==)"),
    _format("a Hugging Face token", "hf_", WORD + r"hf_(?P<body>[A-Za-z0-9]{34})(?![A-Za-z0-9])"),
    _format("a DigitalOcean token", "dop_v1_", r"dop_v1_(?P<body>[0-9a-f]{64})"),
    _format("a Shopify token", "shpat_", r"shpat_(?P<body>[0-9a-fA-F]{32})"),
    _format("a Docker token", "dckr_pat_", r"dckr_pat_(?P<body>[\w-]{27})"),
    _format("a Vault token", "hvs.", WORD + r"hvs\.(?P<body>[\w-]{90,})"),
    _format("an age key", "AGE-SECRET-KEY-1", r"AGE-SECRET-KEY-1(?P<body>[0-9A-Z]{58})"),
    _format("a Linear key", "lin_api_", WORD + r"lin_api_(?P<body>[A-Za-z0-9]{40})"),
    _format("a Sentry token", "sntrys_", WORD + r"sntrys_(?P<body>[A-Za-z0-9+/=_-]{60,})"),
    _format("a Databricks token", "dapi", WORD + r"dapi(?P<body>[0-9a-f]{32})(?![A-Za-z0-9])"),
    _format("a Notion token", "ntn_", WORD + r"ntn_(?P<body>[A-Za-z0-9]{40,50})(?![A-Za-z0-9])"),
    _format("a webhook's secret", "whsec_", WORD + r"whsec_(?P<body>[A-Za-z0-9+/]{32,})"),
    _format("a Mollie key", "live_", WORD + r"live_(?P<body>[A-Za-z0-9]{30})(?![A-Za-z0-9_-])"),
    _format("a Flutterwave key", "FLWSECK-", WORD + r"FLWSECK-(?P<body>[0-9a-z]{32})-X"),
    _format("a Mailgun key", "key-", WORD + r"key-(?P<body>[0-9a-f]{32})(?![A-Za-z0-9-])"),
    _format("a Telegram token", ":AA", r":AA(?<=[1-9]\d{7}:AA)(?P<body>[\w-]{33})(?![\w-])"),
    _format(
        "a private key",
        "Private-Lines:",
        r"Private-Lines: \d+\r?\n(?P<body>[A-Za-z0-9+/=]{40,})",
    ),
    *(
        _format("a private key", mark, mark + r"\s{0,4}[\"'](?P<body>[\w-]{43,})")
        for mark in OF_JWK
    ),
    *(
        _format(
            "a private key",
            mark,
            rf"{mark}(?<=MII[A-Za-z0-9+/]{{3}}{mark})(?P<body>[A-Za-z0-9+/]{{30,}})",
        )
        for mark in HEADLESS
    ),
)
# The others have a run of 16 letters and digits.
RUNLESS = (
    _format("a Google key", "AIza", WORD + r"AIza(?P<body>[\w-]{35})(?![\w-])"),
    _format("a GitLab token", "glpat-", WORD + r"glpat-(?P<body>[\w-]{20,})"),
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
MARKED = tuple((form.bytes, form) for form in FORMATS)
HOST = r"(?P<host>[A-Za-z0-9.-]{4,200})"
LOGINS = (
    _format(
        "the password of a database",
        "host=",
        rf"host={HOST}(?=\s)[^\n\"']{{0,200}}?\bpassword=(?P<body>[^\s:\"'<>{{}}$;]{{6,128}})",
    ),
    *(
        _format(
            "the password of a database",
            name,
            rf"{name}(?:tcp:)?{HOST}[,;][^\n\"']{{0,200}}?(?i:password|pwd)="
            r"(?P<body>[^\s\"'<>{}$;]{6,128})",
        )
        for name in ("Server=", "SERVER=")
    ),
    _format(
        "a password",
        "machine ",
        rf"machine\s{{1,8}}{HOST}\s{{1,8}}login\s{{1,8}}\S{{1,80}}\s{{1,8}}password\s{{1,8}}"
        r"(?P<body>[^\s<>{}$]{6,128})",
    ),
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
    if data.startswith(b"0") and DER.match(data):
        yield Key(1, "a private key", "")
    own_marker, url = b"_live_" in data, b"://" in data and b"@" in data
    near = near_runs(data)
    forms = [form for mark, form in MARKED if mark in near]
    forms += [form for form in RUNLESS if form.bytes in data]
    is_told = b"assword" in data or b"wd=" in data or b"WD=" in data
    logins = [form for form in LOGINS if form.bytes in data] if is_told else []
    if not (own_marker or url or forms or logins):
        return
    text = data.decode("utf-8", errors="replace")
    if own_marker:
        yield from _own(text, {*OWN_PREFIXES, *own})
    for form in [PASSWORD, *logins] if url else logins:
        yield from _passwords(text, form)
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
        if is_placeholder(body) or body.startswith(AZURITE) or not _is_mixed(form, body):
            continue
        if _has_company(form, text, found.start()):
            yield _key(text, found, form)


def _has_company(form: Format, text: str, at: int) -> bool:
    """Whether what must stand elsewhere does: of a JWK its kind, and no first line twice."""
    if form.marker in OF_JWK:
        return "kty" in text
    return form.marker not in HEADLESS or "KEY-----" not in text[max(0, at - 60) : at]


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


def _passwords(text: str, form: Format) -> Iterator[Key]:
    for found in _matches(text, form):
        body, host = found["body"], found["host"].lower()
        if LOCAL.fullmatch(host) or body.lower() in COMMON_PASSWORDS or is_placeholder(body):
            continue
        before = text[max(0, found.start() - 40) : found.start()]
        if looks_random(body) and (form is not PASSWORD or SCHEME.search(before)):
            yield _key(text, found, form)


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
