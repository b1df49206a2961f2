"""Which suites the components of a service must have, and which of them they lack."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path

from tpgen import cases, policy
from tpgen.classes import components
from tpgen.classes.code import Code, Definition
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
    """

    title: str
    what: str
    path: str
    line: int
    required_from: date | None = None


def lacking(project: Project) -> Iterator[Lacking]:
    """The components of a service that lack a suite of their kind, each with what it lacks.

    Raises:
        Misuse: the policy of the service is broken.
    """
    code = Code(project.service.packages)
    tests = TestClasses(project)
    heirs = cases.heirs(project.root / "tests")
    for kind in policy.kinds(project.root).values():
        if kind.reads == "source":
            yield from _of_sources(project, kind, code, tests, heirs)
        elif kind.reads == "route":
            yield from _of_routes(project, kind, code, tests, heirs)
        else:
            yield from _of_models(project, kind)


def _of_sources(
    project: Project, kind: Kind, code: Code, tests: TestClasses, heirs: Heirs
) -> Iterator[Lacking]:
    for name, one in components.definitions(code, kind).items():
        homes = {
            pattern.replace("{name}", name): suite
            for pattern, skeleton in kind.tests.items()
            if (suite := _suite(project.root, skeleton))
        }
        missing = [
            suite
            for home, suite in homes.items()
            if not tests.any(
                partial(_serves, {suite, *heirs.get(suite, ())}, one, home), [suite, one.name]
            )
        ]
        if missing:
            what = INHERITS + ", and none from ".join(missing)
            day = _day(project, missing)
            yield Lacking(f"{kind.name} {name}", what, *_place(project, one), day)


def _day(project: Project, missing: Collection[str]) -> date | None:
    """The day until which new suites may lack; None where one of them is required already."""
    found = [one for one in cases.read(project.root / "tests") if one.suite in missing]
    return cases.day_of(found)


def suites(root: Path, kind: Kind) -> set[str]:
    """The suites that prove the components of a kind.

    Args:
        root: the service whose skeletons are read.
        kind: of components.
    """
    if kind.reads == "route":
        return set(ROUTE_SUITES)
    return {suite for skeleton in kind.tests.values() if (suite := _suite(root, skeleton))}


def named(project: Project, kind: Kind) -> Iterator[str]:
    """The components of a kind, as `tpgen` takes them; of models none, since nothing lists them."""
    code = Code(project.service.packages)
    if kind.reads == "source":
        yield from (f"{kind.name} {name}" for name in sorted(components.definitions(code, kind)))
    elif kind.reads == "route":
        yield from (f"{kind.name} {one.method} {one.full}" for one in routes(project, code))


def with_suite(project: Project, kind: Kind, wanted: set[str]) -> Iterator[str]:
    """The components of a kind that a test class proves by one of these suites."""
    code = Code(project.service.packages)
    tests = TestClasses(project)
    if kind.reads == "source":
        for name, one in sorted(components.definitions(code, kind).items()):
            homes = [pattern.replace("{name}", name) for pattern in kind.tests]
            if any(tests.any(partial(_serves, wanted, one, home), [one.name]) for home in homes):
                yield f"{kind.name} {name}"
    elif kind.reads == "route":
        for route in routes(project, code):
            if tests.any(partial(_states, wanted, route), []):
                yield f"{kind.name} {route.method} {route.full}"


def _suite(root: Path, skeleton: str) -> str:
    """The suite that the class of a skeleton inherits from; nothing where it has none."""
    try:
        text = (root / SKELETONS / skeleton).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
    found = re.search(r"^class Test.*\((\w+Suite)\):", text, re.MULTILINE)
    return found[1] if found else ""


def _serves(wanted: set[str], one: Definition, home: str, test: TestClass) -> bool:
    """Whether a class brings the cases of one of some suites to a component."""
    return bool(wanted & test.suites) and (test.path == home or test.speaks_of(one.name))


def _place(project: Project, one: Definition) -> tuple[str, int]:
    path = one.module.path.relative_to(project.root).as_posix()
    return path, getattr(one.node, "lineno", 1)


def _of_routes(
    project: Project, kind: Kind, code: Code, tests: TestClasses, heirs: Heirs
) -> Iterator[Lacking]:
    """The routes that decorators state, less those that a class of tests states too.

    A router may be included below any prefix, so that a class whose path ends like the route's
    is taken for one about it; a class whose path can't be read is about any route of its method.
    """
    wanted = {*ROUTE_SUITES, *(heir for suite in ROUTE_SUITES for heir in heirs.get(suite, ()))}
    for one in routes(project, code):
        words = [one.method, *re.findall(r"\w+", holes(one.local))]
        if not tests.any(partial(_states, wanted, one), words):
            title = f"{kind.name} {one.method} {one.full}"
            yield Lacking(title, INHERITS + " or ".join(ROUTE_SUITES), one.file, one.line)


def _states(wanted: set[str], route: Stated, test: TestClass) -> bool:
    """Whether a class of tests brings the cases of one of some suites to a route."""
    method, path = test.route
    if not (method or path) or not test.suites & wanted:
        return False
    return method in ("", route.method) and (not path or _ends(path, route.local))


def _ends(path: str, route: str) -> bool:
    """Whether the path of a test is that of a route, below whatever prefix."""
    pattern = ".*" + re.escape(holes(route)).replace(r"\{\}", "[^/]+") + "/?"
    return re.fullmatch(pattern, path) is not None


def _of_models(project: Project, kind: Kind) -> Iterator[Lacking]:
    from tpgen.models import reader as models

    factories = project.file(FACTORIES)
    try:
        known = models.factories_of(factories.text if factories else "")
    except Misuse:
        return
    for name, (path, line) in models.places(project.service).items():
        if name not in known:
            yield Lacking(f"{kind.name} {name}", f"class in {FACTORIES}", path, line)
