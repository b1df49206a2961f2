"""Plan and write the tests of one component, and change nothing that is there."""

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from tpgen.core import files, formatting
from tpgen.core.files import Change, check
from tpgen.core.policy import KindTest
from tpgen.core.service import Service
from tpgen.source import comments, suites
from tpgen.source.code import Code

from . import skeletons, snapshots
from .merge import merge, name_of_tests
from .snapshots import Failure
from .targets import Target, read


@dataclass
class Scaffold:
    """The outcome of a command, before anything is written.

    Attributes:
        target: the component.
        changes: the files to write.
        added: the classes and members that each file gets, by its path; empty for a new file.
        complete: the files that nothing is missing in.
        exempt: the cases that do not apply, as a skeleton says, each with the reason; such as
            `TestListAgents.test_403_with_the_key_of_another_tenant`.
        snapshots: the test classes to run, whose snapshots are recorded.
        recorded: the files of snapshots that were recorded.
        failed: the failures of their tests.
    """

    target: Target
    changes: list[Change] = field(default_factory=list)
    added: dict[Path, tuple[str, ...]] = field(default_factory=dict)
    complete: list[Path] = field(default_factory=list)
    exempt: dict[str, str] = field(default_factory=dict)
    snapshots: list[str] = field(default_factory=list)
    recorded: list[Path] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)

    @property
    def tests(self) -> list[Path]:
        """Return the test files of the component, written or there before."""
        return [path for path in [*self.added, *self.complete] if path.parts[0] == "tests"]


def plan(service: Service, target: Target) -> Scaffold:
    """Return what the tests of a component are missing.

    Raises:
        UserError: a file can't be read.
    """
    done = Scaffold(target, [*target.changes], {change.path: () for change in target.changes})
    tests = target.kind.tests
    has_own_tests = any(test.suites and not test.is_shared for test in tests)
    for test in tests:
        path = Path(test.path.replace("{name}", target.name))
        if test.is_shared:
            # Its one class is not about this component.
            _plan_test(service, replace(target, identity=None), path, test, done)
            if path in done.complete and has_own_tests:
                done.complete.remove(path)
        else:
            _plan_test(service, target, target.file or path, test, done)
    return done


def write(service: Service, done: Scaffold, command: str) -> None:
    """Write what was planned, all or nothing; then run the tests, and record their snapshots.

    A placeholder replaces a guess that the app contradicts.

    Args:
        service: where.
        done: the plan; it becomes what was written in the end.
        command: the command line, for the journal.

    Raises:
        UserError: a file can't be written, or changed meanwhile.
    """
    if done.changes:
        files.write(service.root, done.changes, command)
    if done.snapshots:
        recorded, failed = snapshots.record(service, done.snapshots)
        files.note(service.root, recorded)
        if target := done.target.without(failed) if failed else None:
            files.undo(service.root)
            vars(done).update(vars(plan(service, target)))
            write(service, done, command)
        else:
            done.failed = failed
            done.recorded += [change.path for change in recorded]


def placeholders(tree: ast.Module) -> list[int]:
    """Return the lines of a test file that have a placeholder."""
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    names = suites.PLACEHOLDERS
    return sorted(call.lineno for call in calls if getattr(call.func, "id", "") in names)


def _plan_test(
    service: Service, target: Target, path: Path, test: KindTest, done: Scaffold
) -> None:
    check(service.root, path)
    exempt: dict[str, str] = {}
    context = {**target.context, "test_path": path, "exempt": exempt.setdefault}
    rendered = formatting.tidy(service, path, skeletons.render(service, test.skeleton, context))
    code = Code([service.root / "tests"])
    before = read(service, path)
    added: tuple[str, ...] = ()
    after = comments.refresh(code, service.root / path, rendered).encode()
    if before is not None and before != after:
        after, added = _merged(service, target, before, rendered, path, test)
        after = _commented(service, code, path, after, added)
    done.exempt |= _exempt(target, rendered, after, exempt)
    if before == after:
        done.complete.append(path)
        return
    done.changes.append(Change(path, before, after))
    done.added[path] = added
    if target.snapshot:
        done.snapshots += _classes(path, rendered, added)


def _classes(path: Path, rendered: str, added: Iterable[str]) -> list[str]:
    """Return the ids of the test classes that were added or changed."""
    whole = suites.test_class(ast.parse(rendered))
    names = [name.partition(".")[0] for name in added] or ([whole.name] if whole else [])
    return [f"{path}::{name}" for name in dict.fromkeys(names)]


def _merged(
    service: Service, target: Target, before: bytes, rendered: str, path: Path, test: KindTest
) -> tuple[bytes, tuple[str, ...]]:
    """Return a file with what it was missing, and the names; formatted if it was before."""
    suite = suites.read(service.root, ast.parse(rendered), test)
    merged = merge(before, rendered, suite, target.identity or name_of_tests, path)
    try:
        texts = before.decode(), merged.text.decode()
    except UnicodeDecodeError:
        return merged.text, merged.added
    if not merged.added:
        return before, ()
    text = formatting.as_before(service, path, *texts, rules="I,F401")
    return text.encode(), merged.added


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


def _exempt(
    target: Target, rendered: str, after: bytes, exempt: Mapping[str, str]
) -> dict[str, str]:
    """Return the exempt cases, each with the name that its class has in the file."""
    tree, new = ast.parse(after), ast.parse(rendered)
    owner = suites.test_class(new)
    if not exempt or owner is None:
        return {}
    identity = target.identity or name_of_tests
    wanted = identity(new, owner)
    classes = (node for node in tree.body if isinstance(node, ast.ClassDef))
    name = next((node.name for node in classes if identity(tree, node) == wanted), owner.name)
    return {f"{name}.{case}": reason for case, reason in exempt.items()}
