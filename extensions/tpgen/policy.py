"""The policy that a service holds: what `policy.toml` says, and the kinds of its components."""

import posixpath
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn

from .errors import Misuse
from .service import POLICY

COMMANDS = {"check", "completion", "drift", "exemptions", "explain", "gate", "undo", "update"}
READERS = ("source", "route", "model")


@dataclass(frozen=True)
class Kind:
    """A sort of component, as `[kinds.NAME]` describes it.

    Attributes:
        name: what the command is called.
        help: what a component is, in a few words: "a step of the pipeline".
        tests: test file, relative to the service, to the skeleton that gives it; both may hold
            `{name}`.
        reads: what tpgen learns of a component: its "source", a "route" or a "model".
        sources: where components are, relative to the package; the first one holding `{name}` is
            where a new one belongs.
        methods: what the class of a component has.
        source: the skeleton of a start of the component; none where tpgen writes none.
    """

    name: str
    help: str
    tests: Mapping[str, str]
    reads: str = "source"
    sources: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    source: str = ""


def read(root: Path) -> Mapping[str, Any]:
    """All that the policy of a service says, as it stands there.

    Raises:
        Misuse: it can't be read.
    """
    return _Document(root).content


def named_layers(root: Path) -> set[str]:
    """The layers that plain `pytest` leaves out: who wants them says so."""
    tables = read(root).get("layers", {})
    return {name for name, table in tables.items() if not table.get("by_default", True)}


def kinds(root: Path) -> dict[str, Kind]:
    """The kinds of a service, by name.

    Raises:
        Misuse: the policy can't be read; the sentence names line, table and key.
    """
    document = _Document(root)
    tables = document.content.get("kinds", {})
    if not isinstance(tables, dict):
        document.refuse("kinds", None, "is no table")
    return {name: _kind(name, table, document) for name, table in tables.items()}


def adds_only_kinds(before: bytes, after: bytes) -> bool:
    """Whether a `policy.toml` keeps its numbers and kinds, and only has kinds more.

    Args:
        before: as the template made it.
        after: as it is now; what can't be read keeps nothing.
    """
    try:
        old, new = tomllib.loads(before.decode()), tomllib.loads(after.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError):
        return False
    known = old.get("kinds", {})
    kept = {name: one for name, one in new.get("kinds", {}).items() if name in known}
    return {**new, "kinds": kept} == {**old, "kinds": known}


@dataclass
class _Document:
    root: Path
    text: str = field(init=False)
    content: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        try:
            self.text = (self.root / POLICY).read_text(encoding="utf-8")
            self.content = tomllib.loads(self.text)
        except (OSError, UnicodeDecodeError) as error:
            raise Misuse(f"{POLICY} can't be read: {error}; {RESTORE}") from None
        except tomllib.TOMLDecodeError as error:
            if "\n<<<<<<< " in self.text:
                raise Misuse(
                    f"{POLICY} is in conflict since an update: choose what is right between <<< "
                    "and >>>, then `git add` it"
                ) from None
            raise Misuse(f"{POLICY} is no TOML: {error}; {RESTORE}") from None

    def refuse(self, table: str, key: str | None, reason: str) -> NoReturn:
        what = f"key `{key}` of [{table}]" if key else f"[{table}]"
        raise Misuse(f"{POLICY}:{self._line(table, key)}: {what} {reason}; {RESTORE}")

    def _line(self, table: str, key: str | None) -> int:
        """The line of a table's header, or of a key below it."""
        names = r"\s*\.\s*".join(rf"[\"']?{re.escape(part)}[\"']?" for part in table.split("."))
        header = re.search(rf"^\s*\[\s*{names}\s*\]", self.text, re.MULTILINE)
        start = header.end() if header else 0
        if key:
            quoted = rf"^\s*[\"']?{re.escape(key)}[\"']?\s*="
            found = re.compile(quoted, re.MULTILINE).search(self.text, start)
            start = found.end() if found else start
        return self.text.count("\n", 0, start) + 1


RESTORE = "correct it, or bring it back with `git checkout HEAD -- tests/policy`"


def _kind(name: str, table: object, document: _Document) -> Kind:
    where = f"kinds.{name}"
    if not re.fullmatch(r"[a-z][a-z0-9_-]*", name) or name in COMMANDS:
        document.refuse(where, None, "is no name for a kind: small letters, and no command's name")
    if not isinstance(table, dict):
        document.refuse("kinds", name, "is no table")
    known = {one.name for one in fields(Kind)} - {"name"}
    for key in table:
        if key not in known:
            near = get_close_matches(key, known, 1)
            document.refuse(where, key, "is unknown" + (f"; is it `{near[0]}`?" if near else ""))
    _require_text(where, table, document)
    _require_lists(where, table, document)
    _require_tests(where, table, document)
    if table.get("reads", "source") not in READERS:
        document.refuse(where, "reads", f"is none of {', '.join(READERS)}")
    lists = {key: tuple(table.get(key, ())) for key in ("sources", "methods")}
    return Kind(**{**table, **lists, "name": name})


def _require_text(where: str, table: Mapping[str, Any], document: _Document) -> None:
    for key in ("help", "reads", "source"):
        if key in table and not (isinstance(table[key], str) and table[key]):
            document.refuse(where, key, "is no text")
    if "help" not in table:
        document.refuse(where, None, "lacks the key `help`, which says what a component is")
    if table.get("reads", "source") == "source" and not table.get("sources"):
        document.refuse(where, None, "lacks the key `sources`, which says where components are")


def _require_lists(where: str, table: Mapping[str, Any], document: _Document) -> None:
    for key in ("sources", "methods"):
        value = table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            document.refuse(where, key, "is no list of texts")
    for pattern in table.get("sources", []):
        _require_holes(where, "sources", pattern, document)
        if not pattern.endswith(".py"):
            document.refuse(where, "sources", f"names no Python file: {pattern!r}")
        if _leaves(pattern):
            document.refuse(where, "sources", f"leads out of the package: {pattern}")


def _require_tests(where: str, table: Mapping[str, Any], document: _Document) -> None:
    tests = table.get("tests")
    if not isinstance(tests, dict) or not tests:
        document.refuse(where, None, "lacks the table `tests`, which says what to write")
    known: dict[str, str] = {}
    for path, skeleton in tests.items():
        if not isinstance(skeleton, str) or not skeleton:
            document.refuse(f"{where}.tests", path, "names no skeleton")
        _require_holes(f"{where}.tests", path, path, document)
        if not path.endswith(".py"):
            document.refuse(f"{where}.tests", path, "is no Python file: let it end in .py")
        if _leaves(path) or not path.startswith("tests/") or path.startswith("tests/policy/"):
            document.refuse(f"{where}.tests", path, "is no place of yours in tests/")
        same = known.setdefault(posixpath.normpath(path), path)
        if same != path:
            document.refuse(f"{where}.tests", path, f"is the same file as {same}: keep one")


def _require_holes(where: str, key: str, text: str, document: _Document) -> None:
    for hole in re.findall(r"\{([^}]*)\}?", text):
        if hole != "name":
            document.refuse(where, key, f"has a hole {{{hole}}}, and only {{name}} is filled")


def _leaves(path: str) -> bool:
    return path.startswith(("/", "~")) or ".." in path.split("/")
