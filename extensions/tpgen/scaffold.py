"""What `tpgen KIND NAME` would write: the tests of one component, and nothing that is there."""

import ast
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
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
    """

    title: str
    changes: list[Change] = field(default_factory=list)
    added: dict[Path, tuple[str, ...]] = field(default_factory=dict)
    complete: list[Path] = field(default_factory=list)
    missing: str = ""
    snapshots: list[str] = field(default_factory=list)
    recorded: list[Path] = field(default_factory=list)
    failed: str = ""

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
    """

    title: str
    name: str
    facts: Mapping[str, Any]
    missing: str = ""
    changes: tuple[Change, ...] = ()
    identity: Identity | None = None
    file: Path | None = None
    snapshot: bool = False


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
    subject = _READERS[kind.reads](service, kind, words, with_source)
    done = Scaffold(subject.title, [*subject.changes], missing=subject.missing)
    done.added |= {change.path: () for change in subject.changes}
    for pattern, skeleton in kind.tests.items():
        path = subject.file or Path(pattern.replace("{name}", subject.name))
        _plan_test(service, subject, path, skeleton, done)
    return done


def write(service: Service, done: Scaffold, command: str) -> None:
    """Write what was planned, all or nothing; then record the snapshots that the tests need.

    Args:
        service: where.
        done: the plan.
        command: what was typed, for the journal.

    Raises:
        Misuse: a file can't be written, or changed meanwhile.
    """
    if done.changes:
        files.write(service.root, done.changes, command)
    if done.snapshots:
        recorded, done.failed = snapshots.record(service, done.snapshots)
        files.note(service.root, recorded)
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
        text = _source(service, kind, component)
        changes = (Change(component.path, None, text.encode()),)
        component = _built(service, component, text)
    elif not component.exists:
        start = "; `--with-source` writes a start" if kind.source else ""
        missing = (
            f"there is no {title} yet: build {component.class_name} in {component.path}{start}"
        )
    facts = _common(service, kind, name) | {"component": Facts(component)}
    return Subject(title, name, facts, missing, changes)


def _common(service: Service, kind: Kind, name: str) -> dict[str, Any]:
    return {"kind": kind.name, "name": name, "package": service.packages[0].name}


def _source(service: Service, kind: Kind, component: Component) -> str:
    check(service.root, component.path)
    if (service.root / component.path).exists():
        raise Misuse(
            f"{component.path} is there, and holds no class that is a {kind.name}: finish it, or "
            "leave out --with-source"
        )
    facts = _common(service, kind, component.name) | {"component": Facts(component)}
    text = skeletons.render(service, kind.source, facts)
    return formatting.tidy(service, component.path, text)


def _built(service: Service, component: Component, text: str) -> Component:
    """The component as its start will define it."""
    folder = service.packages[0].parent
    module = Module(service.root / component.path, folder, text.encode())
    definition = Definition(module, module.definitions[component.class_name])
    return Component(**{**vars(component), "definition": definition})


def _of_route(service: Service, kind: Kind, words: list[str], with_source: bool) -> Subject:
    from .routes import facts as route_tests
    from .routes import reader as routes

    method, path = words[0].upper(), words[1]
    app = routes.read(service)
    route = app.find(method, path)
    path = route.path if route else path
    covered = route_tests.Covered(app.routes)
    name = route_tests.name_of_file(app, route, path)
    title = f"{kind.name} {method} {path}"
    facts = _common(service, kind, name) | route_tests.facts(service, route, method, path)
    missing = "" if route else f"{title} is not in the app yet{_nearest(app, method, path)}"
    file = covered.files(service).get((method, route_tests.holes(path)))
    return Subject(
        title, name, facts, missing, identity=covered.identity, file=file, snapshot=bool(route)
    )


def _nearest(app: "App", method: str, path: str) -> str:
    near = app.nearest(method, path)
    return f" (it has {', '.join(near)})" if near else ""


def _of_model(service: Service, kind: Kind, words: list[str], with_source: bool) -> Subject:
    from .models import reader as models

    title = f"{kind.name} {words[0]}"
    file = service.root / FACTORIES
    text = _read(file, Path(FACTORIES)).decode() if file.exists() else ""
    found = models.read(service, words[0], text)
    if not found.known:
        near = f"; is it {' or '.join(found.nearest)}?" if found.nearest else ""
        raise Misuse(
            f"no package of the service has a model {words[0]}{near}: write the model first"
        )
    facts = _common(service, kind, words[0]) | {"factories": found}
    return Subject(title, words[0], facts, identity=_model_of)


def _model_of(module: ast.Module, owner: ast.ClassDef) -> str | None:
    """The model of a factory: what tells which component the class is about."""
    for meta in owner.body:
        for line in meta.body if isinstance(meta, ast.ClassDef) else []:
            if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "model":
                return last_name(line.value)
    return None


_READERS = {"source": _of_source, "route": _of_route, "model": _of_model}
