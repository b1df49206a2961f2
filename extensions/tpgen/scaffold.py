"""What `tpgen KIND NAME` would write: the tests of one component, and nothing that is there."""

import ast
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import files, formatting, skeletons, snapshots, suites
from .classes import components
from .classes.code import Definition, Module, last_name
from .classes.components import Component
from .classes.facts import Facts
from .errors import Misuse
from .files import Change, check
from .naming import require_name
from .policy import Kind
from .routes.rows import FACTORIES
from .service import Service
from .snapshots import Failure

if TYPE_CHECKING:
    import libcst as cst

    from . import merge
    from .routes.reader import App

Identity = Callable[[ast.Module, ast.ClassDef], Hashable | None]


@dataclass
class Scaffold:
    """The outcome of a command, before anything is written.

    Attributes:
        title: the component, as a person calls it: "step detect_pii".
        changes: the files to write.
        added: what each file gets, by its path; nothing where it is written whole.
        complete: the files that lack nothing.
        missing: what is to be built first, as a sentence; empty where the component is there.
        snapshots: the tests whose snapshot is to be recorded.
        recorded: the files of snapshots that were.
        failed: why they could not be; empty where they were.
        without: gives the plan without the guess that a failure proves wrong, to be made when the
            first one is undone; None where it proves none.
    """

    title: str
    changes: list[Change] = field(default_factory=list)
    added: dict[Path, tuple[str, ...]] = field(default_factory=dict)
    complete: list[Path] = field(default_factory=list)
    missing: str = ""
    snapshots: list[str] = field(default_factory=list)
    recorded: list[Path] = field(default_factory=list)
    failed: str = ""
    without: "Callable[[Failure], Callable[[], Scaffold] | None]" = lambda failure: None

    @property
    def tests(self) -> list[Path]:
        """The test files of the component, written or there before."""
        return [path for path in [*self.added, *self.complete] if path.parts[0] == "tests"]


@dataclass(frozen=True)
class Subject:
    """A component, ready for the skeletons.

    Attributes:
        title: see `Scaffold`.
        name: what `{name}` stands for in a path.
        facts: what the skeletons may use.
        missing: see `Scaffold`.
        changes: the component's own files.
        identity: what tells that a test class is about this very component; its name, if None.
        file: where the component has its tests already, if not where the kind says.
        snapshot: whether its test compares with a snapshot, which is to be recorded.
        without: the same without the guess that a failure proves wrong, or None.
    """

    title: str
    name: str
    facts: Mapping[str, Any]
    missing: str = ""
    changes: tuple[Change, ...] = ()
    identity: Identity | None = None
    file: Path | None = None
    snapshot: bool = False
    without: "Callable[[Failure], Subject | None]" = lambda failure: None


def plan(service: Service, kind: Kind, words: list[str], with_source: bool = False) -> Scaffold:
    """Say what a component's tests lack.

    Args:
        service: where.
        kind: of the component.
        words: what was typed behind the kind: a name, or method and path.
        with_source: whether to write a start of the component too, where it is not there.

    Raises:
        Misuse: the component can't be told, or a file can't be read.
    """
    return _planned(service, kind, _READERS[kind.reads](service, kind, words, with_source))


def _planned(service: Service, kind: Kind, subject: Subject) -> Scaffold:
    def without(failure: Failure) -> Callable[[], Scaffold] | None:
        other = subject.without(failure)
        return partial(_planned, service, kind, other) if other else None

    done = Scaffold(subject.title, [*subject.changes], missing=subject.missing, without=without)
    done.added |= {change.path: () for change in subject.changes}
    for pattern, skeleton in kind.tests.items():
        path = subject.file or Path(pattern.replace("{name}", subject.name))
        _plan_test(service, subject, path, skeleton, done)
    return done


def write(service: Service, done: Scaffold, command: str) -> None:
    """Write what was planned, all or nothing; then record the snapshots that the tests need.

    A guess that the app refuses is taken back: a blank stands in its place.

    Args:
        service: where.
        done: the plan; it becomes what was written in the end.
        command: what was typed, for the journal.

    Raises:
        Misuse: a file can't be written, or changed meanwhile.
    """
    if done.changes:
        files.write(service.root, done.changes, command)
    if done.snapshots:
        recorded, failure = snapshots.record(service, done.snapshots)
        files.note(service.root, recorded)
        if again := done.without(failure) if failure else None:
            files.undo(service.root)
            vars(done).update(vars(again()))
            write(service, done, command)
        else:
            done.failed = str(failure or "")
            done.recorded += [change.path for change in recorded]


def blanks(text: bytes) -> Iterator[int]:
    """The lines of a test file where a blank is left."""
    calls = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call))
    yield from sorted(one.lineno for one in calls if getattr(one.func, "id", "") == "blank")


