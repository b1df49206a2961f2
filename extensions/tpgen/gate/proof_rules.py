"""Judge what a change proves: the cases of its components, its tests, snapshots and exemptions."""

import ast
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from tpgen.census.table import Cell, Census, Row
from tpgen.check import registry
from tpgen.check.places import is_policy, is_test_file
from tpgen.check.project import ANSWERS, Project
from tpgen.check.rule import FileRule
from tpgen.check.skips import FLAKY, ISSUE
from tpgen.core import settings
from tpgen.core.finding import Finding
from tpgen.rules.silent_snapshot_change import FOLDER, snapshots
from tpgen.source import trees
from tpgen.source.cases import words
from tpgen.source.trees import last_name

from .diff import Diff
from .facts import Facts
from .outcome import UnprovedCase

BAD = ("missing", "failed")
# What skips: marks, decorators and functions of pytest and unittest.
SKIPS = {"skip", "skipif", "xfail", "importorskip", "expectedFailure"}
SKIPS |= {"skipIf", "skipUnless", "skipTest", "SkipTest"}
HIDDEN = "__test__"
SET_UPS = {"setUp", "setUpClass", "setUpModule", "setup_method", "setup_class", "setup_module"}
# Names of functions that assert, as the engine knows them.
ASSERTING = ("assert", "expect", "check_")
RAISES = {"raises", "warns", "deprecated_call", "fail", "verify"}
Function = ast.FunctionDef | ast.AsyncFunctionDef
Test = Mapping[str, Any]
# The status of each case on the base, by component and name of the case.
Known = Mapping[tuple[str, str], str]


def cases(
    root: Path, diff: Diff, census: Census, known: Known | None, files: Mapping[str, str]
) -> tuple[list[Finding], list[UnprovedCase]]:
    """Return the findings about required cases, and the cases that they are about.

    Args:
        root: the folder of the service.
        diff: the change.
        census: of a run with these files.
        known: the census of the base; None if it was not given.
        files: of the components of that census, by title.
    """
    findings = [*_gone(root, diff, census, known or {}, files)]
    unproved: list[UnprovedCase] = []
    exempted = _new_exemptions(root, diff)
    for row in census.rows:
        is_changed = _is_changed(root, diff, row)
        if known and ANSWERS not in diff.files and not is_changed:
            findings += _no_longer_required(row, known)
        bad, start, code = _unproved(row, known, exempted, is_changed=is_changed)
        if bad:
            findings.append(_about(row, bad, start, code))
            unproved += [
                UnprovedCase(row.title, cell.words, cell.why or ", ".join(cell.tests))
                for cell in bad
            ]
    for test in census.record.tests:
        if test["id"] in census.lost:
            message = f"{test['id']} failed in its set-up, so its component is unknown: run it alone, and fix the error"
            findings.append(Finding(test["file"], test["line"] or 1, 1, message, "TPG605"))
    return findings, unproved


def _unproved(
    row: Row, known: Known | None, exempted: set[str], *, is_changed: bool
) -> tuple[list[Cell], str, str]:
    """Return the cases that block the change, why they do, and the code of their finding."""
    bad = [cell for cell in row.cells if cell.status in BAD]
    # Another line, such as that of a router's prefix, may add a route.
    is_new = known is not None and not any(title == row.title for title, _ in known)
    if bad and (is_new or is_changed):
        return bad, "new or changed, and not proved", "TPG605"
    if known is None:
        new = [] if is_changed else [cell for cell in row.cells if _is_exempt_by(cell, exempted)]
        start = "not proved; whether it was before the change, --base-census would tell"
        return [*bad, *new], start, "TPG606"
    lost = BAD if is_changed else (*BAD, "exempt")
    was = [cell for cell in row.cells if known.get((row.title, cell.case)) == "proved"]
    bad = [cell for cell in was if cell.status in lost]
    return bad, "no longer proved, as it was before the change", "TPG606"


def _no_longer_required(row: Row, known: Known) -> Iterator[Finding]:
    now = {cell.case for cell in row.cells}
    gone = [
        case
        for (title, case), status in known.items()
        if title == row.title and status == "proved" and case not in now
    ]
    if gone:
        message = (
            f"{row.title} no longer requires what was proved before the change: "
            f"{', '.join(map(words, gone))}; restore its suite, or change the route too"
        )
        yield Finding(row.file or "pyproject.toml", row.line or 1, 1, message, "TPG606")


def _loses_a_class(root: Path, diff: Diff, path: str) -> bool:
    """Return whether a change deletes a class of a module: it may be the component."""
    if path not in diff.files:
        return False
    texts = diff.before(path), (root / path).read_text("utf-8", "replace")
    before, now = ({node.name for node in trees.classes(_parsed(text))} for text in texts)
    return not before <= now


