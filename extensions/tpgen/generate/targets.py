"""The component that a command is about: its context for the skeletons, and its test files."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tpgen.core import formatting
from tpgen.core.errors import UserError
from tpgen.core.files import Change, check
from tpgen.core.names import require_name
from tpgen.core.policy import Kind, factories
from tpgen.core.service import Service
from tpgen.source import components
from tpgen.source.code import Definition, Module
from tpgen.source.covered import Covered, normalize_path

from . import skeletons
from .classes.context import ComponentContext
from .merge import Identity
from .snapshots import Failure

if TYPE_CHECKING:
    from .routes.app import App
    from .routes.route import Route


@dataclass(frozen=True)
class Target:
    """A component, ready for the skeletons.

    Attributes:
        title: such as "step detect_pii"; `name` is what `{name}` stands for in a path.
        missing: what is to be built first, as a sentence; empty if the component exists.
        changes: the component's own files.
        identity: returns which component a test class is about; its name says that, if None.
        file: the test file of the component, if it is not where the kind says.
        snapshot: whether its test compares with a snapshot, which is to be recorded.
        without: returns the target without the guesses that failures prove wrong, or None.
    """

    kind: Kind
    title: str
    name: str
    context: Mapping[str, Any]
    missing: str = ""
    changes: Sequence[Change] = ()
    identity: Identity | None = None
    file: Path | None = None
    snapshot: bool = False
    without: "Callable[[list[Failure]], Target | None]" = lambda failures: None


def find(
    service: Service, kind: Kind, words: list[str], with_source: bool, observe: bool
) -> Target:
    """Return the component of a command.

    Args:
        words: a name, or method and path.
        with_source: plan the start of a missing component too.
        observe: send a route a request without credentials; its handler does not run.

    Raises:
        UserError: no component or several are meant, or a file can't be read.
    """
    if kind.introspect == "route":
        return _of_route(service, kind, words, with_source, observe)
    if kind.introspect == "model":
        return _of_model(service, kind, words[0])
    return _of_source(service, kind, words[0], with_source)


def read(service: Service, path: Path) -> str | None:
    """Return the text of a Python file, or None if there is none; `UserError` if unreadable."""
    file = service.root / path
    try:
        return file.read_bytes().decode() if file.exists() else None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} can't be read as UTF-8 ({error}); nothing was written") from None


def _of_source(service: Service, kind: Kind, word: str, with_source: bool) -> Target:
    component = components.find(service, kind, require_name(word))
    title = f"{kind.name} {component.name}"
    common = _common(service, kind, component.name)
    context = common | {"component": ComponentContext(component)}
    if component.exists:
        return Target(kind, title, component.name, context)
    place = f"{component.class_name} in {component.path}"
    if not with_source:
        offer = "; `--with-source` writes a start" if kind.source else ""
        missing = f"there is no {title} yet: build {place}{offer}"
        return Target(kind, title, component.name, context, missing)
    start = _start(service, kind, component.path, context)
    module = Module(service.root / component.path, service.packages[0].parent, start.after)
    definition = Definition(module, module.definitions[component.class_name])
    context = common | {"component": ComponentContext(replace(component, definition=definition))}
    return Target(kind, title, component.name, context, changes=[start])


def _of_model(service: Service, kind: Kind, word: str) -> Target:
    from .models import needed

    path = factories(service.root)
    found = needed.read(service, word, read(service, path) or "", str(path))
    context = _common(service, kind, found.model) | {"factories": found}
    return Target(kind, f"{kind.name} {found.model}", found.model, context)


def _of_route(
    service: Service, kind: Kind, words: list[str], with_source: bool, observe: bool
) -> Target:
    from .routes import app as routes
    from .routes import context as route_tests
    from .routes import naming
    from .routes.route import Route

    app = routes.read(service, (words[0].upper(), words[1]) if observe else None)
    found = app.find(*words)
    method, path = words[0].upper(), found.path if found else words[1]
    route = found or Route(method, path, is_public=f"{method} {path}" in app.public)
    if found and app.is_open and not route.is_public:
        raise UserError(
            f"{method} {path} runs its handler without credentials. If it is public, add this "
            "below [tool.tpgen.public] in pyproject.toml, and run the command again:\n\n"
            f'"{method} {path}" = "why it needs no credentials"\n\n'
            "If not, let a dependency demand credentials first; if the handler itself does, or "
            "its decorator, run the command again with --guarded"
        )
    name = naming.name_of_file(found, path)
    covered, key = Covered([*app.routes, (method, path)]), (method, normalize_path(path))
    file = covered.files(service, kind).get(key)
    own = (test.path.replace("{name}", name) for test in kind.tests if not test.is_shared)
    test_files = [file] if file else map(Path, own)
    taken = {owner for test in test_files for owner in covered.taken(service.root / test, key)}
    title, common = f"{kind.name} {method} {path}", _common(service, kind, name)

    def without(failures: Sequence[Failure]) -> Target | None:
        context = common | route_tests.context(service, route, taken, failures)
        blamed, contradicted = context["route"].blamed, context["route"].contradicted
        if not blamed and not contradicted:
            return None
        return replace(target, context=context, snapshot=not blamed, without=lambda failures: None)

    context = common | route_tests.context(service, route, taken, ())
    target = Target(
        kind, title, name, context, identity=covered.identity, file=file, without=without
    )
    target = replace(target, snapshot=context["route"].is_known)
    return target if found else _route_to_build(service, target, app, route, with_source)


def _route_to_build(
    service: Service, target: Target, app: "App", route: "Route", with_source: bool
) -> Target:
    from .routes import naming

    near = ", ".join(app.nearest(route.method, route.path))
    missing = f"{target.title} is not in the app yet" + (f" (it has {near})" if near else "")
    if not with_source:
        return replace(target, missing=missing)
    home = service.packages[0] / target.kind.sources[0].replace("{name}", target.name)
    context = {**target.context, **naming.start(route)}
    change = _start(service, target.kind, home.relative_to(service.root), context)
    missing += ": include the router of the new module in it; if you give it a prefix, take that "
    missing += "out of the path there"
    return replace(target, missing=missing, changes=[change])


def _common(service: Service, kind: Kind, name: str) -> dict[str, Any]:
    return {"kind": kind.name, "name": name, "package": service.packages[0].name}


def _start(service: Service, kind: Kind, path: Path, context: Mapping[str, Any]) -> Change:
    """Return the file of a component that does not exist yet."""
    check(service.root, path)
    if (service.root / path).exists():
        raise UserError(
            f"{path} is there, and holds no such {kind.name}: add it there, or leave out "
            "--with-source"
        )
    text = skeletons.render(service, kind.source, context)
    return Change(path, None, formatting.tidy(service, path, text).encode())
