"""Find the policy folder of a test, and read its `policy.toml`."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fnmatch import fnmatch
from functools import cache, cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

FILE = Path("policy/policy.toml")
ENGINE = "pytest-tpgen"
EXAMPLE = """\
[[tool.tpgen.exempt]]
case = "TestCreateAgent.test_two_at_once_give_one_audit_event"
reason = "why it does not apply\""""
# The limit of a policy that states none.
TIME_LIMIT = 60.0
# The command that installs what a lock file says.
_SYNC = {"uv.lock": "uv sync", "poetry.lock": "poetry sync", "pdm.lock": "pdm sync"}


class PolicyError(Exception):
    """`policy.toml` can't be used. The text is one sentence with the next command."""


@dataclass(frozen=True)
class Exemption:
    """Why a required case does not apply.

    Attributes:
        reason: as `pyproject.toml` states it.
        issue: where that is to be changed, such as an address; empty if none is stated.
        until: the last day on which the case is exempt; None for good.
    """

    reason: str
    issue: str = ""
    until: date | None = None

    @property
    def is_over(self) -> bool:
        """Whether the case is required again."""
        return self.until is not None and self.until < date.today()

    def __str__(self) -> str:
        until = f"until {self.until}" if self.until else ""
        more = ", ".join(filter(None, [self.issue, until]))
        return f"{self.reason} ({more})" if more else self.reason


