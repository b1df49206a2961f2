"""The settings of a project: `[tool.tpgen]` of `pyproject.toml`."""

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from .errors import Misuse

WHERE = "pyproject.toml"
KEYS = ("app", "exclude", "exempt", "exemptions", "public", "refusal")
EXEMPT_KEYS = {"case", "reason", "issue", "until"}
EXAMPLE = "TestCreateAgent.test_two_at_once_give_one_audit_event", "why it does not apply"


@dataclass(frozen=True)
class Settings:
    """The settings of a project.

    Attributes:
        text: of the whole file.
        table: `[tool.tpgen]`.
    """

    text: str
    table: Mapping[str, Any]

    @property
    def app(self) -> str:
        """The app, as `module:name`; empty if it is not stated.

        Raises:
            Misuse: it is something else.
        """
        given = self.table.get("app", "")
        if not isinstance(given, str) or (given and not re.fullmatch(r"[\w.]+:\w+", given)):
            raise Misuse(f'{WHERE}: `app` of [tool.tpgen] must name it: app = "shop.main:app"')
        return given

    @property
    def exclude(self) -> list[str]:
        """Patterns of the files that are not the project's own.

        Raises:
            Misuse: they are not a list of texts.
        """
        given = self.table.get("exclude", [])
        if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
            raise Misuse(
                f'{WHERE}: `exclude` of [tool.tpgen] must be a list: exclude = ["vendored/**"]'
            )
        return given

    @property
    def exempt(self) -> list[Mapping[str, Any]]:
        """The required cases that do not apply: tables with `case` and `reason`.

        They may have `issue` too, and `until`, the last day.

        Raises:
            Misuse: a table has other keys, or a key that is not a text.
        """
        tables = self.table.get("exempt", [])
        if not isinstance(tables, list) or not all(map(_is_exemption, tables)):
            raise Misuse(
                f"{WHERE}: each [[tool.tpgen.exempt]] needs `case` and `reason`, may have "
                f"`issue` and `until` (a date), and nothing else:\n\n{exemption(*EXAMPLE)}"
            )
        return tables

    @property
    def exemptions(self) -> list[tuple[Any, int]]:
        """The tables of the exemptions, as they stand there, each with its line."""
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
    """Return the settings of a project; empty ones if it has none.

    Raises:
        Misuse: `pyproject.toml` can't be read, or `[tool.tpgen]` has an unknown key.
    """
    try:
        text = (root / WHERE).read_text(encoding="utf-8")
        tool = tomllib.loads(text).get("tool", {})
    except FileNotFoundError:
        return Settings("", {})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Misuse(f"{WHERE} can't be read: {error}; correct it first") from None
    table = tool.get("tpgen", {}) if isinstance(tool, dict) else {}
    if not isinstance(table, dict):
        raise Misuse(f"{WHERE}: [tool.tpgen] must be a table: write its keys below that header")
    for key in table:
        if key not in KEYS:
            near = get_close_matches(key, KEYS, 1)
            hint = f"is it `{near[0]}`?" if near else f"the keys are {', '.join(KEYS)}"
            raise Misuse(f"{WHERE}: [tool.tpgen] has the unknown key `{key}`; {hint}")
    found = Settings(text, table)
    _ = found.exempt
    return found


def _is_exemption(table: object) -> bool:
    """Return whether a table is what the engine takes for an exempt case."""
    if not isinstance(table, dict) or not {"case", "reason"} <= table.keys() <= EXEMPT_KEYS:
        return False
    day = table.get("until")
    texts = [text for key, text in table.items() if key != "until"]
    is_text = all(isinstance(text, str) and text.strip() for text in texts)
    is_day = day is None or (isinstance(day, date) and not isinstance(day, datetime))
    return is_text and is_day and "." in table["case"]
