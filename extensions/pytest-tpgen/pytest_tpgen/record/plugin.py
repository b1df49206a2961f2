"""Collect what each test of a run does, and write it to `.tpgen/run-<id>.json`.

Facts of a test are on its reports, as `report.tpgen`: so they pass xdist, and are those of one
attempt of a rerun. Facts of a process are in `config.workeroutput`.
"""

import hashlib
import inspect
import json
import os
import platform
import secrets
import sys
import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any
from weakref import WeakSet

import pytest

from pytest_tpgen import policy, routes
from pytest_tpgen.policy import Exemption
from pytest_tpgen.routes import Route
from pytest_tpgen.suites import Suite, case_of, exemption, is_in_policy
from pytest_tpgen.wiring import FIXTURES, AuditEvents

from . import shown
from .assertions import Assertions
from .boundary import CREDENTIALS, Boundary, Finder, Seen, described
from .replacements import Replacements
from .uncollected import Uncollected

FORMAT = 1
FOLDER = ".tpgen"
# Older records are deleted.
KEPT = 10
_WATCHED = {*CREDENTIALS, "app", "audit_events"}
_SUFFIXES = (".py", ".ambr", ".toml", ".sql", ".cfg", ".ini", ".coveragerc")
_OUTPUT = "tpgen_record"


