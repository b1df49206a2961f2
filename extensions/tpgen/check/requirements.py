"""The suites that the components of a service must have, and those that are missing."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial

from tpgen.core import policy
from tpgen.core.errors import UserError
from tpgen.core.policy import Kind
from tpgen.source import cases, components, models
from tpgen.source.code import Code
from tpgen.source.covered import normalize_path
from tpgen.source.static_routes import StaticRoute, static_routes

from .project import Project
from .test_classes import TestClass, TestClasses

Subclasses = Mapping[str, set[str]]


@dataclass(frozen=True)
class Component:
    """A component of a service, and what a test class of it looks like.

    Attributes:
        title: kind and name, such as "step detect_pii".
        path: its file, relative to the service.
        line: of its definition.
        command: what writes its tests; with `PATH` for a route whose whole path is unknown.
        required: test file, to the suites of which a test class must inherit one.
        class_name: of its class; empty for a route.
        is_about: whether a test class, which may be in this file, is about it.
    """

    title: str
    path: str
    line: int
    command: str
    required: Mapping[str, Sequence[str]] = field(default_factory=dict)
    class_name: str = ""
    is_about: Callable[[TestClass, str], bool] = lambda test, file: False

    def has(self, tests: TestClasses, suites: Collection[str], file: str) -> bool:
        """Return whether a test class about the component has one of some suites."""
        return any(self.is_about(test, file) for test in tests.inheriting(suites))


@dataclass(frozen=True)
class Missing:
    """A component, and the tests that it is missing.

    Attributes:
        component: of the service.
        what: is missing.
        required_from: the date from which it is required, if that is ahead.
        files: the test files where it belongs.
    """

    component: Component
    what: str
    required_from: date | None = None
    files: Collection[str] = ()


def missing(project: Project) -> Iterator[Missing]:
    """Yield the components of a service without a suite of their kind.

    Raises:
        UserError: the policy of the service is broken.
    """
    code, tests = Code([project.root / "tests"]), TestClasses(project)
    subclasses, stated = cases.subclasses(code), cases.read(code)
    for kind in policy.kinds(project.root).values():
        if kind.introspect == "model":
            yield from _without_factory(project, kind)
        shared = _missing_shared(kind, tests, subclasses)
        for component in of_kind(project, kind):
            found = shared | {
                file: suites
                for file, suites in component.required.items()
                if suites and not component.has(tests, _accepted(suites, subclasses), file)
            }
            shared = {}  # The first component of the kind stands for all.
            if found:
                suites = [" or ".join(names) for names in found.values()]
                what = f"test class that inherits from {', and none from '.join(suites)}"
                wanted = {name for names in found.values() for name in names}
                day = cases.day_of([case for case in stated if case.suite in wanted])
                yield Missing(component, what, day, list(found))


def _missing_shared(
    kind: Kind, tests: TestClasses, subclasses: Subclasses
) -> dict[str, Sequence[str]]:
    """Return the shared test files of a kind whose suites no test class has."""
    return {
        test.path: test.suite_names
        for test in kind.tests
        if test.is_shared and not tests.inheriting(_accepted(test.suite_names, subclasses))
    }


def _accepted(suites: Sequence[str], subclasses: Subclasses) -> set[str]:
    return {*suites, *(name for suite in suites for name in subclasses.get(suite, ()))}


def of_kind(project: Project, kind: Kind) -> Iterator[Component]:
    """Yield the components of a kind."""
    read = {"source": _sources, "route": _routes, "model": _models}
    return read[kind.introspect](project, kind)


def _sources(project: Project, kind: Kind) -> Iterator[Component]:
    code = Code(project.service.packages)
    for name, found in sorted(components.definitions(code, kind).items()):
        path = found.module.path.relative_to(project.root).as_posix()
        yield _class(kind, name, found.name, path, getattr(found.node, "lineno", 1))


def _models(project: Project, kind: Kind) -> Iterator[Component]:
    for name, (path, line) in models.places(project.service).items():
        yield _class(kind, name, name, path, line)


def _class(kind: Kind, name: str, class_name: str, path: str, line: int = 1) -> Component:
    own = (test for test in kind.tests if not test.is_shared)
    required = {test.path.replace("{name}", name): test.suite_names for test in own}
    is_about = partial(_is_about_class, class_name)
    title = f"{kind.name} {name}"
    return Component(title, path, line, f"tpgen {title}", required, class_name, is_about)


def _is_about_class(class_name: str, test: TestClass, file: str) -> bool:
    return test.path == file or class_name in test.names


def made(kind: Kind, path: str, class_name: str) -> Component:
    """Return the component of a class that a run made and that no pattern of its kind names.

    Args:
        kind: whose suite it was made for.
        path: of its module, relative to the service.
        class_name: its name.
    """
    return _class(kind, path.rpartition("/")[2].removesuffix(".py"), class_name, path)


def _routes(project: Project, kind: Kind) -> Iterator[Component]:
    # The name of the test file depends on the running app: any file will do.
    required = {test.path: test.suite_names for test in kind.tests if not test.is_shared}
    for route in static_routes(Code(project.service.packages)):
        path = route.module.path.relative_to(project.root).as_posix()
        name = f"{kind.name} {route.method}"
        # Only the app knows the whole path.
        title, command = f"{name} {route.full}", f"tpgen {name} {route.full}"
        if not route.full:
            title, command = f"{name} …{route.local}", f"tpgen {name} PATH"
        is_about = partial(_is_about_route, route)
        yield Component(title, path, route.line, command, required, "", is_about)


def _is_about_route(route: StaticRoute, test: TestClass, file: str) -> bool:
    """Return whether a test class states a route.

    A router may be included below any prefix, so the end of the path decides. A class whose path
    can't be read is about any route of its method.
    """
    method, path = test.route
    if not (method or path):
        return False
    return method in ("", route.method) and (not path or _ends_with(path, route.local))


def _ends_with(path: str, local: str) -> bool:
    pattern = ".*" + re.escape(normalize_path(local)).replace(r"\{\}", "[^/]+") + "/?"
    return re.fullmatch(pattern, path) is not None


def suites(kind: Kind) -> set[str]:
    """Return the names of the suites that prove the components of a kind."""
    return {name for test in kind.tests for name in test.suite_names}


def _without_factory(project: Project, kind: Kind) -> Iterator[Missing]:
    """Yield the models without a class in the file that needs no suite: their factories."""
    for test in kind.tests:
        for component in _models(project, kind) if not test.suites else ():
            path = test.path.replace("{name}", component.class_name)
            file = project.file(path)
            try:
                known = models.factories_of(file.text if file else "", path)
            except UserError:
                break  # TPG001 reports the file.
            if component.class_name not in known:
                yield Missing(component, f"class in {path}")
