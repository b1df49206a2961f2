"""The component that a command is about: what the skeletons may use, and where its tests are."""

import ast
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tpgen.core import formatting, settings
from tpgen.core.errors import Misuse
from tpgen.core.files import Change, check
from tpgen.core.names import require_name
from tpgen.core.policy import Kind, factories
from tpgen.core.service import Service
from tpgen.source import components
from tpgen.source.code import Definition, Module
from tpgen.source.components import Component
from tpgen.source.covered import Covered, holes
from tpgen.source.trees import model_of

from . import skeletons
from .classes.context import Facts
from .snapshots import Failure

if TYPE_CHECKING:
    from .routes.requests import App

Identity = Callable[[ast.Module, ast.ClassDef], Hashable | None]


@dataclass(frozen=True)
class Subject:
    """A component, ready for the skeletons.

    Attributes:
        title: as a person calls it: "step detect_pii".
        name: what `{name}` stands for in a path.
        facts: what the skeletons may use.
        missing: what is to be built first, as a sentence; empty where the component is there.
        note: what is not known of the component, as a sentence; empty if all is.
        changes: the component's own files.
        identity: what tells that a test class is about this very component; its name, if None.
        file: where the component has its tests already, if not where the kind says.
        snapshot: whether its test compares with a snapshot, which is to be recorded.
        without: the same without the guesses that failures prove wrong, or None.
    """

    title: str
    name: str
    facts: Mapping[str, Any]
    missing: str = ""
    note: str = ""
    changes: tuple[Change, ...] = ()
    identity: Identity | None = None
    file: Path | None = None
    snapshot: bool = False
    without: "Callable[[list[Failure]], Subject | None]" = lambda failures: None


def find(
    service: Service, kind: Kind, words: list[str], with_source: bool, observe: bool
) -> Subject:
    """Look at the component that was typed.

    Args:
        service: where.
        kind: of the component.
        words: what was typed behind the kind: a name, or method and path.
        with_source: whether to plan a start of the component too, where it is not there.
        observe: whether a route may get a request without credentials; its handler does not run.

    Raises:
        Misuse: the component can't be told, or a file can't be read.
    """
    if kind.introspect == "route":
        return _of_route(service, kind, words, with_source, observe)
    if kind.introspect == "model":
        return _of_model(service, kind, words)
    return _of_source(service, kind, words, with_source)


def read(service: Service, path: Path) -> bytes | None:
    """What a file of the service holds; None where there is none.

    Raises:
        Misuse: it can't be read.
    """
    file = service.root / path
    try:
        return file.read_bytes() if file.exists() else None
    except OSError as error:
        raise Misuse(f"{path} can't be read: {error.strerror}; nothing was written") from None


def _of_source(service: Service, kind: Kind, words: list[str], with_source: bool) -> Subject:
    name = require_name(words[0])
    component = components.find(service, kind, name)
    name = component.name
    title = f"{kind.name} {name}"
    changes: tuple[Change, ...] = ()
    missing = ""
    if not component.exists and with_source:
        facts = _common(service, kind, name) | {"component": Facts(component)}
        start = _start(service, kind, component.path, facts)
        changes = (start,)
        component = _built(service, component, start.after or b"")
    elif not component.exists:
        offer = "; `--with-source` writes a start" if kind.source else ""
        missing = (
            f"there is no {title} yet: build {component.class_name} in {component.path}{offer}"
        )
    facts = _common(service, kind, name) | {"component": Facts(component)}
    return Subject(title, name, facts, missing, changes=changes)


def _common(service: Service, kind: Kind, name: str) -> dict[str, Any]:
    return {"kind": kind.name, "name": name, "package": service.packages[0].name}


def _start(service: Service, kind: Kind, path: Path, facts: Mapping[str, Any]) -> Change:
    """The file of a component that nobody has built yet."""
    check(service.root, path)
    if (service.root / path).exists():
        raise Misuse(
            f"{path} is there, and holds no such {kind.name}: add it there, or leave out "
            "--with-source"
        )
    text = skeletons.render(service, kind.source, facts)
    return Change(path, None, formatting.tidy(service, path, text).encode())


def _built(service: Service, component: Component, text: bytes) -> Component:
    """The component as its start will define it."""
    folder = service.packages[0].parent
    module = Module(service.root / component.path, folder, text)
    definition = Definition(module, module.definitions[component.class_name])
    return Component(**{**vars(component), "definition": definition})


