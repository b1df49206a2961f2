"""Plan and write the tests of one component, and change nothing that is there."""

import ast
from dataclasses import dataclass, field, replace
from pathlib import Path

from tpgen.core import files, formatting
from tpgen.core.files import Change, check
from tpgen.core.policy import KindTest
from tpgen.core.service import Service
from tpgen.source import comments, suites
from tpgen.source.code import Code
from tpgen.source.trees import classes

from . import skeletons, snapshots
from .merge import merge
from .snapshots import Failure
from .targets import Target, read


@dataclass
class Scaffold:
    """The outcome of a command, before anything is written.

    Attributes:
        added: the classes and members that each file gets, by its path; empty for a new file.
        complete: the files that nothing is missing in.
        exempt: the cases that do not apply, as a skeleton says, each with the reason; such as
            `TestListAgents.test_403_with_the_key_of_another_tenant`.
        snapshots: the tests whose snapshots are to be recorded; `recorded` are their files.
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
    """Return what the tests of a component are missing; `UserError` if a file can't get it."""
    done = Scaffold(target, [*target.changes], {change.path: () for change in target.changes})
    for test in target.kind.tests:
        # The one class of a shared file is not about this component.
        own = replace(target, identity=None, file=None) if test.is_shared else target
        _plan_test(service, own, test, done)
    return done


def write(service: Service, done: Scaffold) -> None:
    """Write what was planned, all or nothing; then run the tests, and record their snapshots.

    A placeholder replaces a guess that the app contradicts; `done` becomes what was written.
    """
    if done.changes:
        files.write(service.root, done.changes)
    if done.snapshots:
        recorded, failed = snapshots.record(service, done.snapshots)
        files.note(service.root, recorded)
        if target := done.target.without(failed) if failed else None:
            files.undo(service.root)
            vars(done).update(vars(plan(service, target)))
            write(service, done)
        else:
            done.failed = failed
            done.recorded += [change.path for change in recorded]


def _plan_test(service: Service, target: Target, test: KindTest, done: Scaffold) -> None:
    path = target.file or Path(test.path.replace("{name}", target.name))
    check(service.root, path)
    exempt: dict[str, str] = {}
    context = {**target.context, "test_path": path, "exempt": exempt.setdefault}
    rendered = formatting.tidy(service, path, skeletons.render(service, test.skeleton, context))
    tree, before = ast.parse(rendered), read(service, path)
    after, added, new_classes = rendered, tuple[str, ...](), None
    if before is not None:
        suite = suites.read(service.root, tree, test)
        after, added = merge(before, rendered, suite, target.identity, path)
        if added:
            after = formatting.as_before(service, path, before, after, rules="I,F401")
        new_classes = {name for name in added if "." not in name}
    code = Code([service.root / "tests"])
    after = comments.refresh(code, service.root / path, after, new_classes)
    if exempt and (template := suites.test_class(tree)):
        name = _name_in(after, template, target)
        done.exempt |= {f"{name}.{case}": reason for case, reason in exempt.items()}
    if after == before:
        has_own = any(each.suites and not each.is_shared for each in target.kind.tests)
        if not (test.is_shared and has_own):
            done.complete.append(path)
        return
    done.changes.append(Change(path, None if before is None else before.encode(), after.encode()))
    done.added[path] = added
    if target.snapshot and (added or before is None):
        names = dict.fromkeys(name.partition(".")[0] for name in added)
        done.snapshots += [f"{path}::{name}" for name in names] or [str(path)]


def _name_in(text: str, template: ast.ClassDef, target: Target) -> str:
    """Return the name that a file has for a rendered test class."""
    tree, identity = ast.parse(text), target.identity or (lambda module, owner: owner.name)
    wanted = identity(tree, template)
    same = (owner.name for owner in classes(tree) if identity(tree, owner) == wanted)
    return next(same, template.name)