def _plan_test(
    service: Service, subject: Subject, path: Path, skeleton: str, done: Scaffold
) -> None:
    check(service.root, path)
    facts = {**subject.facts, "test_path": path}
    rendered = formatting.tidy(service, path, skeletons.render(service, skeleton, facts))
    file = service.root / path
    before = _read(file, path) if file.exists() else None
    added: tuple[str, ...] = ()
    after = rendered.encode()
    if before is not None and before != after:
        after, added = _merged(service, subject, before, rendered, path)
    if before == after:
        done.complete.append(path)
        return
    done.changes.append(Change(path, before, after))
    done.added[path] = added
    if subject.snapshot:
        done.snapshots += _happy_paths(path, rendered, added)


def _happy_paths(path: Path, rendered: str, added: Iterable[str]) -> list[str]:
    """The tests of what was added, or of a file that is written whole, that need a snapshot."""
    whole = suites.test_class(ast.parse(rendered))
    names = [name.partition(".")[0] for name in added] or ([whole.name] if whole else [])
    return [f"{path}::{name}::test_happy_path" for name in dict.fromkeys(names)]


def _merged(
    service: Service, subject: Subject, before: bytes, rendered: str, path: Path
) -> tuple[bytes, tuple[str, ...]]:
    """A person's file with what it lacks, formatted where it was before."""
    from .merge import merge, name_of_tests

    suite = suites.read(service.root, ast.parse(rendered))
    identity = _identity(subject.identity) if subject.identity else name_of_tests
    merged = merge(before, rendered, suite, identity, path)
    if merged.added and _is_tidy(service, path, before):
        text = formatting.tidy(service, path, merged.text.decode())
        return text.encode(), merged.added
    return merged.text, merged.added


def _identity(identity: Identity) -> "merge.Identity":
    """The same for LibCST's trees as for those of Python."""

    def of(module: "cst.Module", owner: "cst.ClassDef") -> Hashable | None:
        tree = ast.parse(module.code_for_node(owner)).body[0]
        assert isinstance(tree, ast.ClassDef)
        return identity(ast.parse(module.code), tree)

    return of


def _is_tidy(service: Service, path: Path, before: bytes) -> bool:
    try:
        return formatting.is_tidy(service, path, before.decode())
    except UnicodeDecodeError:
        return False


def _read(file: Path, path: Path) -> bytes:
    try:
        return file.read_bytes()
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
    return Subject(title, name, facts, missing, changes)


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


def _of_route(service: Service, kind: Kind, words: list[str], with_source: bool) -> Subject:
    from .routes import facts as route_tests
    from .routes import naming
    from .routes import reader as routes

    app = routes.read(service)
    route = app.find(*words)
    method, path = words[0].upper(), route.path if route else words[1]
    covered, own = route_tests.Covered(app.routes), (method, route_tests.holes(path))
    name = naming.name_of_file(app, route, path)
    title = f"{kind.name} {method} {path}"
    missing = "" if route else f"{title} is not in the app yet{_nearest(app, method, path)}"
    changes: tuple[Change, ...] = ()
    if not route and with_source:
        start = _common(service, kind, name) | naming.start(method, path)
        home = service.packages[0].relative_to(service.root) / kind.sources[0]
        changes = (_start(service, kind, Path(str(home).replace("{name}", name)), start),)
        missing += ": include the router of the new module in it"
    file = covered.files(service).get(own)
    there = [file or Path(pattern.replace("{name}", name)) for pattern in kind.tests]
    taken = {name for one in there for name in covered.taken(service.root / one, own)}

    def facts(refused: Failure | None = None) -> dict[str, Any]:
        found = route_tests.facts(service, route, method, path, taken, refused)
        return _common(service, kind, name) | found

    first = facts()
    is_known = bool(first["route"] and first["route"].is_known)
    subject = Subject(title, name, first, missing, changes, covered.identity, file, is_known)
    return replace(subject, without=lambda failure: _without(subject, facts(failure)))


def _without(subject: Subject, facts: Mapping[str, Any]) -> Subject | None:
    """The tests of a route with a blank for the guess that is to blame, which can't be recorded."""
    return replace(subject, facts=facts, snapshot=False) if facts["route"].blamed else None


def _nearest(app: "App", method: str, path: str) -> str:
    near = app.nearest(method, path)
    return f" (it has {', '.join(near)})" if near else ""


def _of_model(service: Service, kind: Kind, words: list[str], with_source: bool) -> Subject:
    from .models import reader as models

    file = service.root / FACTORIES
    text = _read(file, Path(FACTORIES)).decode() if file.exists() else ""
    found = models.read(service, words[0], text)
    if not found.known:
        raise Misuse(found.unknown)
    facts = _common(service, kind, found.model) | {"factories": found}
    return Subject(f"{kind.name} {found.model}", found.model, facts, identity=_model_of)


def _model_of(module: ast.Module, owner: ast.ClassDef) -> str | None:
    """The model of a factory: what tells which component the class is about."""
    for meta in owner.body:
        for line in meta.body if isinstance(meta, ast.ClassDef) else []:
            if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "model":
                return last_name(line.value)
    return None


_READERS = {"source": _of_source, "route": _of_route, "model": _of_model}
