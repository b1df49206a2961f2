"""Read `policy.toml`: the numbers of a policy, and the kinds of its components."""

import re
import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, NoReturn

from .commands import COMMANDS
from .errors import UserError
from .service import POLICY

INTROSPECTS = ("source", "route", "model", "class")
SUITES = POLICY.parent / "suites"
TESTS = 'tests = [{ path = "tests/…/test_{name}.py", skeleton = "….py.j2", suites = [] }]'
RESTORE = "correct it, or restore it with `git checkout HEAD -- tests/policy`"


@dataclass(frozen=True)
class KindTest:
    """A test file of a kind's components: `[[kinds.NAME.tests]]`.

    A test class that inherits from any of its suites, such as `step.StepSuite` of
    tests/policy/suites/step.py, proves the component.
    """

    path: str  # relative to the service; may hold `{name}`
    skeleton: str  # below tests/policy/skeletons
    suites: tuple[str, ...] = ()

    @property
    def is_shared(self) -> bool:
        """Return whether it holds one test class for all components of the kind."""
        return bool(self.suites) and "{name}" not in self.path

    @property
    def suite_names(self) -> list[str]:
        """Return the names of the classes, without their modules."""
        return [suite.rpartition(".")[2] for suite in self.suites]


@dataclass(frozen=True)
class Kind:
    """A type of component: the table `[kinds.NAME]`."""

    name: str
    help: str  # a short description: "a pipeline step"
    tests: tuple[KindTest, ...]
    introspect: str = "source"  # what tpgen reads about a component; one of INTROSPECTS
    # Where components are, relative to the package; a new one belongs to the first with `{name}`.
    sources: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()  # of a component's class
    source: str = ""  # the skeleton of a new component; empty if tpgen writes none


def read(root: Path) -> Mapping[str, Any]:
    """Return the content of a service's `policy.toml`."""
    return _read(root)[1]


def named_layers(root: Path) -> set[str]:
    """Return the layers that plain `pytest` does not run."""
    tables = read(root).get("layers", {})
    return {name for name, table in tables.items() if not table.get("by_default", True)}


def kinds(root: Path) -> dict[str, Kind]:
    """Return the kinds of a service, by name."""
    text, policy = _read(root)
    tables = _Table(text, "kinds", policy.get("kinds", {})).values
    return {name: _kind(root, name, _Table(text, f"kinds.{name}", tables[name])) for name in tables}


def factories(root: Path) -> Path:
    """Return the file of the factories, which is the test file of models without a suite; or ""."""
    models = (kind for kind in kinds(root).values() if kind.introspect == "model")
    paths = (test.path for kind in models for test in kind.tests if not test.suites)
    return Path(next(paths, ""))


def adds_only_kinds(before: bytes, after: bytes) -> bool:
    """Return whether a `policy.toml` is readable, keeps all values, and only has more kinds."""
    try:
        old, new = tomllib.loads(before.decode()), tomllib.loads(after.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError):
        return False
    known = old.get("kinds", {})
    kept = {name: table for name, table in new.get("kinds", {}).items() if name in known}
    return {**new, "kinds": kept} == {**old, "kinds": known}


def _read(root: Path) -> tuple[str, dict[str, Any]]:
    try:
        text = (root / POLICY).read_text(encoding="utf-8")
        return text, tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{POLICY} can't be read: {error}; {RESTORE}") from None
    except tomllib.TOMLDecodeError as error:
        if "\n<<<<<<< " in text:
            raise UserError(
                f"{POLICY} has conflict markers of an update: choose the right lines between "
                "<<< and >>>, then `git add` it"
            ) from None
        raise UserError(f"{POLICY} is not TOML: {error}; {RESTORE}") from None


