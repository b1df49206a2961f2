"""Judge the edited tests and snapshots of a change."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tpgen.check.places import is_policy, is_test_file
from tpgen.check.skips import FLAKY, ISSUE
from tpgen.core import policy
from tpgen.core.finding import Finding
from tpgen.rules.silent_snapshot_change import FOLDER, snapshots

from . import configuration
from .diff import Diff
from .facts import Facts
from .texts_of_tests import (
    asserting,
    edited_values,
    edits_assertion,
    function_of,
    functions,
    skips,
)

HIDDEN = "__test__"
LEAVES_OUT = re.compile("-[mk]|--(deselect|ignore)")
Test = Mapping[str, Any]


def weakened(root: Path, diff: Diff, facts: Facts) -> Iterator[Finding]:
    """Yield the tests that asserted something, and are left out, skipped or assert nothing now.

    Args:
        root: the folder of the service.
        diff: the change.
        facts: of a run with these files.
    """
    yield from _left_out(root, diff, facts)
    for path in filter(is_own_test, diff.files):
        before, now = diff.before(path), (root / path).read_text("utf-8", "replace")
        known = asserting(before)
        told = set()
        tests = [*_by_function(facts, path)]
        # Some parameters of a test may have nothing to assert.
        asserted = {name for name, test in tests if test["assertions"]}
        for name, test in tests:
            if test["outcome"] == "passed" and name in asserted:
                continue
            what = _weakness(name, test, before, now) if name in known else ""
            # Of a test with parameters, one is named.
            if what and (name, what) not in told:
                told.add((name, what))
                yield Finding(path, test["line"] or 1, 1, f"{test['id']} {what}", "TPG607")


def _left_out(root: Path, diff: Diff, facts: Facts) -> Iterator[Finding]:
    """Yield the files and classes that pytest does not run since the change."""
    for test in facts.record.content["uncollected"]:
        path, reason = test["file"], test["reason"]
        if path not in diff.files or not is_own_test(path):
            continue
        before, now = diff.before(path), (root / path).read_text("utf-8", "replace")
        is_hidden = HIDDEN in reason and HIDDEN not in before
        is_skipped = reason.startswith("Skipped") and skips(before, "") != skips(now, "")
        if asserting(before) and (is_hidden or is_skipped):
            place = f"{path}::{test['name']}".removesuffix("::")
            what = f"{place} is not collected since this change: {reason}"
            yield Finding(path, test["line"] or 1, 1, what, "TPG607")
    for path, layer in _moved(root, diff, facts).items():
        what = (
            f"{path} was moved to the layer {layer}, which runs only by name: its tests were part "
        )
        yield Finding(path, 1, 1, f"{what}of each run; move them back", "TPG607")
    for path, known, options in configuration.pytest_options(root, diff):
        new = [option for option in options if option not in known and LEAVES_OUT.match(option)]
        if new:
            what = f"addopts leave out tests since this change: {' '.join(new)}; remove them"
            yield Finding(path, 1, 1, what, "TPG607")
    yield from _not_collected(root, diff, facts)


def _not_collected(root: Path, diff: Diff, facts: Facts) -> Iterator[Finding]:
    """Yield the files of tests that a change of the settings, or of a conftest, may have hidden."""
    edited = [*({*configuration.PYTEST} & diff.touched)]
    edited += [path for path in diff.touched if path.rpartition("/")[2] == "conftest.py"]
    where = ", ".join(sorted(edited))
    content = facts.record.content
    known = {test["file"] for test in (*content["tests"], *content["uncollected"])}
    unknown = filter(is_own_test, content["files"].keys() - known) if edited else ()
    for path in sorted(unknown):
        now = (root / path).read_text("utf-8", "replace")
        if asserting(now) and asserting(diff.before(path)):
            what = f"no test of it was collected, and this change edits {where}: pytest "
            yield Finding(path, 1, 1, f"{what}must find the file as it did before", "TPG607")


def _moved(root: Path, diff: Diff, facts: Facts) -> dict[str, str]:
    """Return the files that come from another layer, and the layer that runs only by name."""
    named = {f"tests/{layer}/": layer for layer in policy.named_layers(root)}
    usual = (path for path in diff.removed if is_own_test(path) and not path.startswith((*named,)))
    names = {path.rpartition("/")[2] for path in usual}
    return {
        path: layer
        for path in {test["file"] for test in facts.record.content["uncollected"]}
        for above, layer in named.items()
        if path.startswith(above) and path.rpartition("/")[2] in names and not diff.read(path)
    }


def _weakness(name: str, test: Test, before: str, now: str) -> str:
    """Return what is wrong with a test that asserted something before; empty if nothing is."""
    reason, outcome = test["reason"] or "", test["outcome"]
    if outcome == "passed":
        is_empty = bool(test["assertions"] == 0)
        what = "asserted something before the change, and executes no assertion now"
        return what if is_empty else ""
    if outcome not in ("skipped", "xfailed", "xpassed"):
        return ""
    is_flaky = FLAKY.search(reason) and ISSUE.search(reason)
    is_old = skips(before, name) == skips(now, name) and "empty parameter" not in reason
    if is_flaky or is_old:
        return ""
    what = "skipped" if outcome == "skipped" else "expected to fail"
    why = f" ({reason})" if reason else ""
    return (
        f"is {what} since this change{why}: only a flaky test may be skipped, with a reason such as "
        '"flaky, see #12"'
    )


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
                    f"{', '.join(sorted(about))} does: assert what it holds now, in a test "
                    "of the same route"
                )
                yield Finding(path, line, 1, message, "TPG608")


def _asserted(root: Path, diff: Diff, facts: Facts) -> set[str]:
    """Return the routes, and the tests, about which the change adds or edits an assertion."""
    found = set()
    for path in filter(is_own_test, diff.files):
        text = (root / path).read_text("utf-8", "replace")
        now, before = functions(text), functions(diff.before(path))
        values = edited_values(text, diff.files[path].lines)
        for name, test in _by_function(facts, path):
            node = now.get(name)
            is_edited = node and edits_assertion(node, before.get(name), values)
            if is_edited and test["outcome"] == "passed":
                found |= {*_routes(test), f"{path}::{name}"}
    return found


def _by_function(facts: Facts, path: str) -> Iterator[tuple[str, Test]]:
    """Yield the tests of a file, each with the name of its function: `test_a`, `TestB.test_a`."""
    for test in facts.record.tests:
        if test["file"] == path:
            yield function_of(test["id"]), test


def is_own_test(path: str) -> bool:
    return is_test_file(path) and not is_policy(path)


def _routes(test: Test) -> set[str]:
    return {f"{each['method']} {each['route']}" for each in test["requests"] if each["route"]}
