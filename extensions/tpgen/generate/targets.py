"""The component that a command is about: its context for the skeletons, and its test files."""

import ast
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tpgen.core import formatting, settings
from tpgen.core.errors import UserError
from tpgen.core.files import Change, check
from tpgen.core.names import require_name
from tpgen.core.policy import Kind, factories
from tpgen.core.service import Service
from tpgen.source import components
from tpgen.source.code import Definition, Module
from tpgen.source.covered import Covered, normalize_path
from tpgen.source.trees import model_of

from . import skeletons
from .classes.context import ComponentContext
from .snapshots import Failure

if TYPE_CHECKING:
    from .routes.app import App

Identity = Callable[[ast.Module, ast.ClassDef], Hashable | None]


@dataclass(frozen=True)
class Target:
    """A component, ready for the skeletons.

    Attributes:
        kind: of the component.
        title: such as "step detect_pii".
        name: what `{name}` stands for in a path.
        context: the variables of the skeletons.
        missing: what is to be built first, as a sentence; empty if the component exists.
        note: what is not known of the component, as a sentence.
        changes: the component's own files.
        identity: returns which component a test class is about; its name counts, if None.
        file: the test file of the component, if it is not where the kind says.
        snapshot: whether its test compares with a snapshot, which is to be recorded.
        without: returns the target without the guesses that failures prove wrong, or None.
    """

    kind: Kind
    title: str
    name: str
    context: Mapping[str, Any]
    missing: str = ""
    note: str = ""
    changes: tuple[Change, ...] = ()
    identity: Identity | None = None
    file: Path | None = None
    snapshot: bool = False
    without: "Callable[[list[Failure]], Target | None]" = lambda failures: None


def find(
    service: Service, kind: Kind, words: list[str], with_source: bool, observe: bool
) -> Target:
    """Return the component of a command.

    Args:
        service: where.
        kind: of the component.
        words: the arguments of the command: a name, or method and path.
        with_source: plan a start of the component too, if it does not exist.
        observe: send a route a request without credentials; its handler does not run.

    Raises:
        UserError: no component or several are meant, or a file can't be read.
    """
    if kind.introspect == "route":
        return _of_route(service, kind, words, with_source, observe)
    if kind.introspect == "model":
        return _of_model(service, kind, words)
    return _of_source(service, kind, words, with_source)


def read(service: Service, path: Path) -> bytes | None:
    """Return the content of a file of the service, or None if there is no such file.

    Raises:
        UserError: it can't be read.
    """
    file = service.root / path
    try:
        return file.read_bytes() if file.exists() else None
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror}; nothing was written") from None


def _of_source(service: Service, kind: Kind, words: list[str], with_source: bool) -> Target:
    component = components.find(service, kind, require_name(words[0]))
    title = f"{kind.name} {component.name}"
    common = _common(service, kind, component.name)
    changes: tuple[Change, ...] = ()
    missing = ""
    if not component.exists and with_source:
        context = common | {"component": ComponentContext(component)}
        start = _start(service, kind, component.path, context)
        changes = (start,)
        file = service.root / component.path
        module = Module(file, service.packages[0].parent, start.after)
        definition = Definition(module, module.definitions[component.class_name])
        component = replace(component, definition=definition)
    elif not component.exists:
        offer = "; `--with-source` writes a start" if kind.source else ""
        missing = (
            f"there is no {title} yet: build {component.class_name} in {component.path}{offer}"
        )
    context = common | {"component": ComponentContext(component)}
    return Target(kind, title, component.name, context, missing, changes=changes)


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


def _of_route(
    service: Service, kind: Kind, words: list[str], with_source: bool, observe: bool
) -> Target:
    from .routes import app as routes
    from .routes import context as route_tests
    from .routes import naming
    from .routes.route import Route

    app = routes.read(service, (words[0].upper(), words[1]) if observe else None)
    route = app.find(*words)
    method, path = words[0].upper(), route.path if route else words[1]
    title = f"{kind.name} {method} {path}"
    if route and app.is_open and not route.is_public:
        raise UserError(_why_open(service, f"{method} {path}"))
    name = naming.name_of_file(route, path)
    common = _common(service, kind, name)
    missing = "" if route else f"{title} is not in the app yet{_nearest(app, method, path)}"
    changes: tuple[Change, ...] = ()
    if not route and with_source:
        change, prefix = _router(service, kind, app, method, path, common)
        changes = (change,)
        same = f", with the prefix {prefix} as the others" if prefix else ""
        missing += f": include the router of the new module in it{same}"
    covered, key = Covered([*app.routes, (method, path)]), (method, normalize_path(path))
    file = covered.files(service, kind).get(key)
    own = (test.path.replace("{name}", name) for test in kind.tests if not test.is_shared)
    test_files = [file] if file else map(Path, own)
    taken = {owner for test in test_files for owner in covered.taken(service.root / test, key)}

    def context(failures: Sequence[Failure] = ()) -> dict[str, Any]:
        is_public = f"{method} {path}" in app.public
        described = route or Route(method, path, is_public=is_public)
        return common | route_tests.context(service, described, taken, failures)

    def without(failures: list[Failure]) -> Target | None:
        known = context(failures)
        blamed, contradicted = known["route"].blamed, known["route"].contradicted
        if not blamed and not contradicted:
            return None
        return replace(target, context=known, snapshot=not blamed, without=lambda failures: None)

    first = context()
    is_guess = route is not None and not observe and not route.is_public
    note = "no request was sent: whether the route demands credentials is not known yet"
    target = Target(
        kind,
        title,
        name,
        first,
        missing,
        note if is_guess else "",
        changes,
        covered.identity,
        file,
        snapshot=first["route"].is_known,
        without=without,
    )
    return target


def _router(
    service: Service, kind: Kind, app: "App", method: str, path: str, common: Mapping[str, Any]
) -> tuple[Change, str]:
    """Return the module of a route that does not exist yet, and the prefix of the other routers."""
    from .routes import naming

    package = service.packages[0]
    home = package / kind.sources[0].replace("{name}", common["name"])
    module = ".".join(home.parent.relative_to(package.parent).parts)
    prefix = naming.prefix_of_routers(service, app.details.values(), module)
    context = {**common, **naming.start(method, path, prefix)}
    return _start(service, kind, home.relative_to(service.root), context), prefix


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


def _nearest(app: "App", method: str, path: str) -> str:
    near = app.nearest(method, path)
    return f" (it has {', '.join(near)})" if near else ""


def _of_model(service: Service, kind: Kind, words: list[str]) -> Target:
    from .models import needed

    own = (test.path.replace("{name}", words[0]) for test in kind.tests if not test.suites)
    path = next(map(Path, own), None) or factories(service.root)
    text = (read(service, path) or b"").decode(errors="replace")
    found = needed.read(service, words[0], text, str(path))
    context = _common(service, kind, found.model) | {"factories": found}
    return Target(kind, f"{kind.name} {found.model}", found.model, context, identity=_model_of)


def _model_of(module: ast.Module, owner: ast.ClassDef) -> str | None:
    """Return the model of a factory: it says which factory a class is."""
    return model_of(owner) or None
