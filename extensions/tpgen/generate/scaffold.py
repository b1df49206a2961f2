"""What `tpgen KIND NAME` would write: the tests of one component, and nothing that is there."""

import ast
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tpgen.core import files, formatting
from tpgen.core.files import Change, check
from tpgen.core.policy import Kind, KindTest
from tpgen.core.service import Service
from tpgen.source import comments, suites
from tpgen.source.code import Code

from . import skeletons, snapshots
from .snapshots import Failure
from .targets import Identity, Subject, find, read

if TYPE_CHECKING:
    import libcst as cst

    from . import merge


@dataclass
class Scaffold:
    """The outcome of a command, before anything is written.

    Attributes:
        title: the component, as a person calls it: "step detect_pii".
        changes: the files to write.
        added: what each file gets, by its path; nothing where it is written whole.
        complete: the files that lack nothing.
        exempt: the cases that do not apply, as a skeleton says, each with the reason; such as
            `TestListAgents.test_403_with_the_key_of_another_tenant`.
        missing: what is to be built first, as a sentence; empty where the component is there.
        note: what is not known of the component, as a sentence; empty if all is.
        snapshots: the test classes to run, whose snapshots are recorded.
        recorded: the files of snapshots that were.
        failed: which of their tests failed.
        without: gives the plan without the guesses that failures prove wrong, to be made when the
            first one is undone; None where they prove none.
    """

    title: str
    changes: list[Change] = field(default_factory=list)
    added: dict[Path, tuple[str, ...]] = field(default_factory=dict)
    complete: list[Path] = field(default_factory=list)
    exempt: dict[str, str] = field(default_factory=dict)
    missing: str = ""
    note: str = ""
    snapshots: list[str] = field(default_factory=list)
    recorded: list[Path] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)
    without: "Callable[[list[Failure]], Callable[[], Scaffold] | None]" = lambda failures: None

    @property
    def tests(self) -> list[Path]:
        """The test files of the component, written or there before."""
        return [path for path in [*self.added, *self.complete] if path.parts[0] == "tests"]


def plan(
    service: Service,
    kind: Kind,
    words: list[str],
    *,
    with_source: bool = False,
    observe: bool = False,
) -> Scaffold:
    """Say what a component's tests lack.

    Args:
        service: where.
        kind: of the component.
        words: what was typed behind the kind: a name, or method and path.
        with_source: whether to write a start of the component too, where it is not there.
        observe: whether a route may get a request without credentials; its handler does not run.

    Raises:
        Misuse: the component can't be told, or a file can't be read.
    """
    return _planned(service, kind, find(service, kind, words, with_source, observe))


def _planned(service: Service, kind: Kind, subject: Subject) -> Scaffold:
    def without(failures: list[Failure]) -> Callable[[], Scaffold] | None:
        other = subject.without(failures)
        return partial(_planned, service, kind, other) if other else None

    done = Scaffold(
        subject.title,
        [*subject.changes],
        missing=subject.missing,
        note=subject.note,
        without=without,
    )
    done.added |= {change.path: () for change in subject.changes}
    has_own_tests = any(test.suites and not test.is_shared for test in kind.tests)
    for test in kind.tests:
        path = Path(test.path.replace("{name}", subject.name))
        if test.is_shared:
            # Its one class is not about this component.
            _plan_test(service, replace(subject, identity=None), path, test, done)
            if path in done.complete and has_own_tests:
                done.complete.remove(path)
        else:
            _plan_test(service, subject, subject.file or path, test, done)
    return done


def write(service: Service, done: Scaffold, command: str) -> None:
    """Write what was planned, all or nothing; then run the tests, and record their snapshots.

    A guess that the app contradicts is undone: a placeholder replaces it.

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
        recorded, failed = snapshots.record(service, done.snapshots)
        files.note(service.root, recorded)
        if again := done.without(failed) if failed else None:
            files.undo(service.root)
            vars(done).update(vars(again()))
            write(service, done, command)
        else:
            done.failed = failed
            done.recorded += [change.path for change in recorded]


def placeholders(tree: ast.Module) -> Iterator[int]:
    """Yield the lines of a test file that have a placeholder."""
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    names = suites.PLACEHOLDERS
    yield from sorted(call.lineno for call in calls if getattr(call.func, "id", "") in names)


def _plan_test(
    service: Service, subject: Subject, path: Path, test: KindTest, done: Scaffold
) -> None:
    check(service.root, path)
    exempt: dict[str, str] = {}
    facts = {
        **subject.facts,
        "test_path": path,
        "exempt": exempt.setdefault,
    }
    rendered = formatting.tidy(service, path, skeletons.render(service, test.skeleton, facts))
    code = Code([service.root / "tests"])
    before = read(service, path)
    added: tuple[str, ...] = ()
    after = comments.refresh(code, service.root / path, rendered).encode()
    if before is not None and before != after:
        after, added = _merged(service, subject, before, rendered, path, test)
        after = _commented(service, code, path, after, added)
    done.exempt |= _named(subject, rendered, after, exempt)
    if before == after:
        done.complete.append(path)
        return
    done.changes.append(Change(path, before, after))
    done.added[path] = added
    if subject.snapshot:
        done.snapshots += _classes(path, rendered, added)


def _classes(path: Path, rendered: str, added: Iterable[str]) -> list[str]:
    """Return the test classes to which was added, or that of a file that is written whole."""
    whole = suites.test_class(ast.parse(rendered))
    names = [name.partition(".")[0] for name in added] or ([whole.name] if whole else [])
    return [f"{path}::{name}" for name in dict.fromkeys(names)]


def _merged(
    service: Service, subject: Subject, before: bytes, rendered: str, path: Path, test: KindTest
) -> tuple[bytes, tuple[str, ...]]:
    """Return a person's file with what it lacks, and the names; formatted if it was before."""
    tree = ast.parse(rendered)
    suite = suites.read(service.root, tree, test)
    if not subject.identity and suites.is_complete(before, tree, suite):
        return before, ()
    from .merge import merge, name_of_tests

    identity = _identity(subject.identity) if subject.identity else name_of_tests
    merged = merge(before, rendered, suite, identity, path)
    if merged.added and _is_tidy(service, path, before):
        text = formatting.tidy(service, path, merged.text.decode())
        return text.encode(), merged.added
    return merged.text, merged.added


def _commented(
    service: Service, code: Code, path: Path, text: bytes, added: Iterable[str]
) -> bytes:
    """Return a file with true lists of cases, and with one in each class that was added."""
    try:
        decoded = text.decode()
    except UnicodeDecodeError:
        return text
    new = {name for name in added if "." not in name}
    return comments.refresh(code, service.root / path, decoded, new).encode()


def _named(
    subject: Subject, rendered: str, after: bytes, exempt: Mapping[str, str]
) -> dict[str, str]:
    """Return the exempt cases, each behind the name that its class has in the file."""
    tree, new = ast.parse(after), ast.parse(rendered)
    owner = suites.test_class(new)
    if not exempt or owner is None:
        return {}
    identity = subject.identity or (lambda _module, node: node.name)
    wanted = identity(new, owner)
    classes = (node for node in tree.body if isinstance(node, ast.ClassDef))
    name = next((node.name for node in classes if identity(tree, node) == wanted), owner.name)
    return {f"{name}.{case}": reason for case, reason in exempt.items()}


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
