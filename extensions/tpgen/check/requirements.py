"""The suites that the components of a service must have, and those that are missing."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from tpgen.core import policy
from tpgen.core.errors import UserError
from tpgen.core.names import to_snake
from tpgen.core.policy import Kind
from tpgen.source import cases, components, models
from tpgen.source.code import Code
from tpgen.source.covered import normalize_path
from tpgen.source.static_routes import StaticRoute, static_routes

from . import test_classes
from .project import Project


@dataclass(frozen=True)
class Component:
    """A component of a service, and what a test class of it looks like.

    Attributes:
        title: kind and name, such as "step detect_pii".
        command: what writes its tests; with `PATH` for a route whose whole path is unknown.
        required: test file, to the suites of which a test class must inherit one.
        class_name: of its class; empty for a route.
    """

    title: str
    path: str
    line: int
    command: str
    required: Mapping[str, Sequence[str]]
    class_name: str = ""
    route: StaticRoute | None = None

    def has(self, project: Project, suites: Collection[str], file: str) -> bool:
        """Return whether a test class about the component has one of some suites.

        A router may be included below any prefix, so the end of the path of a route decides. A
        class whose path can't be read is about any route of its method.
        """
        tests = [test for test in test_classes.of(project) if not test.suites.isdisjoint(suites)]
        if self.route is None:
            return any(test.path == file or self.class_name in test.names for test in tests)
        local = re.escape(normalize_path(self.route.local)).replace(r"\{\}", "[^/]+")
        paths = [
            path for method, path in (test.route for test in tests) if method == self.route.method
        ]
        return any(not path or re.fullmatch(f".*{local}/?", path) for path in paths)


@dataclass(frozen=True)
class Missing:
    """A component, and the tests that it is missing.

    Attributes:
        required_from: the date from which it is required, if that is ahead.
    """

    component: Component
    what: str
    required_from: date | None = None


def missing(project: Project) -> Iterator[Missing]:
    """Yield the components of a service without a suite of their kind."""
    code = Code([project.root / "tests"])
    subclasses, stated = cases.subclasses(code), cases.read(code)
    used = {suite for test in test_classes.of(project) for suite in test.suites}

    def accepted(suites: Sequence[str]) -> set[str]:
        return {*suites, *(name for suite in suites for name in subclasses.get(suite, ()))}

    for kind in policy.kinds(project.root).values():
        if kind.introspect == "model":
            yield from _without_factory(project, kind)
        shared = {
            test.path: test.suite_names
            for test in kind.tests
            if test.is_shared and used.isdisjoint(accepted(test.suite_names))
        }
        for component in of_kind(project, kind):
            found = shared | {
                file: suites
                for file, suites in component.required.items()
                if suites and not component.has(project, accepted(suites), file)
            }
            shared = {}  # The first component of the kind stands for all.
            if found:
                suites = [" or ".join(names) for names in found.values()]
                what = f"test class that inherits from {', and none from '.join(suites)}"
                wanted = {name for names in found.values() for name in names}
                day = cases.day_of([case for case in stated if case.suite in wanted])
                yield Missing(component, what, day)


def of_kind(project: Project, kind: Kind) -> Iterator[Component]:
    if kind.introspect == "route":
        yield from _routes(project, kind)
        return
    if kind.introspect == "class":
        found = components.exported(project.code)
    elif kind.introspect == "model":
        found = {model.name: model for model in models.definitions(project.code)}
    else:
        found = components.definitions(project.code, kind)
    for name, owner in sorted(found.items()):
        path = owner.module.path.relative_to(project.root).as_posix()
        yield of_class(kind, name, owner.name, path, getattr(owner.node, "lineno", 1))


def of_class(kind: Kind, name: str, class_name: str, path: str, line: int = 1) -> Component:
    """Return the component of a class, which may be of another place than the kind's patterns."""
    own = (test for test in kind.tests if not test.is_shared)
    stem = to_snake(name) if kind.introspect == "class" else name
    required = {test.path.replace("{name}", stem): test.suite_names for test in own}
    title = f"{kind.name} {name}"
    return Component(title, path, line, f"tpgen {title}", required, class_name)


def _routes(project: Project, kind: Kind) -> Iterator[Component]:
    # The name of the test file depends on the running app: any file will do.
    required = {test.path: test.suite_names for test in kind.tests if not test.is_shared}
    for route in static_routes(project.code):
        path = route.module.path.relative_to(project.root).as_posix()
        name = f"{kind.name} {route.method}"
        # Only the app knows the whole path.
        title = f"{name} {route.full or f'…{route.local}'}"
        command = f"tpgen {name} {route.full or 'PATH'}"
        yield Component(title, path, route.line, command, required, route=route)


def suites(kind: Kind) -> set[str]:
    """Return the names of the suites that prove the components of a kind."""
    return {name for test in kind.tests for name in test.suite_names}


def _without_factory(project: Project, kind: Kind) -> Iterator[Missing]:
    """Yield the models without a class in the file that needs no suite: their factories."""
    for test in kind.tests:
        for component in of_kind(project, kind) if not test.suites else ():
            path = test.path.replace("{name}", component.class_name)
            file = project.file(path)
            try:
                known = models.factories_of(file.text if file else "", path)
            except UserError:
                break  # TPG001 reports the file.
            if component.class_name not in known:
                yield Missing(component, f"class in {path}")