class _Table:
    """A table in the text of `policy.toml`, such as `kinds.step`, or one of `kinds.step.tests`."""

    def __init__(self, text: str, name: str, values: object) -> None:
        self.text, self.name = text, name
        if not isinstance(values, dict):
            self.refuse(None, "must be a table")
        self.values: Mapping[str, Any] = values

    def refuse(self, key: str | None, reason: str) -> NoReturn:
        """Raise an error with the line of the table or the key; below `tests`, that of `tests`."""
        _, _, array = self.name.removeprefix("kinds.").partition(".")
        header = f"[[{self.name}]]" if array else f"[{self.name}]"
        what = f"`{key}` of {header}" if key else header
        start = max(self.text.find(f"[{self.name.removesuffix('.tests')}]"), 0)
        place = re.compile(rf"^\s*{re.escape(array or key or '')}\s*=", re.MULTILINE)
        found = place.search(self.text, start) if array or key else None
        line = self.text.count("\n", 0, found.end() if found else start) + 1
        raise UserError(f"{POLICY}:{line}: {what} {reason}; {RESTORE}")

    def check(self, of: type[Kind | KindTest]) -> None:
        """Check the keys of the table, and the types of its texts and lists of texts."""
        known = {field.name: field for field in fields(of) if field.name != "name"}
        for key, value in self.values.items():
            if key not in known:
                self.refuse(key, f"is unknown: the keys are {', '.join(known)}")
            is_list = isinstance(value, list) and all(isinstance(text, str) for text in value)
            if known[key].type is str and not (isinstance(value, str) and value):
                self.refuse(key, f"must be a text, got {value!r}")
            if known[key].type == tuple[str, ...] and not is_list:
                self.refuse(key, f"must be a list of texts, got {value!r}")
        for key, field in known.items():
            if field.default is MISSING and key not in self.values:
                self.refuse(None, f"needs the key `{key}`")

    def check_path(self, key: str, path: str) -> None:
        """Check that a path names a Python file below a folder."""
        is_inside = not path.startswith(("/", "~")) and ".." not in path.split("/")
        if not is_inside or not path.endswith(".py") or "{" in path.replace("{name}", ""):
            self.refuse(
                key,
                "must be the relative path of a Python file, without `..` and with no variable but "
                f"{{name}}, got {path!r}",
            )


def _kind(root: Path, name: str, table: _Table) -> Kind:
    is_command = name in COMMANDS and name != "sdk"
    if not re.fullmatch(r"[a-z][a-z0-9_-]*", name) or is_command:
        table.refuse(None, "must have a lower-case name that is not a command's")
    table.check(Kind)
    if (table.values.get("introspect") == "class") != (name == "sdk"):
        table.refuse("introspect", 'must be "class" for the kind sdk, and for no other')
    introspect, sources = table.values.get("introspect", "source"), table.values.get("sources", [])
    if introspect not in INTROSPECTS:
        choices = ", ".join(INTROSPECTS)
        table.refuse("introspect", f"must be one of {choices}, got {introspect!r}")
    if introspect == "source" and not sources:
        table.refuse(None, "needs the key `sources`: where components are")
    for pattern in sources:
        table.check_path("sources", pattern)
    if "source" in table.values and not any("{name}" in pattern for pattern in sources):
        table.refuse("source", "needs a place in `sources` that holds {name}")
    if not isinstance(table.values["tests"], list) or not table.values["tests"]:
        table.refuse("tests", f"must be a list with a table for each test file: {TESTS}")
    of_tests = (_Table(table.text, f"{table.name}.tests", test) for test in table.values["tests"])
    tests = tuple(_test(root, test) for test in of_tests)
    for path, number in Counter(test.path for test in tests).items():
        if number > 1:
            table.refuse("tests", f"has the path {path!r} twice: keep one")
    lists = {key: tuple(table.values.get(key, ())) for key in ("sources", "methods")}
    return Kind(**{**table.values, **lists, "name": name, "tests": tests})


def _test(root: Path, table: _Table) -> KindTest:
    table.check(KindTest)
    path: str = table.values["path"]
    table.check_path("path", path)
    if not path.startswith("tests/") or path.startswith("tests/policy/"):
        table.refuse("path", f"must be in tests/ and not in tests/policy/, got {path!r}")
    suites = tuple(table.values.get("suites", ()))
    for suite in suites:
        module, _, name = suite.rpartition(".")
        file = SUITES / f"{module.replace('.', '/')}.py"
        text = (root / file).read_text("utf-8", "replace") if (root / file).is_file() else ""
        if not re.search(rf"^class {re.escape(name)}\b", text, re.MULTILINE):
            table.refuse("suites", f"names {suite!r}, and there is no class {name} in {file}")
    return KindTest(path, table.values["skeleton"], suites)
