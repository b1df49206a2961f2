"""Which suites the components of a service must have, and which of them they lack."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path

from tpgen import cases, policy
from tpgen.classes import components
from tpgen.classes.code import Code
from tpgen.errors import Misuse
from tpgen.policy import Kind
from tpgen.routes.covered import holes
from tpgen.routes.rows import FACTORIES

from .inheritance import TestClass, TestClasses
from .project import Project
from .stated_routes import Stated, routes

SKELETONS = Path("tests/policy/skeletons")
INHERITS = "test class that inherits from "
ROUTE_SUITES = ("PublicRouteSuite", "RouteSuite", "IdempotentRouteSuite")
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
        asked: test file to the suites of which one must be there; "" where any file will do.
        words: what a test class of it speaks of.
        is_subject: whether it is what a test class is about, which may stand in this file.
    """

    title: str
    path: str
    line: int
    asked: Mapping[str, Sequence[str]] = field(default_factory=dict)
    words: Sequence[str] = ()
    is_subject: Callable[[str, TestClass], bool] = lambda home, test: False

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
    heirs, stated = cases.heirs(code), cases.read(code)
    for kind in policy.kinds(project.root).values():
        if kind.reads == "model":
            yield from _without_factory(project, kind)
            continue
        for one in of_kind(project, kind):
            missing = {
                home: asked
                for home, asked in one.asked.items()
                if asked and not one.is_proved(tests, _with_heirs(asked, heirs), home)
            }
            if missing:
                wanted = missing.values()
                what = INHERITS + ", and none from ".join(map(" or ".join, wanted))
                day = cases.day_of(
                    [case for case in stated if any(case.suite in asked for asked in wanted)]
                )
                yield Lacking(one.title, what, one.path, one.line, day, list(missing))


def _with_heirs(asked: Sequence[str], heirs: Heirs) -> set[str]:
    return {*asked, *(heir for suite in asked for heir in heirs.get(suite, ()))}


def of_kind(project: Project, kind: Kind) -> Iterator[Component]:
    """The components of a kind."""
    if kind.reads == "source":
        return _sources(project, kind)
    return _routes(project, kind) if kind.reads == "route" else _models(project, kind)


def _sources(project: Project, kind: Kind) -> Iterator[Component]:
    code = Code(project.service.packages)
    for name, one in sorted(components.definitions(code, kind).items()):
        asked = {
            pattern.replace("{name}", name): _asked_by(project.root, skeleton)
            for pattern, skeleton in kind.tests.items()
        }
        path = one.module.path.relative_to(project.root).as_posix()
        line = getattr(one.node, "lineno", 1)
        is_subject = partial(_is_at_home_or_speaks_of, one.name)
        yield Component(f"{kind.name} {name}", path, line, asked, [one.name], is_subject)


def _routes(project: Project, kind: Kind) -> Iterator[Component]:
    for route in routes(project, Code(project.service.packages)):
        title = f"{kind.name} {route.method} {route.full}"
        words = [route.method, *re.findall(r"\w+", holes(route.local))]
        is_subject = partial(_states, route)
        yield Component(title, route.file, route.line, {"": ROUTE_SUITES}, words, is_subject)


def _models(project: Project, kind: Kind) -> Iterator[Component]:
    from tpgen.models import reader

    for name, (path, line) in reader.places(project.service).items():
        yield Component(f"{kind.name} {name}", path, line)


def suites(root: Path, kind: Kind) -> set[str]:
    """The suites that prove the components of a kind.

    Args:
        root: the service whose skeletons are read.
        kind: of components.
    """
    if kind.reads == "route":
        return set(ROUTE_SUITES)
    return {suite for skeleton in kind.tests.values() for suite in _asked_by(root, skeleton)}


def _asked_by(root: Path, skeleton: str) -> Sequence[str]:
    """The suite that the class of a skeleton inherits from, where it has one."""
    try:
        text = (root / SKELETONS / skeleton).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ()
    return re.findall(r"^class Test.*\((\w+Suite)\):", text, re.MULTILINE)[:1]


def _is_at_home_or_speaks_of(name: str, home: str, test: TestClass) -> bool:
    return test.path == home or test.speaks_of(name)


def _states(route: Stated, home: str, test: TestClass) -> bool:
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
    pattern = ".*" + re.escape(holes(route)).replace(r"\{\}", "[^/]+") + "/?"
    return re.fullmatch(pattern, path) is not None


def _without_factory(project: Project, kind: Kind) -> Iterator[Lacking]:
    from tpgen.models import reader

    factories = project.file(FACTORIES)
    try:
        known = reader.factories_of(factories.text if factories else "")
    except Misuse:
        return
    for one in _models(project, kind):
        if one.title.removeprefix(f"{kind.name} ") not in known:
            yield Lacking(one.title, f"class in {FACTORIES}", one.path, one.line)
