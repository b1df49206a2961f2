"""TPG403: a live key, however it is written."""

import re
import secrets
from collections.abc import Iterator
from functools import lru_cache

from tpgen.check.contents import packed
from tpgen.check.disguises import undone
from tpgen.check.file import File, Unreadable
from tpgen.check.keys import Key, keys
from tpgen.check.places import is_python
from tpgen.check.project import ANSWERS, Project
from tpgen.check.rule import FileRule
from tpgen.check.runs import has_run, near_runs
from tpgen.check.strings import texts
from tpgen.core.finding import Finding

# Where none of these stands, no key is put together from literals. The first of each is looked for
# first, since it is in few files.
PIECES = (
    (
        b"live",
        b"_live_' _live_{ _live_% _live_\\ 'live_ _live' 'live' -live- }_live %s_live".split(),
    ),
    (b"evil", b"'evil_ _evil_ _evil'".split()),
    (b"AKIA", b"AKIA' AKIA{".split()),
    (b"ghp_", b"ghp_' ghp_{".split()),
    (b"_pat_", b"_pat_' _pat_{".split()),
    (b"sk-", b"'sk- sk-' sk-ant-' sk-proj-' sk-{".split()),
    (b"glpat-", b"glpat-'".split()),
    (b"npm_", b"npm_'".split()),
    (b"[::-1]", b"'[::-1]".split()),
    (b"rot13", b"rot13".split()),
    (b"bytes([", tuple(b"bytes([%d" % digit for digit in range(10))),
    (b"b64decode(", (b"decode('", b"decode(b'", b"decode(\n")),
    (b"b32decode(", (b"decode('", b"decode(b'", b"decode(\n")),
    (b"85decode(", (b"decode('", b"decode(b'", b"decode(\n")),
    (b"(chr, ", (b"(chr, [", b"(chr, (")),
    (b"\\x1f\\x8b", (b"\\x1f\\x8b",)),
)
# Of these, what is decoded needs no letters and digits in a row.
RUNLESS = {b"bytes([", b"(chr, ", b"85decode(", b"\\x1f\\x8b"}
SHORTEST = 12


def check(file: File) -> Iterator[Finding]:
    """Each live key once, where it is first seen."""
    seen: set[tuple[int, str]] = set()
    texts: set[str] = set()
    for key, how in _all(file):
        # What stands there plainly is often read a second time, undone or put together.
        if (key.line, key.kind) not in seen and not (how and key.text in texts):
            seen.add((key.line, key.kind))
            texts.add(key.text)
            yield file.finding(
                key.line,
                f"{key.kind} stands here ({key.shown}{how}): revoke it, since whoever has the "
                "repository has it, and use a test key or one made at run time",
            )


def _all(file: File) -> Iterator[tuple[Key, str]]:
    own = _own_prefixes(file.project)
    yield from ((Key(1, key.kind, key.text), ", in the file's name") for key in _named(file, own))
    yield from ((key, "") for key in keys(file.data, own))
    for how, data, line in undone(file.data):
        for key in keys(data, own):
            yield Key(line or key.line, key.kind, key.text), f", {how}"
    for part in packed(file.data):
        line = file.data.count(b"\n", 0, part.offset) + 1
        for key in keys(part.data, own):
            yield Key(line, key.kind, key.text), f", inside {part.path}"
    if is_python(file.path):
        yield from ((key, ", put together") for key in _folded(file, own))


def _named(file: File, own: tuple[str, ...]) -> Iterator[Key]:
    path = file.path.encode(errors="replace")
    return keys(path, own) if b"_live_" in path or has_run(path) else iter(())


def _folded(file: File, own: tuple[str, ...]) -> Iterator[Key]:
    if not _has_pieces(file.data):
        return
    try:
        for node, text in texts(file):
            found = keys(text.encode(errors="replace"), own) if len(text) >= SHORTEST else ()
            for key in found:
                yield Key(node.lineno + key.line - 1, key.kind, key.text)
    except Unreadable:
        # Another rule tells; the text itself was looked at.
        return


def _has_pieces(data: bytes) -> bool:
    near = near_runs(data)
    for first, rest in PIECES:
        if first not in (data if first in RUNLESS else near):
            continue
        at = data.find(first)
        while at >= 0:
            around = data[max(0, at - 4) : at + 14].replace(b'"', b"'")
            if any(one in around for one in rest):
                return True
            at = data.find(first, at + 1)
    return False


@lru_cache(maxsize=1)
def _own_prefixes(project: Project) -> tuple[str, ...]:
    """The prefix of the service's keys, as it was answered."""
    file = project.file(ANSWERS)
    found = (
        re.search(r"^key_prefix:\s*[\"']?([a-z][a-z0-9]*)", file.text, re.MULTILINE)
        if file
        else None
    )
    return (found[1],) if found else ()


def _key(mode: str) -> str:
    """A key that never was one."""
    return f"tp_{mode}_{secrets.token_hex(16)}"


def _bad() -> dict[str, str | bytes]:
    return {"tests/unit/test_client.py": f'KEY = "{_key("live")}"\n'}


def _good() -> dict[str, str | bytes]:
    return {"tests/unit/test_client.py": f'KEY = "{_key("test")}"\n'}


RULE = FileRule(
    code="TPG403",
    name="live-key",
    section="Data: no real API keys anywhere in tests; tp_test_xxx is fine, live keys never",
    why="A key in a repository is in each of its clones for ever, and in every log of a test that "
    "fails. gitleaks lets some through: in archives, in lock files, in pieces, where a comment "
    "allows it.",
    fix="Revoke the key first, then take it out. A test takes a test key, or makes one at run time "
    "(`secrets.token_hex()`); a real one comes from the environment.",
    applies=lambda path: True,
    check=check,
    bad=_bad,
    good=_good,
)