def _of_route(
    service: Service, kind: Kind, words: list[str], with_source: bool, observe: bool
) -> Subject:
    from .routes import context as route_tests
    from .routes import naming
    from .routes import requests as routes

    app = routes.read(service, (words[0].upper(), words[1]) if observe else None)
    route = app.find(*words)
    method, path = words[0].upper(), route.path if route else words[1]
    if route and app.is_open and not route.is_public:
        raise Misuse(_why_open(service, f"{method} {path}"))
    covered, own = Covered([*app.routes, (method, path)]), (method, holes(path))
    name = naming.name_of_file(route, path)
    title = f"{kind.name} {method} {path}"
    missing = "" if route else f"{title} is not in the app yet{_nearest(app, method, path)}"
    changes: tuple[Change, ...] = ()
    if not route and with_source:
        home = service.packages[0] / kind.sources[0]
        package = ".".join(home.parent.relative_to(service.packages[0].parent).parts)
        prefix = naming.prefix_of_routers(service, app.facts.values(), package)
        start = _common(service, kind, name) | naming.start(method, path, prefix)
        module = Path(str(home.relative_to(service.root)).replace("{name}", name))
        changes = (_start(service, kind, module, start),)
        same = f", with the prefix {prefix} as the others" if prefix else ""
        missing += f": include the router of the new module in it{same}"
    file = covered.files(service, kind).get(own)
    own_tests = [test for test in kind.tests if not test.is_shared]
    there = [file or Path(test.path.replace("{name}", name)) for test in own_tests]
    taken = {name for one in there for name in covered.taken(service.root / one, own)}

    def facts(failures: Sequence[Failure] = ()) -> dict[str, Any]:
        described = route or routes.unbuilt(
            method, path, is_public=f"{method} {path}" in app.public
        )
        found = route_tests.facts(service, described, taken, failures)
        return _common(service, kind, name) | found

    first = facts()
    is_known = first["route"].is_known
    is_guess = route is not None and not observe and not route.is_public
    note = "no request was sent: whether the route demands credentials is not known yet"
    subject = Subject(
        title,
        name,
        first,
        missing,
        note if is_guess else "",
        changes,
        covered.identity,
        file,
        is_known,
    )
    return replace(subject, without=lambda failures: _without(subject, facts(failures)))


def _why_open(service: Service, route: str) -> str:
    """Return the error about a route that demands no credentials and is not listed as public."""
    header = "" if "public" in settings.read(service.root).table else "[tool.tpgen.public]\n"
    place = "to pyproject.toml" if header else "below [tool.tpgen.public] in pyproject.toml"
    return (
        f"{route} runs its handler without credentials. If it is public, add this {place}, and run "
        f'the command again:\n\n{header}"{route}" = "why it needs no credentials"\n\n'
        "If not, let a dependency demand credentials first; if the handler itself does, or its "
        "decorator, run the command again with --guarded"
    )


def _without(subject: Subject, facts: Mapping[str, Any]) -> Subject | None:
    """Return the tests of a route with placeholders for the guesses that proved wrong, or None."""
    route = facts["route"]
    if not route.blamed and not route.contradicted:
        return None
    return replace(subject, facts=facts, snapshot=not route.blamed, without=lambda failures: None)


def _nearest(app: "App", method: str, path: str) -> str:
    near = app.nearest(method, path)
    return f" (it has {', '.join(near)})" if near else ""


def _of_model(service: Service, kind: Kind, words: list[str]) -> Subject:
    from tpgen.generate.models import needed

    path = _class_file(kind, words[0]) or factories(service.root)
    text = (read(service, path) or b"").decode(errors="replace")
    found = needed.read(service, words[0], text, str(path))
    if not found.known:
        raise Misuse(found.unknown)
    facts = _common(service, kind, found.model) | {"factories": found}
    return Subject(f"{kind.name} {found.model}", found.model, facts, identity=_model_of)


def _class_file(kind: Kind, name: str) -> Path | None:
    """Return the file in which a kind wants a class for each model, or None."""
    paths = (test.path.replace("{name}", name) for test in kind.tests if not test.suites)
    return next(map(Path, paths), None)


def _model_of(module: ast.Module, owner: ast.ClassDef) -> str | None:
    """What tells which factory a class is: its model."""
    return model_of(owner) or None