def _parsed(text: str) -> ast.Module:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError):
        return ast.Module([], [])


def _gone(
    root: Path, diff: Diff, census: Census, known: Known, files: Mapping[str, str]
) -> Iterator[Finding]:
    """Yield the components that were proved on the base, and that the census does not know now.

    A route that is gone left the app itself; the source of another component can still exist.
    """
    titles = {row.title for row in census.rows}
    proved = {title for (title, _), status in known.items() if status == "proved"}
    for title in sorted(proved - titles):
        file = files.get(title, "")
        is_there = file and (root / file).is_file() and not _loses_a_class(root, diff, file)
        if not title.startswith("route ") and is_there:
            message = (
                f"{title} was proved before the change, and no suite is about it now: restore it"
            )
            yield Finding(file, 1, 1, message, "TPG606")


def _new_exemptions(root: Path, diff: Diff) -> set[str]:
    """Return the cases that the change exempts, each as `TestClass.test_case`."""
    if settings.WHERE not in diff.files:
        return set()
    try:
        before = tomllib.loads(diff.before(settings.WHERE))
    except tomllib.TOMLDecodeError:
        before = {}
    old = before.get("tool", {}).get("tpgen", {}).get("exempt", [])
    new = [each for each in settings.read(root).exempt if each not in old]
    return {each["case"] for each in new}


def _is_exempt_by(cell: Cell, exempted: set[str]) -> bool:
    return cell.status == "exempt" and not exempted.isdisjoint(map(_function_of, cell.tests))


def _is_changed(root: Path, diff: Diff, row: Row) -> bool:
    """Return whether a change adds the file of a component, or edits its definition."""
    file = diff.files.get(row.file)
    if file is None:
        return False
    if not file.was:
        return True
    for node in ast.walk(ast.parse((root / row.file).read_bytes())):
        if isinstance(node, Function | ast.ClassDef):
            lines = _lines_of(node)
            edited = file.lines & {*lines} or file.cuts & {*lines[:-1]}
            if row.line in lines and row.line <= node.lineno and edited:
                return True
    return False


def _about(row: Row, cells: Sequence[Cell], start: str, code: str) -> Finding:
    by_reason: dict[str, list[str]] = {}
    for cell in cells:
        by_reason.setdefault(cell.why or "failed", []).append(cell.words)
    named = "; ".join(f"{', '.join(cases)} ({why})" for why, cases in by_reason.items())
    help_ = ""
    if all(cell.status == "exempt" for cell in cells):
        help_ = "; remove its exemption, or change the component too"
    elif row.can_be_written and any(cell.status == "missing" for cell in cells):
        help_ = f"; `tpgen {row.title}` writes its tests"
    message = f"{row.title} is {start}: {named}{help_}"
    return Finding(row.file or "pyproject.toml", row.line or 1, 1, message, code)


def weakened(root: Path, diff: Diff, facts: Facts) -> Iterator[Finding]:
    """Yield the tests in changed files that asserted something, and are skipped or assert nothing.

    Args:
        root: the folder of the service.
        diff: the change.
        facts: of a run with these files.
    """
    hidden = [test for test in facts.record.content["uncollected"] if HIDDEN in test["reason"]]
    for path in filter(_is_own_test, diff.files):
        before, now = diff.before(path), (root / path).read_text("utf-8", "replace")
        for test in hidden:
            if test["file"] == path and HIDDEN not in before:
                message = (
                    f"{path}::{test['name']} is not collected since this change: {test['reason']}"
                )
                yield Finding(path, test["line"] or 1, 1, message, "TPG607")
        asserting = _asserting(before)
        for name, test in _by_function(facts, path):
            if name not in asserting:
                continue
            reason = test["reason"] or ""
            # Those of unittest are not counted.
            is_uncounted = test["assertions"] is None and _is_of_unittest(now, name)
            is_empty = test["assertions"] == 0 or (is_uncounted and name not in _asserting(now))
            if test["outcome"] == "passed" and is_empty:
                message = "asserted something before the change, and executes no assertion now"
            elif test["outcome"] in ("skipped", "xfailed", "xpassed") and not (
                (FLAKY.search(reason) and ISSUE.search(reason))
                or (_skips(before, name) == _skips(now, name) and "empty parameter" not in reason)
            ):
                message = (
                    f"is {test['outcome']} since this change ({reason}): only a flaky test may "
                )
                message += 'be, with a reason such as "flaky, see #12"'
            else:
                continue
            yield Finding(path, test["line"] or 1, 1, f"{test['id']} {message}", "TPG607")


