"""Read `policy.toml`: the numbers of a policy, and the kinds of its components."""

import json
import posixpath
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn

from .errors import Misuse
from .service import POLICY

COMMANDS = {
    "census",
    "check",
    "completion",
    "drift",
    "exemptions",
    "explain",
    "gate",
    "new",
    "undo",
    "update",
}
INTROSPECTS = ("source", "route", "model")
SUITES = POLICY.parent / "suites"
LISTS = ("sources", "methods", "suites")
TEXTS = ("help", "introspect", "source", "path", "skeleton")


@dataclass(frozen=True)
class KindTest:
    """A test file of a kind's components: `[[kinds.NAME.tests]]`.

    Attributes:
        path: relative to the service; may hold `{name}`.
        skeleton: the template of the file, below tests/policy/skeletons.
        suites: such as `step.StepSuite`: a module below tests/policy/suites, and a class. A test
            class that inherits from any of them proves the component.
    """

    path: str
    skeleton: str
    suites: tuple[str, ...] = ()

    @property
    def is_shared(self) -> bool:
        """Whether it holds one test class for all components of the kind."""
        return bool(self.suites) and "{name}" not in self.path

    @property
    def suite_names(self) -> list[str]:
        """The names of the classes, without their modules."""
        return [suite.rpartition(".")[2] for suite in self.suites]


@dataclass(frozen=True)
class Kind:
    """A type of component: the table `[kinds.NAME]`.

    Attributes:
        name: of the command.
        help: a short description: "a pipeline step".
        tests: the test files of a component.
        introspect: what tpgen reads about a component: its "source", a "route" or a "model".
        sources: where components are, relative to the package; a new one belongs to the first
            with `{name}`.
        methods: the methods of a component's class.
        source: the skeleton of a new component; empty if tpgen writes none.
    """

    name: str
    help: str
    tests: tuple[KindTest, ...]
    introspect: str = "source"
    sources: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    source: str = ""


def read(root: Path) -> Mapping[str, Any]:
    """Return the content of a service's `policy.toml`.

    Raises:
        Misuse: it can't be read.
    """
    return _Document(root).content


def named_layers(root: Path) -> set[str]:
    """Return the layers that plain `pytest` does not run."""
    tables = read(root).get("layers", {})
    return {name for name, table in tables.items() if not table.get("by_default", True)}


def kinds(root: Path, *, old_form: bool = False) -> dict[str, Kind]:
    """Return the kinds of a service, by name.

    Args:
        root: the service.
        old_form: accept kinds as releases before 0.3 wrote them, which name no suites.

    Raises:
        Misuse: the policy can't be read; the message names line, table and key.
    """
    document = _Document(root)
    tables = document.content.get("kinds", {})
    if not isinstance(tables, dict):
        document.refuse("kinds", None, "must be a table")
    for name, table in tables.items():
        if _is_in_old_form(table) and not old_form:
            document.refuse_old_form(name, table)
    return {
        name: _kind(name, _in_new_form(table) if _is_in_old_form(table) else table, document)
        for name, table in tables.items()
    }


def factories(root: Path) -> Path:
    """Return the file of the factories: the test file of models that needs no suite.

    It is empty if no kind has such a file.
    """
    models = (kind for kind in kinds(root).values() if kind.introspect == "model")
    paths = (test.path for kind in models for test in kind.tests if not test.suites)
    return Path(next(paths, ""))


