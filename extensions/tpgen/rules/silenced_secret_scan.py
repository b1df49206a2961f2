"""TPG405: something that keeps the scan for secrets quiet."""

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import PurePosixPath

from tpgen.check.file import File
from tpgen.check.gitleaks import faults
from tpgen.check.places import is_python
from tpgen.check.rule import FileRule
from tpgen.core.finding import Edit, Finding

# Put together, so that gitleaks does not read these very lines as allowed.
ALLOW = "gitleaks:" + "allow"
MARK = ALLOW.encode()
VARIABLE = b"GITLEAKS_CONFIG"
PROSE = (".md", ".rst", ".txt")
SETTINGS = (".yml", ".yaml", ".env", ".sh", ".mk", ".toml", ".ini", ".cfg", ".envrc")
NAMES = ("Makefile", "justfile", "Dockerfile", "Jenkinsfile")
SET = re.compile(
    r"GITLEAKS_CONFIG(?:_TOML)?[ \t]*(?:=|:=|\?=|:)[ \t]*(?!\$?[\"']{0,2}(?:\.gitleaks\.toml)?"
    r"[\"']{0,2}(?:\s|$))"
)
SKIPPED = re.compile(r"\bSKIP[ \t]*[:=][ \t]*[\"']?[\w, -]{0,200}\bgitleaks\b")
WHOLE = re.compile(rb"[ \t]*#[ \t]*" + MARK + rb"[ \t]*$")


def check(file: File) -> Iterator[Finding]:
    """Comments, lists and settings that let a secret through."""
    name = PurePosixPath(file.path).name
    if MARK in file.data:
        yield from _comments(file)
    if name == ".gitleaksignore":
        yield from _ignored(file)
    elif name in (".gitleaks.toml", "gitleaks.toml"):
        yield from _configured(file)
    elif (VARIABLE in file.data or b"SKIP" in file.data) and _is_setting(name):
        yield from _set(file)


def _comments(file: File) -> Iterator[Finding]:
    offsets = _removable(file)
    for number, line in enumerate(file.lines, 1):
        if ALLOW in line and not _is_told_of(file, line):
            yield file.finding(
                number,
                "the comment hides whatever secret stands in this line: take it out, and the "
                "secret with it",
                column=line.index(ALLOW) + 1,
                edits=offsets.get(number, ()),
            )


def _is_told_of(file: File, line: str) -> bool:
    """Whether documentation speaks of the comment: as code, in a sentence."""
    return file.path.endswith(PROSE) and ALLOW not in re.sub(r"`[^`]*`", "", line)


def _removable(file: File) -> dict[int, tuple[Edit, ...]]:
    """By line, how to take out a comment that says nothing else; in Python alone."""
    if not is_python(file.path) or file.is_cut:
        return {}
    try:
        tokens = list(tokenize.tokenize(io.BytesIO(file.data).readline))
    except (tokenize.TokenError, SyntaxError, ValueError):
        return {}
    lines = [one.start[0] for one in tokens if one.type == tokenize.COMMENT and ALLOW in one.string]
    found = ((number, _edit(file.data, number)) for number in lines)
    return {number: (edit,) for number, edit in found if edit}


def _edit(data: bytes, number: int) -> Edit | None:
    lines = data.split(b"\n")
    start = sum(len(one) + 1 for one in lines[: number - 1])
    line = lines[number - 1].rstrip(b"\r")
    found = WHOLE.search(line)
    if found is None:
        return None
    if found.start() == 0:
        return Edit(start, min(start + len(lines[number - 1]) + 1, len(data)), b"")
    return Edit(start + found.start(), start + len(line), b"")


def _ignored(file: File) -> Iterator[Finding]:
    for number, line in enumerate(file.lines, 1):
        if line.strip() and not line.strip().startswith("#"):
            yield file.finding(
                number,
                "gitleaks passes over this secret for ever: revoke it, take it out of the history, "
                "and take out this line",
            )


def _configured(file: File) -> Iterator[Finding]:
    for fault in faults(file.text, ("tp", "sk")):
        near = [number for number, line in enumerate(file.lines, 1) if fault.near in line]
        lowered = fault.near.lower()
        near += [number for number, line in enumerate(file.lines, 1) if lowered in line.lower()]
        yield file.finding(near[0] if near else 1, fault.message)


def _is_setting(name: str) -> bool:
    return name.endswith(SETTINGS) or name in NAMES or name.startswith(".env")


def _set(file: File) -> Iterator[Finding]:
    for number, line in enumerate(file.lines, 1):
        if line.lstrip().startswith("#"):
            continue
        if SET.search(line):
            yield file.finding(
                number,
                "GITLEAKS_CONFIG puts another configuration in the place of .gitleaks.toml: "
                "change .gitleaks.toml itself, where reviewers see it",
            )
        elif SKIPPED.search(line):
            yield file.finding(number, "gitleaks is skipped here: let it run")


RULE = FileRule(
    code="TPG405",
    name="silenced-secret-scan",
    section="Data: gitleaks scans tests/ too; a committed live key will block CI",
    why="gitleaks says nothing where it is told to be quiet, and nothing about being told: the "
    "check stays green over a live key.",
    fix="Take out the comment, the entry or the setting, and the secret that it hid. What is a "
    "test key gets a pattern of its own in `.gitleaks.toml` (`^tp_test_…$`), never a folder.",
    applies=lambda path: True,
    check=check,
    bad={
        ".gitleaksignore": "tests/unit/test_client.py:generic-api-key:4\n",
        ".gitleaks.toml": "[extend]\nuseDefault = true\n\n[[allowlists]]\npaths = ['^tests/']\n",
        "tests/unit/test_client.py": f'KEY = "tp_test_1"  # {ALLOW}\n',
    },
    good={
        ".gitleaks.toml": "[extend]\nuseDefault = true\n\n"
        "[[allowlists]]\nregexes = ['^tp_test_[A-Za-z0-9_-]*$']\n",
        "tests/unit/test_client.py": 'KEY = "tp_test_1"\n',
    },
)