def _skips(text: str, name: str) -> list[str]:
    """Return what skips a test: in it, its set-up, its classes and its module, with the values used."""
    *owners, function = name.split(".")
    tree = _parsed(text)
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    found: list[ast.AST] = []
    scopes: list[ast.Module | ast.ClassDef] = [tree]
    scopes += [node for node in classes if node.name in owners]
    for scope in scopes:
        found += getattr(scope, "decorator_list", [])
        for line in scope.body:
            if isinstance(line, Function):
                if line.name == function or line.name in SET_UPS:
                    found += [*line.decorator_list, *_calls_that_skip(line)]
            elif "pytestmark" in trees.names(line):
                found.append(line)
            elif not isinstance(line, ast.ClassDef | ast.Assign | ast.AnnAssign):
                found += _calls_that_skip(line)
    values = {name: line for line in tree.body for name in trees.names(line)}
    texts = []
    for node in found:
        # A mark may be a variable, and a condition too.
        parts = [node]
        for part in parts:
            used = {each.id for each in ast.walk(part) if isinstance(each, ast.Name)}
            new = (values[each] for each in sorted(used & values.keys()))
            parts += [each for each in new if each not in parts]
        if any(_skipping(part) for part in parts):
            texts += [ast.unparse(part) for part in parts]
    return texts


def _calls_that_skip(node: ast.AST) -> list[ast.AST]:
    calls = (each for each in ast.walk(node) if isinstance(each, ast.Call))
    return [each for each in calls if last_name(each.func) in SKIPS]


def _skipping(node: ast.AST) -> bool:
    return any(
        isinstance(each, ast.Attribute | ast.Name) and last_name(each) in SKIPS
        for each in ast.walk(node)
    )


def _is_of_unittest(text: str, name: str) -> bool:
    owner = name.partition(".")[0]
    found = (node for node in trees.classes(_parsed(text)) if node.name == owner)
    return any(last_name(base).endswith("TestCase") for node in found for base in node.bases)


def _lines_of(node: Function | ast.ClassDef) -> range:
    """Return the lines of a definition with its decorators."""
    start = min([node.lineno, *(each.lineno for each in node.decorator_list)])
    return range(start, (node.end_lineno or start) + 1)


def _asserting(text: str) -> set[str]:
    """Return the functions of a test file that assert, themselves or by a function beside them."""
    functions = _functions(text)
    helpers = {name.rpartition(".")[2] for name, node in functions.items() if _asserts(node, ())}
    return {name for name, node in functions.items() if _asserts(node, helpers)}


def _asserts(node: ast.AST, helpers: Iterable[str]) -> bool:
    calls = {*RAISES, *helpers}
    return any(
        isinstance(each, ast.Assert)
        or (isinstance(each, ast.Call) and last_name(each.func) in calls)
        # Of unittest, and helpers called so.
        or (isinstance(each, ast.Call) and last_name(each.func).startswith(ASSERTING))
        for each in ast.walk(node)
    )


def _functions(text: str) -> dict[str, Function]:
    """Return the functions of a module by name, and the methods by `Class.name`.

    A class has the methods of its bases in the same module.
    """
    return _members(_parsed(text), {})


def _members(
    holder: ast.Module | ast.ClassDef, above: Mapping[str, dict[str, Function]]
) -> dict[str, Function]:
    classes = {**above}
    found: dict[str, Function] = {}
    nodes: list[ast.stmt] = list(holder.body)
    while nodes:
        node = nodes.pop(0)
        if isinstance(node, ast.If | ast.Try | ast.With):
            nodes[:0] = [*node.body, *getattr(node, "orelse", ())]
        elif isinstance(node, Function):
            found[node.name] = node
        elif isinstance(node, ast.ClassDef):
            classes[node.name] = {}
            for base in reversed(node.bases):
                classes[node.name] |= classes.get(last_name(base), {})
            classes[node.name] |= _members(node, classes)
            found |= {f"{node.name}.{name}": each for name, each in classes[node.name].items()}
    return found


def _by_function(facts: Facts, path: str) -> Iterator[tuple[str, Test]]:
    """Yield the tests of a file, each with the name of its function: `test_a`, `TestB.test_a`."""
    for test in facts.record.tests:
        if test["file"] == path:
            yield _function_of(test["id"]), test


def _function_of(test: str) -> str:
    """Return `TestA.test_b` of the id of a test."""
    return ".".join(test.partition("[")[0].split("::")[1:])


def _is_own_test(path: str) -> bool:
    return is_test_file(path) and not is_policy(path)