@dataclass(frozen=True)
class Policy:
    """The policy of one service.

    Attributes:
        tests: the folder that holds `policy/`; its subfolders with a layer's name are the layers.
    """

    tests: Path

    @property
    def root(self) -> Path:
        """The folder of the service, where its `pyproject.toml` is."""
        return self.tests.parent

    @cached_property
    def content(self) -> Mapping[str, Any]:
        """The parsed `policy.toml`.

        Raises:
            PolicyError: the file can't be read or isn't TOML.
        """
        file = self.tests / FILE
        try:
            return tomllib.loads(file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise PolicyError(
                f"{file} can't be read: {error}; restore it with `git checkout HEAD -- {file}`"
            ) from None

    @property
    def has_postgres(self) -> bool:
        """Whether the tests use a Postgres: a policy without `[postgres]` needs none."""
        return "postgres" in self.content

    @property
    def image(self) -> str:
        """The Postgres image that tests run against, such as `postgres:15`."""
        return str(self._value("postgres", "image"))

    @cached_property
    def slow_seconds(self) -> float:
        """The duration in seconds above which a test needs the marker `slow`."""
        seconds = self._value("slow", "seconds")
        if isinstance(seconds, bool) or not isinstance(seconds, int | float):
            raise self._error(f"[slow] seconds must be a number, got {seconds!r}")
        return float(seconds)

    @cached_property
    def time_limit(self) -> float:
        """The duration in seconds after which a test fails.

        Raises:
            PolicyError: `policy.toml` states something else than a positive number.
        """
        table = self.content.get("time_limit", {"seconds": TIME_LIMIT})
        seconds = table.get("seconds") if isinstance(table, dict) else table
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds <= 0:
            raise self._error(f"[time_limit] seconds must be a number above 0, got {seconds!r}")
        return float(seconds)

    @cached_property
    def layers(self) -> Mapping[str, Mapping[str, bool]]:
        """The layers by name: `io` (may it use the network), `by_default` (runs unnamed)."""
        layers = self.content.get("layers")
        if not isinstance(layers, dict) or not layers:
            raise self._error("has no [layers]: run `tpgen update`")
        for name, layer in layers.items():
            if not isinstance(layer, dict):
                raise self._error(f"[layers] {name} must be a table")
            for key in ("io", "by_default"):
                if not isinstance(layer.get(key, True), bool):
                    raise self._error(f"[layers.{name}] {key} must be true or false")
        return layers

    @cached_property
    def settings(self) -> Mapping[str, Any]:
        """The table `[tool.tpgen]` of the service's `pyproject.toml`; empty without one."""
        file = self.root / "pyproject.toml"
        if not file.is_file():
            return {}
        try:
            tool = tomllib.loads(file.read_text(encoding="utf-8")).get("tool", {})
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise PolicyError(f"{file} can't be read: {error}") from None
        found = tool.get("tpgen", {})
        return found if isinstance(found, dict) else {}

    @cached_property
    def exempt(self) -> Mapping[str, Exemption]:
        """The exempt required cases, as `Class.case`; not those whose last day is over."""
        tables = self.settings.get("exempt", [])
        for table in tables if isinstance(tables, list) else [tables]:
            if not _is_exemption(table):
                raise PolicyError(
                    f"{self.root / 'pyproject.toml'}: an exemption needs `case` and `reason`, may "
                    f"have `issue` and `until` (a date), and nothing else, such as:\n\n{EXAMPLE}"
                )
        read = {
            table["case"]: Exemption(table["reason"], table.get("issue", ""), table.get("until"))
            for table in tables
        }
        return {case: one for case, one in read.items() if not one.is_over}

    def layer(self, path: Path) -> str:
        """Return the layer that a path lies in, or an empty string."""
        return _layer(self, path)

    def check(self) -> None:
        """Check that this engine can serve the policy.

        Raises:
            PolicyError: the policy needs another version of the engine (the text names both
                versions and the command to run), or a value that the engine reads is wrong.
        """
        self._check_version()
        if self.has_postgres:
            _ = self.image
        _ = self.slow_seconds, self.layers, self.exempt

    def _check_version(self) -> None:
        stated = str(self._value("engine", "requires"))
        try:
            allowed = SpecifierSet(stated)
        except InvalidSpecifier:
            raise self._error(
                f'[engine] requires must be a version such as ">=0.3,<0.4", got {stated!r}'
            ) from None
        installed = version(ENGINE)
        if not allowed.contains(installed, prereleases=True):
            raise PolicyError(
                f"{self.tests / FILE} works with {ENGINE} {allowed}, and {installed} is installed: "
                f"run `{self._sync}`, or `tpgen update` if the pinned version is another one"
            )

    @property
    def _sync(self) -> str:
        found = (command for lock, command in _SYNC.items() if (self.root / lock).exists())
        return next(found, "pip install -e . --group dev")

    def _value(self, table: str, key: str) -> Any:
        found = self.content.get(table)
        if not isinstance(found, dict) or key not in found:
            raise self._error(f"[{table}] has no `{key}`: run `tpgen update`")
        return found[key]

    def _error(self, what: str) -> PolicyError:
        return PolicyError(f"{self.tests / FILE}: {what}")


def _is_exemption(table: Any) -> bool:
    if not isinstance(table, dict) or table.keys() - {"case", "reason", "issue", "until"}:
        return False
    texts = [table.get("case"), table.get("reason"), table.get("issue", "")]
    if not all(isinstance(text, str) for text in texts):
        return False
    day = table.get("until")
    is_day = day is None or (isinstance(day, date) and not isinstance(day, datetime))
    return is_day and texts[0].count(".") == 1 and bool(texts[1].strip())


def of(path: Path) -> Policy | None:
    """Return the policy whose `tests` folder holds a path, or None."""
    return _of_folder(path.parent)


def near(path: Path) -> Policy | None:
    """Return the policy of the service that a path lies in, or None."""
    for folder in (path, *path.parents):
        for tests in (folder, folder / "tests"):
            if (tests / FILE).is_file():
                return _policy(tests)
    return None


@cache  # each test asks several times
def _layer(policy: Policy, path: Path) -> str:
    if not path.is_relative_to(policy.tests):
        return ""
    parts = path.relative_to(policy.tests).parts
    return parts[0] if parts and parts[0] in policy.layers else ""


@cache
def covering(path: Path) -> Policy | None:
    """Return the policy that has a path in one of its layers, or None: the tests it is about."""
    found = of(path)
    return found if found and found.layer(path) else None


def below(folder: Path, not_in: Sequence[str], depth: int = 4) -> Iterator[Policy]:
    """Yield the policies of the services in a folder.

    Args:
        folder: where to search.
        not_in: patterns of the names of folders that aren't searched.
        depth: of the folders that are searched.
    """
    if (folder / FILE).is_file():
        yield _policy(folder)
    elif depth and not (folder / "pyvenv.cfg").exists():
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            if not path.is_symlink() and not any(fnmatch(path.name, pattern) for pattern in not_in):
                yield from below(path, not_in, depth - 1)


@cache
def _of_folder(folder: Path) -> Policy | None:
    if (folder / FILE).is_file():
        return _policy(folder)
    return None if folder.parent == folder else _of_folder(folder.parent)


@cache
def _policy(tests: Path) -> Policy:
    return Policy(tests)
