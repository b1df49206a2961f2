"""Which suites the components of a service must have, and which of them they lack."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tpgen import policy
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


@dataclass(frozen=True)
class Lacking:
    """A component, and what it lacks.

    Attributes:
        title: as a person calls it, and as `tpgen` takes it: "step detect_pii".
        what: it lacks.
        path: where the component is, relative to the service.
        line: of it.
    """

    title: str
    what: str
    path: str
    line: int


def lacking(project: Project) -> Iterator[Lacking]:
    """The components of a service that lack a suite of their kind, each with what it lacks.

    Raises:
        Misuse: the policy of the service is broken.
    """
    code = Code(project.service.packages)
    tests = TestClasses(project)
    for kind in policy.kinds(project.root).values():
        if kind.reads == "source":
            yield from _of_sources(project, kind, code, tests)
        elif kind.reads == "route":
            yield from _of_routes(project, kind, code, tests)
        else:
            yield from _of_models(project, kind)


def _of_sources(project: Project, kind: Kind, code: Code, tests: TestClasses) -> Iterator[Lacking]:
    for name, one in components.definitions(code, kind).items():
        suites = {
            pattern.replace("{name}", name): suite
            for pattern, skeleton in kind.tests.items()
            if (suite := _suite(project, skeleton))
        }
        missing = [
            suite
            for home, suite in suites.items()
            if not tests.any(partial(_serves, suite, one, home), [suite, one.name])
        ]
        if missing:
            what = INHERITS + ", and none from ".join(missing)
            yield Lacking(f"{kind.name} {name}", what, *_place(project, one))


def _suite(project: Project, skeleton: str) -> str:
    """The suite that the class of a skeleton inherits from; nothing where it has none."""
    try:
        text = (project.root / SKELETONS / skeleton).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
    found = re.search(r"^class Test.*\((\w+Suite)\):", text, re.MULTILINE)
    return found[1] if found else ""


def _serves(suite: str, one: Definition, home: str, test: TestClass) -> bool:
    """Whether a class brings the cases of a suite to a component."""
    return suite in test.suites and (test.path == home or test.speaks_of(one.name))


def _place(project: Project, one: Definition) -> tuple[str, int]:
    path = one.module.path.relative_to(project.root).as_posix()
    return path, getattr(one.node, "lineno", 1)


def _of_routes(project: Project, kind: Kind, code: Code, tests: TestClasses) -> Iterator[Lacking]:
    """The routes that decorators state, less those that a class of tests states too.

    A router may be included below any prefix, so that a class whose path ends like the route's
    is taken for one about it; a class whose path can't be read is about any route of its method.
    """
    for one in routes(project, code):
        words = [one.method, *re.findall(r"\w+", holes(one.local))]
        if not tests.any(partial(_states, one), words):
            title = f"{kind.name} {one.method} {one.full}"
            yield Lacking(title, INHERITS + " or ".join(ROUTE_SUITES), one.file, one.line)


def _states(route: Stated, test: TestClass) -> bool:
    """Whether a class of tests is about a route."""
    method, path = test.route
    if not (method or path) or not test.suites & set(ROUTE_SUITES):
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