def silent_snapshots(root: Path, diff: Diff, facts: Facts) -> Iterator[Finding]:
    """Yield the snapshots that change without an assertion about the same route.

    Args:
        root: the folder of the service.
        diff: the change.
        facts: of a run with these files.
    """
    changed = [path for path in diff.files if FOLDER in path and path.endswith(".ambr")]
    asserted = _asserted(root, diff, facts) if changed else set()
    for path in changed:
        folder, _, inside = path.partition(FOLDER)
        owner = f"{folder}/{inside.removesuffix('.ambr')}.py"
        tests: dict[str, set[str]] = {}
        for name, test in _by_function(facts, owner):
            for key in {name, ".".join(test["id"].split("::")[1:])}:
                tests[key] = tests.get(key, set()) | _routes(test)
        before = {name: content for name, _, content in snapshots(path, diff.before(path))}
        now = (root / path).read_text("utf-8", "replace")
        for name, line, content in snapshots(path, now):
            # A snapshot that is new belongs to a new test.
            if before.get(name, content) == content:
                continue
            function = re.split(r"\[|\.\d+$", name)[0]
            own = tests.get(re.sub(r"\.\d+$", "", name), set()) or tests.get(function)
            about = own or {f"{owner}::{function}"}
            if not about & asserted:
                message = (
                    f"the snapshot of {name} changes, and no assertion about "
                    f"{', '.join(sorted(about))} does: assert what it holds now, in a test below "
                    f"{folder}"
                )
                yield Finding(path, line, 1, message, "TPG608")


def _asserted(root: Path, diff: Diff, facts: Facts) -> set[str]:
    """Return the routes, and the tests, about which the change adds or edits an assertion."""
    found = set()
    for path in filter(_is_own_test, diff.files):
        text = (root / path).read_text("utf-8", "replace")
        functions, before = _functions(text), _functions(diff.before(path))
        values = _edited_values(text, diff.files[path].lines)
        for name, test in _by_function(facts, path):
            node = functions.get(name)
            is_edited = node and _edits_assertion(node, before.get(name), values)
            if is_edited and test["outcome"] == "passed":
                found |= {*_routes(test), f"{path}::{name}"}
    return found


def _edited_values(text: str, lines: frozenset[int]) -> set[str]:
    """Return the variables of a module whose values are new or edited."""
    return {
        last_name(target)
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        and lines & {*range(node.lineno, (node.end_lineno or 0) + 1)}
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
    }


def _edits_assertion(function: Function, before: Function | None, values: set[str]) -> bool:
    """Return whether an assertion of a function, or a value that it uses, is new or edited."""
    now = _asserted_in(function)
    used = {
        name.id for text in now for name in ast.walk(ast.parse(text)) if isinstance(name, ast.Name)
    }
    return bool(now - _asserted_in(before)) or bool(now and used & values)


def _asserted_in(function: Function | None) -> set[str]:
    """Return the assertions of a function, and what it assigns to the names in them."""
    if function is None:
        return set()
    nodes = [*ast.walk(function)]
    found: list[ast.stmt] = [node for node in nodes if isinstance(node, ast.Assert)]
    used = {name.id for line in found for name in ast.walk(line) if isinstance(name, ast.Name)}
    assigned = (node for node in nodes if isinstance(node, ast.Assign | ast.AnnAssign))
    found += [node for node in assigned if used & {*trees.names(node)}]
    return {*map(ast.unparse, found)}


def _routes(test: Test) -> set[str]:
    return {f"{each['method']} {each['route']}" for each in test["requests"] if each["route"]}


def past(root: Path, diff: Diff) -> Iterator[Finding]:
    """Yield the exemptions whose last day is over, and flaky tests of the change skipped for too long.

    Args:
        root: the folder of the service.
        diff: the change.

    Raises:
        UserError: the settings can't be read.
    """
    own = settings.read(root)
    lines = own.text.splitlines()
    dated = []
    for each in own.exempt:
        line = next((n for n, text in enumerate(lines, 1) if each["case"] in text), 1)
        dated.append((each["case"], each.get("until"), line))
    # `tpgen check` refuses an entry that is not a table or has no date.
    tables = ((each, line) for each, line in own.exemptions if isinstance(each, dict))
    dated += [(each.get("rule"), each.get("until"), line) for each, line in tables]
    for what, until, line in dated:
        if type(until) is date and until < date.today():
            message = (
                f"the exemption of {what} ended on {until}: fix what it covers, then remove it"
            )
            yield Finding(settings.WHERE, line, 1, message, "TPG609")
    rule, project = registry.find("old-flaky-skip"), Project(root)
    for path in filter(_is_own_test, diff.files):
        file = project.file(path)
        if file and isinstance(rule, FileRule) and any(word in file.data for word in rule.triggers):
            yield from (replace(found, code=rule.code) for found in rule.check(file))
