"""The cache of a check: what the rules that look at one file alone found in a content."""

import hashlib
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import astuple
from pathlib import Path
from typing import Any

import tpgen
from tpgen.core import files
from tpgen.core.errors import UserError
from tpgen.core.finding import Finding
from tpgen.core.service import POLICY
from tpgen.core.settings import WHERE

from .project import Project
from .rule import FileRule

PATH = files.FOLDER / "cache/check.json"
# The packages that decide what is found.
CODE = ("core", "source", "check", "rules")

# The hash of a content, and what was found in it.
Entry = tuple[str, list[Any]]


class Cache:
    """The findings of the last check, by path and content.

    A cache that is broken, or that another version, policy or setting wrote, is empty. Whatever
    can't be written is not cached.
    """

    def __init__(self, project: Project, rules: Iterable[FileRule]) -> None:
        self.root = project.root
        self.key = _key(project.root, [rule.code for rule in rules])
        self.entries: Mapping[str, Any] = {}
        # One that somebody committed could hide findings.
        if PATH.as_posix() not in project.files:
            with suppress(OSError, ValueError, TypeError, KeyError, RecursionError):
                content = json.loads((self.root / PATH).read_bytes())
                self.entries = dict(content["entries"]) if content["key"] == self.key else {}

    def get(self, path: str, content_hash: str) -> list[Finding] | None:
        """Return what was found in a file; None if that is not known."""
        try:
            known, found = self.entries[path]
            return [Finding(*fields) for fields in found] if known == content_hash else None
        except (KeyError, ValueError, TypeError, AttributeError):
            return None

    def save(self, new: Mapping[str, Entry], paths: Sequence[str]) -> None:
        """Add entries, and drop those of files that are not among all `paths` of the project."""
        kept = {path: self.entries[path] for path in paths if path in self.entries} | dict(new)
        if kept != self.entries:
            # A folder may be read-only, or a link that leads out of the project.
            with suppress(OSError, UserError):
                _write(self.root, json.dumps({"key": self.key, "entries": kept}))


def packed(content_hash: str, found: Sequence[Finding]) -> Entry:
    """Return the entry of a file, whose findings have no edits."""
    return content_hash, [astuple(finding)[:-2] for finding in found]


def _key(root: Path, codes: Sequence[str]) -> str:
    """Return what changes with the tool, Python, the policy, the settings and the rules."""
    home = Path(tpgen.__file__).parent
    sources = [path for part in CODE for path in sorted((home / part).rglob("*.py"))]
    known = hashlib.sha256(repr((sys.version, codes)).encode())
    for path in [*sources, root / WHERE, root / POLICY]:
        with suppress(OSError):
            known.update(hashlib.sha256(path.read_bytes()).digest())
        known.update(b"\0")
    return known.hexdigest()


def _write(root: Path, text: str) -> None:
    """Replace the file at once: another check may read it, or write it, at the same time."""
    target = files.check(root, PATH)
    target.parent.mkdir(parents=True, exist_ok=True)
    ignored = root / files.FOLDER / ".gitignore"
    if not ignored.exists():
        ignored.write_text("*\n", encoding="utf-8")
    spare = target.with_name(f"{target.name}.{os.getpid()}")
    try:
        spare.write_text(text, encoding="utf-8")
        os.replace(spare, target)
    finally:
        spare.unlink(missing_ok=True)