def adds_only_kinds(before: bytes, after: bytes) -> bool:
    """Return whether a `policy.toml` keeps its numbers and kinds, and only has more kinds.

    Args:
        before: the file of the template.
        after: the file of the service; False if it can't be read.
    """
    try:
        old, new = tomllib.loads(before.decode()), tomllib.loads(after.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError):
        return False
    known = old.get("kinds", {})
    kept = {name: table for name, table in new.get("kinds", {}).items() if name in known}
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
                    f"{POLICY} has conflict markers of an update: choose the right lines between "
                    "<<< and >>>, then `git add` it"
                ) from None
            raise Misuse(f"{POLICY} is not TOML: {error}; {RESTORE}") from None

    def refuse_old_form(self, name: str, table: Mapping[str, Any]) -> NoReturn:
        """Refuse a kind in the form of releases before 0.3, with the new form of its tests."""
        tests = "".join(
            f"  {{ path = {json.dumps(path)}, skeleton = {json.dumps(skeleton)}, suites = [] }},\n"
            for path, skeleton in table["tests"].items()
        )
        reason = "is in the form of releases before 0.3: replace it by the lines below, with the"
        where = f"{POLICY}:{self._line(f'kinds.{name}', None)}: `tests` of [kinds.{name}]"
        raise Misuse(f"{where} {reason} suites of the test classes\n\ntests = [\n{tests}]\n")

    def require_suite(self, table: str, suite: str) -> None:
        """Refuse a suite that does not exist."""
        module, _, name = suite.rpartition(".")
        file = SUITES / f"{module.replace('.', '/')}.py"
        try:
            text = (self.root / file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            text = ""
        if not re.search(rf"^class {re.escape(name)}\b", text, re.MULTILINE):
            self.refuse(table, "suites", f"names {suite!r}, and {file} has no class {name or '?'}")

    def refuse(self, table: str, key: str | None, reason: str) -> NoReturn:
        name, _, number = table.partition("#")
        header = f"[[{name}]]" if number else f"[{name}]"
        what = f"`{key}` of {header}" if key else header
        raise Misuse(f"{POLICY}:{self._line(table, key)}: {what} {reason}; {RESTORE}")

    def _line(self, table: str, key: str | None) -> int:
        """Return the line of a table's header, or of a key below it.

        Args:
            table: its name; `#2` behind it is the second of an array of tables.
            key: of the table.
        """
        dotted, _, number = table.partition("#")
        names = r"\s*\.\s*".join(rf"[\"']?{re.escape(part)}[\"']?" for part in dotted.split("."))
        headers = list(re.finditer(rf"^\s*\[+\s*{names}\s*\]", self.text, re.MULTILINE))
        if number and not headers:
            # Inline tables, such as `tests = [{…}, {…}]`.
            return self._line(*dotted.rsplit(".", 1))
        header = headers[int(number or 1) - 1 :][:1]
        start = header[0].end() if header else 0
        if key:
            quoted = rf"^\s*[\"']?{re.escape(key)}[\"']?\s*="
            found = re.compile(quoted, re.MULTILINE).search(self.text, start)
            start = found.end() if found else start
        return self.text.count("\n", 0, start) + 1


RESTORE = "correct it, or restore it with `git checkout HEAD -- tests/policy`"


def _kind(name: str, table: object, document: _Document) -> Kind:
    where = f"kinds.{name}"
    if not re.fullmatch(r"[a-z][a-z0-9_-]*", name) or name in COMMANDS:
        document.refuse(where, None, "must have a lower-case name that is not a command's")
    if not isinstance(table, dict):
        document.refuse("kinds", name, "must be a table")
    _require_known(where, table, Kind, document)
    _require_types(where, table, document)
    if "help" not in table:
        document.refuse(where, None, "needs the key `help`: what a component is")
    if table.get("introspect", "source") not in INTROSPECTS:
        choices = ", ".join(INTROSPECTS)
        document.refuse(
            where, "introspect", f"must be one of {choices}, got {table['introspect']!r}"
        )
    _require_sources(where, table, document)
    tests = table.get("tests")
    if not isinstance(tests, list) or not tests:
        document.refuse(where, None, "needs `tests`, a list with a table for each test file")
    read = tuple(
        _test(f"{where}.tests#{number}", test, document) for number, test in enumerate(tests, 1)
    )
    _require_distinct(where, read, document)
    lists = {key: tuple(table.get(key, ())) for key in ("sources", "methods")}
    return Kind(**{**table, **lists, "name": name, "tests": read})


def _test(where: str, table: object, document: _Document) -> KindTest:
    if not isinstance(table, dict):
        document.refuse(where, None, "must be tables")
    _require_known(where, table, KindTest, document)
    _require_types(where, table, document)
    for key in ("path", "skeleton"):
        if key not in table:
            document.refuse(where, None, f"needs the key `{key}`")
    _require_test_path(where, table["path"], document)
    for suite in table.get("suites", ()):
        document.require_suite(where, suite)
    return KindTest(table["path"], table["skeleton"], tuple(table.get("suites", ())))


def _require_known(
    where: str, table: Mapping[str, Any], of: type[Kind | KindTest], document: _Document
) -> None:
    known = {field.name for field in fields(of)} - {"name"}
    for key in table:
        if key not in known:
            near = "introspect" if key == "reads" else next(iter(get_close_matches(key, known)), "")
            document.refuse(where, key, "is unknown" + (f"; is it `{near}`?" if near else ""))


def _require_types(where: str, table: Mapping[str, Any], document: _Document) -> None:
    for key, value in table.items():
        if key in TEXTS and not (isinstance(value, str) and value):
            document.refuse(where, key, f"must be a text, got {value!r}")
        if key in LISTS and not (
            isinstance(value, list) and all(isinstance(text, str) for text in value)
        ):
            document.refuse(where, key, f"must be a list of texts, got {value!r}")


def _require_sources(where: str, table: Mapping[str, Any], document: _Document) -> None:
    patterns = table.get("sources", [])
    if table.get("introspect", "source") == "source" and not patterns:
        document.refuse(where, None, "needs the key `sources`: where components are")
    for pattern in patterns:
        _require_name_only(where, "sources", pattern, document)
        if not pattern.endswith(".py"):
            document.refuse(where, "sources", f"must name Python files, got {pattern!r}")
        if _leaves(pattern):
            document.refuse(where, "sources", f"must stay in the package, got {pattern!r}")
    if "source" in table and not any("{name}" in pattern for pattern in patterns):
        document.refuse(where, "source", "needs a place in `sources` that holds {name}")


def _require_test_path(where: str, path: str, document: _Document) -> None:
    _require_name_only(where, "path", path, document)
    if not path.endswith(".py"):
        document.refuse(where, "path", f"must end in .py, got {path!r}")
    is_in_tests = path.startswith("tests/") and not path.startswith("tests/policy/")
    if _leaves(path) or not is_in_tests:
        document.refuse(where, "path", f"must be in tests/ and not in tests/policy/, got {path!r}")


def _require_distinct(where: str, tests: Sequence[KindTest], document: _Document) -> None:
    known: dict[str, int] = {}
    for number, test in enumerate(tests, 1):
        same = known.setdefault(posixpath.normpath(test.path), number)
        if same != number:
            document.refuse(
                f"{where}.tests#{number}", "path", f"{test.path!r} is there twice: keep one"
            )


def _require_name_only(where: str, key: str, text: str, document: _Document) -> None:
    for found in re.findall(r"\{([^}]*)\}?", text):
        if found != "name":
            document.refuse(where, key, f"may hold {{name}} only, got {{{found}}}")


def _leaves(path: str) -> bool:
    return path.startswith(("/", "~")) or ".." in path.split("/")


def _is_in_old_form(table: object) -> bool:
    """Return whether a kind is written as in releases before 0.3: `tests` maps path to skeleton."""
    return isinstance(table, dict) and isinstance(table.get("tests"), dict)


def _in_new_form(table: Mapping[str, Any]) -> Mapping[str, Any]:
    tests = [{"path": path, "skeleton": skeleton} for path, skeleton in table["tests"].items()]
    renamed = {"introspect" if key == "reads" else key: value for key, value in table.items()}
    return {**renamed, "tests": tests}