class Recorder:
    """The hooks of a run with `--census`.

    Args:
        config: of the run.
    """

    def __init__(self, config: pytest.Config) -> None:
        found = policy.near(config.rootpath)
        self._config = config
        self._policy = found
        self._root = found.root if found else config.rootpath
        # Asked for each test: paths take long.
        self._shown = cache(partial(shown, root=self._root))
        self._is_of_project = cache(self._is_project_file)
        self._is_product = cache(self._is_product_file)
        self._boundary, self._find = Boundary(), Finder()
        self._assertions = Assertions()
        self._replacements = Replacements(self._root, self._is_test)
        self._uncollected = Uncollected(self._root)
        self._test_files: set[str] = set()
        # By their routes: a fixture may make a new app for each test.
        self._apps: dict[tuple[str, ...], Any] = {}
        self._known_apps: WeakSet[Any] = WeakSet()
        self._made: list[Any] = []
        self._events: int | None = None
        self._tests: dict[str, _Attempt] = {}
        self._of_workers: list[Mapping[str, Any]] = []
        self._started = time.time()

    def start(self) -> None:
        """Begin, before any conftest is imported."""
        self._config.pluginmanager.register(self._uncollected, "tpgen-uncollected")
        self._config.pluginmanager.register(self._assertions, "tpgen-assertions")
        self._assertions.watch(self._config)
        self._replacements.watch()

    def pytest_unconfigure(self) -> None:
        self._boundary.stop()
        self._assertions.stop()
        self._replacements.stop()

    def _is_test(self, file: str) -> bool:
        return file in self._test_files or Path(file).name.startswith(("test_", "conftest"))

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._test_files |= {str(item.path) for item in session.items}
        plugins = self._config.pluginmanager.get_plugins()
        files = [str(getattr(one, "__file__", None) or "") for one in plugins]
        conftests = [file for file in files if Path(file).name == "conftest.py"]
        for file in sorted({*self._test_files, *conftests}):
            self._replacements.read_imports(file)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        self._boundary.watch()
        self._replacements.watch_mocks()
        self._boundary.take()
        self._made.clear()
        self._assertions.count, self._events = 0, None

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: Any, request: pytest.FixtureRequest
    ) -> Generator[None, Any, Any]:
        made = yield
        name = fixturedef.argname
        if name not in _WATCHED:
            return made
        self._boundary.register(name, made)
        if name == "audit_events" and self._policy and callable(made):
            made = self._counting(made)
            fixturedef.cached_result = (made, *fixturedef.cached_result[1:])
        # The app of the service is that of a conftest; a test may make another one.
        if name == "app" and self._policy and _is_of_conftest(fixturedef):
            self._note_app(routes.inside(made))
        return made

    def _counting(self, audit_events: AuditEvents) -> AuditEvents:
        async def counting() -> Sequence[Mapping[str, Any]]:
            events = await audit_events()
            self._events = len(events)
            return events

        return counting

    def _note_app(self, app: Any) -> None:
        starlette: Any = sys.modules.get("starlette.applications")
        if starlette and isinstance(app, starlette.Starlette) and app not in self._known_apps:
            self._known_apps.add(app)
            self._apps[tuple(str(getattr(one, "path", "")) for one in app.routes)] = app

    def pytest_fixture_post_finalizer(self, fixturedef: Any) -> None:
        self._boundary.forget(fixturedef.argname)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> None:
        """Note the class of what a suite's `make_…` returns: what the test is about."""
        instance = getattr(item, "instance", None)
        suites = [*filter(_is_suite, type(instance).__mro__)]
        for name in {name for one in suites for name in vars(one) if name.startswith("make_")}:
            if callable(made := getattr(instance, name)):
                vars(instance)[name] = self._noting(made)

    def _noting(self, make: Any) -> Any:
        def noting(*arguments: Any, **named: Any) -> Any:
            before = len(self._made)
            made = make(*arguments, **named)
            # What it called to make it is a part of that.
            self._made[before:] = [made]
            return made

        return noting

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        requests = self._boundary.take()
        for seen in requests if self._policy is None else ():
            self._note_app(seen.app)
        facts: dict[str, Any] = {
            "requests": _counted(self._described(requests)) if requests else [],
            "notes": self._replacements.take(),
        }
        if report.when == "setup":
            facts |= self._of_item(item) | {"component": self._component(item)}
            facts["notes"] += self._replacements.of_fixtures(item)
        if report.when == "call":
            facts |= {
                "assertions": self._assertions.of(item),
                "component": self._component(item),
                "audit_events": self._events,
            }
        report.tpgen = facts  # type: ignore[attr-defined]
        return report

    def _described(self, requests: Sequence[Seen]) -> Iterator[dict[str, Any]]:
        """Yield requests as the record has them; another app than the service's has no route."""
        for one in requests:
            mounted = next((inner for inner in one.inner if inner[0] in self._known_apps), None)
            if one.app not in self._known_apps and mounted:
                one.app, one.path, one.root_path = mounted
            found = described(one, self._find)
            yield found if one.app in self._known_apps else found | {"route": None}

    def _of_item(self, item: pytest.Item) -> dict[str, Any]:
        cls: type | None = getattr(item, "cls", None)
        found = policy.of(item.path)
        case, exempt = case_of(item), exemption(item)
        function = inspect.unwrap(getattr(item, "function", None))  # type: ignore[arg-type]
        code: Any = getattr(function, "__code__", None)
        is_here = code is not None and code.co_filename == str(item.path)
        return {
            "file": self._shown(item.path),
            # A case that is inherited from a suite stands in another file.
            "line": code.co_firstlineno if is_here else None,
            "layer": (found.layer(item.path) or None) if found else None,
            "class": cls.__name__ if cls else None,
            "suites": [base.__name__ for base in cls.__mro__ if _is_suite(base)]
            if cls and case
            else [],
            "case": {"suite": case[0], "name": case[1]} if case else None,
            "exempt": _of_exemption(exempt) if exempt else None,
            "uses_client": "client" in getattr(item, "fixturenames", ()),
            "own_fixtures": list(_own_fixtures(item)) if case else [],
        }

    def _component(self, item: pytest.Item) -> dict[str, Any]:
        """Return what a test is about: the route of its `url`, and classes of the project."""
        arguments = getattr(item, "funcargs", {})
        suites = [*filter(_is_suite, getattr(getattr(item, "cls", None), "__mro__", ()))]
        stated = [one for name, one in arguments.items() if any(hasattr(s, name) for s in suites)]
        return {
            "route": self._route(item, arguments),
            "made": self._classes([*self._made, *stated]) if suites else [],
            "classes": [one for one in self._classes(arguments.values()) if one["is_product"]],
        }

    def _classes(self, values: Iterable[Any]) -> list[dict[str, Any]]:
        """Return the classes of some objects that are the project's own, or its tests'."""
        classes = [one if isinstance(one, type) else type(one) for one in values]
        files = {one: _file_of(one) for one in dict.fromkeys(classes)}
        return [
            {
                "name": one.__qualname__,
                "file": self._shown(Path(file)),
                "is_product": self._is_product(file),
            }
            for one, file in files.items()
            if self._is_of_project(file)
        ]

    def _route(self, item: pytest.Item, arguments: Mapping[str, Any]) -> str | None:
        cls = getattr(item, "cls", None)
        # Where a fixture failed, or the test is exempt, the class may say it.
        url = arguments.get("url") or vars(cls or object).get("path")
        method = getattr(cls, "method", None)
        if not isinstance(method, str) or not isinstance(url, str):
            return None
        path = url.partition("?")[0]
        for app in self._apps.values():
            if found := routes.find(app, method, path):
                return f"{method.upper()} {found.path}"
        return None

    def _is_project_file(self, file: str) -> bool:
        path = Path(file)
        return path.is_relative_to(self._root) and "site-packages" not in path.parts

    def _is_product_file(self, file: str) -> bool:
        if not self._is_of_project(file) or self._is_test(file):
            return False
        return Path(file).relative_to(self._root).parts[0] != "tests"

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "setup" or report.nodeid not in self._tests:
            known = self._tests.get(report.nodeid)
            self._tests[report.nodeid] = _Attempt((known.number if known else 0) + 1)
        self._tests[report.nodeid].add(report)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        self._of_workers.append(getattr(node, "workeroutput", {}).get(_OUTPUT, {}))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        own = {
            "routes": list(self._routes()),
            "uncollected": self._uncollected.found,
            "imports": self._replacements.imports,
        }
        if hasattr(self._config, "workeroutput"):
            self._config.workeroutput[_OUTPUT] = own
            return
        if self._config.option.collectonly:
            return
        count = 0 if self._of_workers else len(session.items)
        record = self._record(int(exitstatus), [own, *self._of_workers], count)
        try:
            self._write(record)
        except OSError as error:
            self._unwritten = str(error)
            session.exitstatus = exitstatus or pytest.ExitCode.USAGE_ERROR

    def _record(
        self, exit_code: int, parts: list[Mapping[str, Any]], collected: int
    ) -> dict[str, Any]:
        uncollected = _distinct(parts, "uncollected")
        tests = [one.facts(node) for node, one in sorted(self._tests.items())]
        why = [*self._why_incomplete(exit_code, uncollected)]
        unfinished = [one["id"] for one in tests if one["outcome"] == "unfinished"]
        if unfinished or len(tests) < collected:
            missing = max(len(unfinished), collected - len(tests) + len(unfinished))
            why.append(f"{missing} tests did not run to their end")
        settings = self._policy.settings if self._policy else {}
        return {
            "format": FORMAT,
            "id": f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(3)}",
            "started": datetime.fromtimestamp(self._started, UTC).isoformat(timespec="seconds"),
            "seconds": round(time.time() - self._started, 3),
            "versions": {
                "python": platform.python_version(),
                "pytest": pytest.__version__,
                "pytest-tpgen": version("pytest-tpgen"),
            },
            "selection": {
                "arguments": [str(one) for one in self._config.invocation_params.args],
                "keyword": self._config.getoption("keyword", "") or "",
                "markers": self._config.getoption("markexpr", "") or "",
                "is_complete": not why,
                "why_not": why,
            },
            "exit_code": exit_code,
            "refusal": settings.get("refusal", {}).get("status", 403),
            "files": dict(self._hashes()),
            "coverage": self._coverage(),
            "routes": _distinct(parts, "routes"),
            "tests": tests,
            "uncollected": uncollected,
            "imports": _distinct(parts, "imports"),
        }

    def _why_incomplete(
        self, exit_code: int, uncollected: list[Mapping[str, Any]]
    ) -> Iterator[str]:
        option = self._config.option
        # Tests that the project's own `addopts` deselect do not belong to its suite.
        usual = self._config._parser.parse_known_args(self._config.getini("addopts"))
        for name in ("keyword", "markexpr", "deselect", "ignore", "ignore_glob", "lf", "stepwise"):
            given = getattr(option, name, None)
            if given and given != getattr(usual, name, None):
                yield f"--{name}" if len(name) > 2 else f"-{name}"
        if self._config.args_source is pytest.Config.ArgsSource.ARGS:
            yield "paths were given"
        if exit_code not in (0, 1):
            yield f"pytest ended with {exit_code}"
        elif exit_code and (getattr(option, "maxfail", 0) or 0) > 0:
            yield "it stopped at a failure"
        files = (one for one in uncollected if not one["name"])
        unread = [one["file"] for one in files if not one["reason"].startswith("Skipped")]
        if unread:
            yield f"not collected: {', '.join(unread)}"

    def _routes(self) -> Iterator[dict[str, Any]]:
        public = self._policy.settings.get("public", {}) if self._policy else {}
        for app in self._apps.values():
            for route in routes.walk(app):
                methods = {"WEBSOCKET"} if route.websocket else route.methods or {"ANY"}
                for method in sorted(methods - routes.UNTESTED):
                    yield self._of_route(route, method, public)

    def _of_route(self, route: Route, method: str, public: Mapping[str, Any]) -> dict[str, Any]:
        endpoint = inspect.unwrap(route.endpoint) if callable(route.endpoint) else route.endpoint
        code = getattr(endpoint, "__code__", None)
        file = code.co_filename if code else _file_of(endpoint)
        own, has_policy = self._is_product(file), self._policy is not None
        return {
            "method": method,
            "path": route.path,
            "file": self._shown(Path(file)) if own else None,
            "line": code.co_firstlineno if code and own else None,
            "is_public": f"{method} {route.path}" in public,
            "is_idempotent": has_policy and routes.takes_idempotency_key(route),
            "is_list": has_policy and method == "GET" and routes.lists_rows(route),
            "takes_input": has_policy
            and routes.takes_input_of(route, method, self._boundary.carriers),
        }

    def _hashes(self) -> Iterator[tuple[str, str]]:
        for folder, names, files in os.walk(self._root):
            names[:] = sorted(name for name in names if _is_searched(folder, name))
            for name in sorted(files):
                if name.endswith(_SUFFIXES) or "__snapshots__" in Path(folder).parts:
                    path = Path(folder, name)
                    with suppress(OSError):  # an editor's lock, a link that leads nowhere
                        yield self._shown(path), hashlib.sha256(path.read_bytes()).hexdigest()

    def _coverage(self) -> dict[str, Any] | None:
        """Return the file and the digest of the run's coverage data, where pytest-cov wrote it."""
        plugin = self._config.pluginmanager.getplugin("_cov")
        controller = getattr(plugin, "cov_controller", None)
        cov = getattr(controller, "combining_cov", None) or getattr(controller, "cov", None)
        if cov is None:
            return None
        path = Path(cov.get_data().data_filename())
        if not path.is_file():
            return None
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        # The total is None if pytest-cov was not to print a report.
        percent = getattr(plugin, "cov_total", None)
        return {"file": self._shown(path), "sha256": digest, "percent": percent}

    def _write(self, record: Mapping[str, Any]) -> None:
        folder = self._root / FOLDER
        folder.mkdir(exist_ok=True)
        (folder / ".gitignore").write_text("*\n")
        path = folder / f"run-{record['id']}.json"
        new = path.with_suffix(".new")
        new.write_text(json.dumps(record, separators=(",", ":")), "utf-8")
        new.replace(path)
        for old in sorted(folder.glob("run-*.json"))[:-KEPT]:
            old.unlink(missing_ok=True)
        self._written = path

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if error := getattr(self, "_unwritten", None):
            terminalreporter.line(f"the run record can't be written: {error}", red=True)
        if path := getattr(self, "_written", None):
            said = "`tpgen census` shows what it proves" if self._policy else "the run record"
            terminalreporter.line(f"wrote {os.path.relpath(path)}: {said}")


