"""The settings of a project: `[tool.tpgen]` of `pyproject.toml`."""

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from .errors import UserError

WHERE = "pyproject.toml"
KEYS = ("app", "areas", "exclude", "exempt", "exemptions", "public", "refusal")
EXCLUSION = 'path = "vendor/**"\nreason = "why these files are not the project\'s own"'
EXAMPLE = "TestCreateAgent.test_two_at_once_give_one_audit_event", "why it does not apply"


@dataclass(frozen=True)
class Exclusion:
    """Files that no rule looks at, and why: in `path`, `*` stays within a folder, `**` does not."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path} ({self.reason})"


@dataclass(frozen=True)
class Settings:
    """The settings of a project: the text of the whole file, and the table `[tool.tpgen]`."""

    text: str
    table: Mapping[str, Any]

    @property
    def app(self) -> str:
        """Return the app, as `module:name`; empty if it is not stated."""
        given = self.table.get("app", "")
        if not isinstance(given, str) or (given and not re.fullmatch(r"[\w.]+:\w+", given)):
            raise UserError(f'{WHERE}: `app` of [tool.tpgen] must name it: app = "shop.main:app"')
        return given

    @property
    def areas(self) -> Mapping[str, list[str]]:
        """Return the files that the service adds to the areas of the policy, as patterns.

        Raises:
            UserError: it is something else.
        """
        given = self.table.get("areas", {})
        lists = [*given.values()] if isinstance(given, dict) else [None]
        if not all(
            isinstance(each, list) and all(isinstance(text, str) for text in each) for each in lists
        ):
            raise UserError(
                f"{WHERE}: [tool.tpgen.areas] must hold lists of patterns, such as "
                'database = ["storage/**"]'
            )
        return dict(given)

    @property
    def exclude(self) -> list[Exclusion]:
        """Return the files that no rule looks at."""
        tables = self.table.get("exclude", [])
        if isinstance(tables, list) and all(_has(table, {"path", "reason"}) for table in tables):
            return [Exclusion(**table) for table in tables]
        raise UserError(
            f"{WHERE}: each exclusion of [tool.tpgen] is a table with `path` and `reason`; write "
            "below the other keys of [tool.tpgen], in place of `exclude`, for each path:\n\n"
            f"[[tool.tpgen.exclude]]\n{EXCLUSION}"
        )

    @property
    def exempt(self) -> list[Mapping[str, Any]]:
        """Return the tables of the required cases that do not apply."""
        tables = self.table.get("exempt", [])
        if not isinstance(tables, list) or not all(map(_is_exemption, tables)):
            raise UserError(
                f"{WHERE}: each [[tool.tpgen.exempt]] needs `case` and `reason`, may have "
                f"`issue` and `until` (a date), and nothing else:\n\n{exemption(*EXAMPLE)}"
            )
        return tables

    @property
    def exemptions(self) -> list[tuple[Any, int]]:
        """Return the tables of the exemptions, as they stand there, each with its line."""
        tables = self.table.get("exemptions", [])
        headers = re.finditer(
            r"^[ \t]*\[\[\s*tool\s*\.\s*tpgen\s*\.\s*exemptions\s*\]\]", self.text, re.MULTILINE
        )
        lines = [self.text.count("\n", 0, found.start()) + 1 for found in headers]
        if not isinstance(tables, list) or len(lines) < len(tables):
            lines = [1] * len(tables)
        return [(table, line) for table, line in zip(tables, lines, strict=False)]


def exemption(case: str, reason: str) -> str:
    """Return the lines of pyproject.toml that exempt a required case."""
    return f"[[tool.tpgen.exempt]]\ncase = {json.dumps(case)}\nreason = {json.dumps(reason)}"


def read(root: Path) -> Settings:
    """Return the settings of a project; empty ones if it has none."""
    try:
        text = (root / WHERE).read_text(encoding="utf-8")
    except FileNotFoundError:
        return Settings("", {})
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{WHERE} can't be read: {error}; correct it first") from None
    return parse(text)


def tables(text: str) -> Mapping[str, Any]:
    """Return the tables of an earlier pyproject.toml or policy.toml; none if it is not TOML."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return {}


def parse(text: str) -> Settings:
    """Return the settings in the text of a pyproject.toml."""
    try:
        tool = tomllib.loads(text).get("tool", {})
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{WHERE} can't be read: {error}; correct it first") from None
    table = tool.get("tpgen", {}) if isinstance(tool, dict) else {}
    if not isinstance(table, dict):
        raise UserError(f"{WHERE}: [tool.tpgen] must be a table: write its keys below that header")
    for key in table:
        if key not in KEYS:
            known = ", ".join(KEYS)
            raise UserError(
                f"{WHERE}: [tool.tpgen] has the unknown key `{key}`; the keys are {known}"
            )
    found = Settings(text, table)
    _ = found.exempt
    return found


def _has(table: object, keys: set[str], more: str = "") -> bool:
    """Return whether a table has texts for these keys, and for no other; but one more may be."""
    if not isinstance(table, dict) or not keys <= table.keys() <= {*keys, more}:
        return False
    return all(isinstance(text, str) and text.strip() for text in table.values())


def _is_exemption(table: object) -> bool:
    if not isinstance(table, dict):
        return False
    texts = {key: value for key, value in table.items() if key != "until"}
    is_complete = _has(texts, {"case", "reason"}, "issue") and "." in texts["case"]
    # A `datetime` is a `date` too.
    return is_complete and type(table.get("until", date.max)) is date
