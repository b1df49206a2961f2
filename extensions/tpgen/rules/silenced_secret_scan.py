"""TPG405: a comment, an entry or a setting that keeps gitleaks from reporting a key."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from tpgen.check.file import File
from tpgen.check.gitleaks import faults, key_prefix
from tpgen.check.rule import FileRule
from tpgen.core.finding import Finding

# Split, so that gitleaks does not skip these lines.
ALLOW = "gitleaks:" + "allow"
WORDS = (b"gitleaks", b"GITLEAKS_CONFIG")
PROSE = (".md", ".rst", ".txt")
SETTINGS = (".yml", ".yaml", ".env", ".sh", ".mk", ".toml", ".ini", ".cfg", ".envrc")
NAMES = ("Makefile", "justfile", "Dockerfile", "Jenkinsfile")
OTHER_CONFIG = re.compile(
    r"GITLEAKS_CONFIG(?:_TOML)?[ \t]*[:?]?[=:][ \t]*[\"']?(?!\.gitleaks\.toml[\"']?(?:\s|$))[^\s\"']"
)
SKIPPED = re.compile(r"\bSKIP[ \t]*[:=][ \t]*[\"']?[\w, -]{0,200}\bgitleaks\b")


def check(file: File) -> Iterator[Finding]:
    """Yield each comment, entry and setting that may hide a secret."""
    name = PurePosixPath(file.path).name
    if name == ".gitleaks.toml":
        yield from _configuration(file)
    elif name != ".gitleaksignore" and not any(word in file.data for word in WORDS):
        return
    for number, line in enumerate(file.lines, 1):
        if message := _fault(file.path, name, line):
            yield file.finding(number, message)


def _configuration(file: File) -> Iterator[Finding]:
    for message, near in faults(file.text, key_prefix(file.project)):
        numbers = [number for number, line in enumerate(file.lines, 1) if near in line]
        yield file.finding(numbers[0] if numbers else 1, message)


def _fault(path: str, name: str, line: str) -> str:
    """Return what a line does to the scan; empty if nothing."""
    # Documentation names the comment as code.
    said = re.sub(r"`[^`]*`", "", line) if path.endswith(PROSE) else line
    text = line.strip()
    if ALLOW in said:
        return "the comment hides any secret in this line: remove it, and the secret with it"
    if not text or text.startswith("#"):
        return ""
    if name == ".gitleaksignore":
        return (
            "gitleaks skips this secret forever: revoke it, remove it from the history, and "
            "remove this line"
        )
    if not (name.endswith(SETTINGS) or name in NAMES or name.startswith(".env")):
        return ""
    if OTHER_CONFIG.search(line):
        return (
            "GITLEAKS_CONFIG replaces .gitleaks.toml by another file: change .gitleaks.toml "
            "itself, where reviewers see it"
        )
    return "the hook gitleaks is skipped here: let it run" if SKIPPED.search(line) else ""


RULE = FileRule(
    code="TPG405",
    name="silenced-secret-scan",
    section="Data: gitleaks scans tests/ too; a committed live key will block CI",
    why="gitleaks reports nothing about what it was told to skip: the check stays green over a "
    "live key. The template owns `.gitleaks.toml`; tpgen knows a few forms of it that cannot hide "
    "a live key, and reports any other.",
    fix="Remove the comment, the entry or the setting, and the secret that it hid. Test keys get "
    "a pattern of their own in `.gitleaks.toml` (`^tp_test_[A-Za-z0-9_-]*$`), never a folder; a "
    "key that was revoked gets its commit and its file; a rule of your own gets an id that starts "
    "with `own-`.",
    applies=lambda path: True,
    reads_project=True,
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