class _Attempt:
    """What is known of the last attempt of a test."""

    def __init__(self, number: int) -> None:
        self.number = number
        self._facts: dict[str, Any] = {"requests": [], "notes": []}
        # Until its call has passed: Ctrl-C and `--setup-only` leave it so.
        self._outcome = "unfinished"
        self._reason: str | None = None
        self._seconds = 0.0

    def add(self, report: pytest.TestReport) -> None:
        facts = getattr(report, "tpgen", {})
        both = {name: [*self._facts[name], *facts.get(name, [])] for name in ("requests", "notes")}
        self._facts |= facts | both
        self._seconds += report.duration
        outcome = str(report.outcome)
        if hasattr(report, "wasxfail"):
            outcome = "xfailed" if report.skipped else "xpassed"
            self._reason = str(report.wasxfail) or None
        elif report.skipped and isinstance(report.longrepr, tuple):
            self._reason = report.longrepr[2].removeprefix("Skipped: ")
        elif report.failed and report.when != "call":
            outcome = "error"
        elif report.passed and report.when != "call":
            return
        if self._outcome in ("passed", "unfinished") or outcome in ("failed", "error"):
            self._outcome = outcome

    def facts(self, node: str) -> dict[str, Any]:
        component = self._facts.get("component") or {"route": None, "made": [], "classes": []}
        return {
            "id": node,
            "file": self._facts.get("file", node.partition("::")[0]),
            "line": self._facts.get("line"),
            "layer": self._facts.get("layer"),
            "outcome": self._outcome,
            "attempts": self.number,
            "seconds": round(self._seconds, 4),
            "reason": self._reason,
            "class": self._facts.get("class"),
            "suites": self._facts.get("suites", []),
            "case": self._facts.get("case"),
            "exempt": self._facts.get("exempt"),
            "component": component,
            "assertions": self._facts.get("assertions"),
            "uses_client": self._facts.get("uses_client", False),
            "own_fixtures": self._facts.get("own_fixtures", []),
            "requests": self._facts["requests"],
            "audit_events": self._facts.get("audit_events"),
            "notes": self._facts["notes"],
        }


