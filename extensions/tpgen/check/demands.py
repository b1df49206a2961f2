"""The suites that the components of a service must have, and those that they lack."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial

from tpgen.core import policy
from tpgen.core.errors import Misuse
from tpgen.core.policy import Kind
from tpgen.source import cases, components, models
from tpgen.source.code import Code
from tpgen.source.covered import normalize_path
from tpgen.source.static_routes import StaticRoute, static_routes

from .inheritance import TestClass, TestClasses
from .project import Project

INHERITS = "test class that inherits from "
Heirs = Mapping[str, set[str]]


@dataclass(frozen=True)
class Lacking:
    """A component, and what it lacks.

    Attributes:
        title: as a person calls it, and as `tpgen` takes it: "step detect_pii".
        what: it lacks.
        path: where the component is, relative to the service.
        line: of it.
        required_from: the day from which on it must have that, where that is still ahead.
        homes: the test files where that would be.
    """

    title: str
    what: str
    path: str
    line: int
    required_from: date | None = None
    homes: Collection[str] = ()


@dataclass(frozen=True)
class Component:
    """A component of a service, and the test classes that may prove it.

    Attributes:
        title: as a person calls it, and as `tpgen` takes it: "step detect_pii".
        path: where it is, relative to the service.
        line: of it.
        asked: test file, to the suites of which a test class must inherit one.
        words: what a test class of it speaks of.
        is_subject: whether it is what a test class is about, which may stand in this file.
    """

    title: str
    path: str
    line: int
    asked: Mapping[str, Sequence[str]] = field(default_factory=dict)
    words: Sequence[str] = ()
    is_subject: Callable[[str, TestClass], bool] = lambda home, test: False

    @property
    def class_name(self) -> str:
        """The name of the class that it is; of a route it is its method."""
        return self.words[0]

    def is_proved(self, tests: TestClasses, wanted: Collection[str], home: str) -> bool:
        """Whether a test class about it has one of some suites."""
        return tests.any(
            lambda test: not test.suites.isdisjoint(wanted) and self.is_subject(home, test),
            self.words,
        )


def lacking(project: Project) -> Iterator[Lacking]:
    """The components of a service that lack a suite of their kind, each with what it lacks.

    Raises:
        Misuse: the policy of the service is broken.
    """
    code, tests = Code([project.root / "tests"]), TestClasses(project)
    heirs, stated = cases.subclasses(code), cases.read(code)
    for kind in policy.kinds(project.root).values():
        if kind.introspect == "model":
            yield from _without_class(project, kind)
        shared = _missing_shared(kind, tests, heirs)
        for one in of_kind(project, kind):
            missing = shared | {
                home: asked
                for home, asked in one.asked.items()
                if asked and not one.is_proved(tests, _with_heirs(asked, heirs), home)
            }
            shared = {}
            if missing:
                wanted = missing.values()
                what = INHERITS + ", and none from ".join(map(" or ".join, wanted))
                day = cases.day_of(
                    [case for case in stated if any(case.suite in asked for asked in wanted)]
                )
                yield Lacking(one.title, what, one.path, one.line, day, list(missing))


def _missing_shared(kind: Kind, tests: TestClasses, heirs: Heirs) -> dict[str, Sequence[str]]:
    """Return the shared test files of a kind whose suites no test class has."""
    return {
        test.path: test.suite_names
        for test in kind.tests
        if test.is_shared and not tests.inheriting(_with_heirs(test.suite_names, heirs))
    }


def _with_heirs(asked: Sequence[str], heirs: Heirs) -> set[str]:
    return {*asked, *(heir for suite in asked for heir in heirs.get(suite, ()))}


def of_kind(project: Project, kind: Kind) -> Iterator[Component]:
    """The components of a kind."""
    read = {"source": _sources, "route": _routes, "model": _models}
    return read[kind.introspect](project, kind)


def _sources(project: Project, kind: Kind) -> Iterator[Component]:
    code = Code(project.service.packages)
    for name, one in sorted(components.definitions(code, kind).items()):
        path = one.module.path.relative_to(project.root).as_posix()
        line = getattr(one.node, "lineno", 1)
        is_subject = partial(_is_at_home_or_speaks_of, one.name)
        title = f"{kind.name} {name}"
        yield Component(title, path, line, _asked(kind, name), [one.name], is_subject)


def made(kind: Kind, path: str, class_name: str) -> Component:
    """Return the component that a class is of which only a run has told.

    Args:
        kind: whose suite it was made for.
        path: of its module, relative to the service.
        class_name: its name.
    """
    name = path.rpartition("/")[2].removesuffix(".py")
    return Component(f"{kind.name} {name}", path, 1, _asked(kind, name), [class_name])


def _asked(kind: Kind, name: str) -> dict[str, Sequence[str]]:
    own_tests = (test for test in kind.tests if not test.is_shared)
    return {test.path.replace("{name}", name): test.suite_names for test in own_tests}


def _routes(project: Project, kind: Kind) -> Iterator[Component]:
    for route in static_routes(Code(project.service.packages)):
        title = f"{kind.name} {route.method} {route.full}"
        words = [route.method, *re.findall(r"\w+", normalize_path(route.local))]
        is_subject = partial(_states, route)
        # Which name the file has depends on the running app: any file will do.
        asked = {test.path: test.suite_names for test in kind.tests if not test.is_shared}
        path = route.module.path.relative_to(project.root).as_posix()
        yield Component(title, path, route.line, asked, words, is_subject)


def _models(project: Project, kind: Kind) -> Iterator[Component]:
    for name, (path, line) in models.places(project.service).items():
        is_subject = partial(_is_at_home_or_speaks_of, name)
        title = f"{kind.name} {name}"
        yield Component(title, path, line, _asked(kind, name), [name], is_subject)


def suites(kind: Kind) -> set[str]:
    """Return the names of the suites that prove the components of a kind."""
    return {name for test in kind.tests for name in test.suite_names}


def _is_at_home_or_speaks_of(name: str, home: str, test: TestClass) -> bool:
    return test.path == home or test.speaks_of(name)


def _states(route: StaticRoute, home: str, test: TestClass) -> bool:
    """Whether a class of tests states a route.

    A router may be included below any prefix, so that a class whose path ends like the route's
    is taken for one about it; a class whose path can't be read is about any route of its method.
    """
    method, path = test.route
    if not (method or path):
        return False
    return method in ("", route.method) and (not path or _ends(path, route.local))


def _ends(path: str, route: str) -> bool:
    """Whether the path of a test is that of a route, below whatever prefix."""
    pattern = ".*" + re.escape(normalize_path(route)).replace(r"\{\}", "[^/]+") + "/?"
    return re.fullmatch(pattern, path) is not None


def _without_class(project: Project, kind: Kind) -> Iterator[Lacking]:
    """Yield the models that have no class in a file that needs no suite: their factories."""
    for test in kind.tests:
        for one in _models(project, kind) if not test.suites else ():
            name = one.title.removeprefix(f"{kind.name} ")
            path = test.path.replace("{name}", name)
            file = project.file(path)
            try:
                known = models.factories_of(file.text if file else "", path)
            except Misuse:
                break
            if name not in known:
                yield Lacking(one.title, f"class in {path}", one.path, one.line)
