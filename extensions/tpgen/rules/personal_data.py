"""TPG401: something of a real person in tests or in what they read."""

import re
import secrets
from bisect import bisect_left
from collections.abc import Iterator

from tpgen.check.contents import packed
from tpgen.check.file import File
from tpgen.check.personal import Person, people
from tpgen.check.places import is_python, is_test_path
from tpgen.check.rule import FileRule
from tpgen.core.finding import Finding

AT = (b"%40", b"\\u0040", b"&#64;", b"=40")
SPOKEN_AT = re.compile(rb" ?[(\[]at[)\]] ?")
SPOKEN_DOT = re.compile(rb"[(\[]dot[)\]]|&#46;")
READABLE = bytes(one if 32 <= one < 127 else 10 for one in range(256))
NO_TEXT = (".patch", ".diff", ".min.js", ".map", ".svg", ".po")


def check(file: File) -> Iterator[Finding]:
    """What belongs to people, each kind once a line."""
    seen = set()
    for line, found, where in _all(file):
        if (line, found.what) not in seen:
            seen.add((line, found.what))
            yield file.finding(
                line,
                f"this looks like {found.what} of a real person{where}: let Faker or a factory "
                "make one, or take one that was published for tests",
            )


def _all(file: File) -> Iterator[tuple[int, Person, str]]:
    if file.path.endswith(NO_TEXT):
        return
    data, is_binary = _text(file.data)
    code = is_python(file.path)
    ends: list[int] | None = None
    for found in people(data, is_code=code or is_binary):
        if ends is None:
            text = (file.data if is_binary else data).decode("utf-8", errors="replace")
            ends = [end.start() for end in re.finditer("\n", text)]
        yield bisect_left(ends, found.offset) + 1, found, ""
    for part in packed(file.data):
        line = file.data.count(b"\n", 0, part.offset) + 1
        plain, is_binary = _text(part.data)
        for found in people(plain, is_code=is_binary):
            yield line, found, f" (inside {part.path})"


def _text(data: bytes) -> tuple[bytes, bool]:
    """A text as UTF-8, and whether it is what can be read of something that is none."""
    if b"\0" in data[:1000]:
        plain = data.replace(b"\0", b"")
        if len(plain) * 2 > len(data) + 4:
            return data.translate(READABLE), True
        data = plain
    if b"40" in data or b"&#64;" in data:
        for way in AT:
            data = data.replace(way, b"@")
    if b"(at)" in data or b"[at]" in data:
        data = SPOKEN_DOT.sub(b".", SPOKEN_AT.sub(b"@", data))
    return data, False


def _address() -> str:
    """A mail address of nobody, at a provider where anybody has one."""
    return f"jane.{secrets.token_hex(6)}@{'.'.join(_provider())}"


def _provider() -> list[str]:
    return ["gmail", "com"]


def _bad() -> dict[str, str | bytes]:
    return {"tests/fixtures/people.json": f'[{{"email": "{_address()}"}}]\n'}


RULE = FileRule(
    code="TPG401",
    name="personal-data",
    section="Data: no real PII in fixtures; use Faker",
    why="What belongs to a real person is copied to every clone, every log and every snapshot, "
    "and can't be taken back.",
    fix="Let Faker or a factory make it. Where a fixed value is needed: example.com, the test "
    "cards of your payment provider.",
    applies=is_test_path,
    check=check,
    bad=_bad,
    good={
        "tests/fixtures/people.json": '[{"email": "jane@example.com", "card": "4242 4242 4242 4242"}]\n'
    },
)