def _file_of(defined: Any) -> str:
    """Return the file of the module that defines a class or a function; empty if there is none."""
    module = sys.modules.get(getattr(defined, "__module__", None) or "")
    return str(getattr(module, "__file__", None) or "")


def _of_exemption(exempt: Exemption) -> dict[str, Any]:
    until = exempt.until.isoformat() if exempt.until else None
    return {"reason": exempt.reason, "issue": exempt.issue or None, "until": until}


def _is_of_conftest(fixturedef: Any) -> bool:
    """Return whether a fixture is that of a conftest or a plugin, not of a test's own module."""
    where = str(fixturedef.baseid)
    return "::" not in where and not where.endswith(".py")


def _own_fixtures(item: pytest.Item) -> Iterator[str]:
    """Yield the fixtures of the wiring that a test has from its own module or class."""
    definitions = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", {})
    for name in sorted(FIXTURES.keys() & definitions.keys()):
        if definitions[name] and not _is_of_conftest(definitions[name][-1]):
            yield name


def _is_suite(cls: type) -> bool:
    return issubclass(cls, Suite) and is_in_policy(cls)


def _counted(requests: Iterator[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return requests with how often each was sent."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for one in requests:
        key = (*one.values(),)
        if key in found:
            found[key]["count"] += 1
        else:
            found[key] = one | {"overridden": [*one["overridden"]], "count": 1}
    return list(found.values())


def _distinct(parts: list[Mapping[str, Any]], name: str) -> list[Mapping[str, Any]]:
    found = {json.dumps(one, sort_keys=True): one for part in parts for one in part.get(name, ())}
    return [found[key] for key in sorted(found)]


def _is_searched(folder: str, name: str) -> bool:
    skipped = name.startswith(".") or name in {"node_modules", "__pycache__", "site-packages"}
    return not skipped and not Path(folder, name, "pyvenv.cfg").exists()
