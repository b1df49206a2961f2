"""The settings of pytest and coverage in their files, before a change and now."""

import configparser
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tpgen.core import settings

from .diff import Diff

PYTEST = (
    *("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini", settings.WHERE),
    *("tox.ini", "setup.cfg"),
)
COVERAGE = (".coveragerc", "setup.cfg", "tox.ini", settings.WHERE)
# The settings that decide which lines coverage counts.
COUNTED = ("source", "include", "omit", "exclude", "partial", "plugins")


def pytest_options(root: Path, diff: Diff) -> Iterator[tuple[str, list[str], list[str]]]:
    """Yield the files that hold `addopts`, each with the options before the change and now."""
    for path in sorted({*PYTEST} & diff.touched):
        before, now = (_options(path, text) for text in _texts(root, diff, path))
        yield path, before, now


def edits_coverage(root: Path, diff: Diff) -> bool:
    """Return whether a change edits which lines coverage counts."""
    for path in {*COVERAGE} & diff.touched:
        before, now = (_counted(path, text) for text in _texts(root, diff, path))
        if before != now:
            return True
    return False


def _texts(root: Path, diff: Diff, path: str) -> tuple[str, str]:
    place = root / path
    return diff.before(path), place.read_text("utf-8", "replace") if place.is_file() else ""


def _options(path: str, text: str) -> list[str]:
    sections = _sections(path, text)
    known = [sections.get(name, {}) for name in ("pytest", "tool:pytest")]
    tool = sections.get("tool", {}).get("pytest", {})
    for table in (*known, tool, tool.get("ini_options", {})):
        if given := table.get("addopts"):
            words = shlex.split(given) if isinstance(given, str) else [*given]
            # The value of a short option may be the next word.
            return [" ".join(words[n : n + 1 + (w in ("-m", "-k"))]) for n, w in enumerate(words)]
    return []


def _counted(path: str, text: str) -> dict[str, Any]:
    sections = _sections(path, text)
    found: dict[str, Any] = {}
    for name in ("run", "report"):
        stated = [sections.get(name, {}), sections.get(f"coverage:{name}", {})]
        stated.append(sections.get("tool", {}).get("coverage", {}).get(name, {}))
        for table in stated:
            found |= {f"{name}:{key}": table[key] for key in table if key.startswith(COUNTED)}
    return found


def _sections(path: str, text: str) -> Mapping[str, Any]:
    """Return the tables of a TOML file, or the sections of an INI file; empty if it has errors."""
    if path.endswith(".toml"):
        return settings.tables(text)
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
    try:
        parser.read_string(text)
    except configparser.Error:
        return {}
    return {name: dict(parser[name]) for name in parser.sections()}
