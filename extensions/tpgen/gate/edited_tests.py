"""Judge the edited tests and snapshots of a change."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tpgen.check.places import is_policy, is_test_file
from tpgen.check.skips import FLAKY, ISSUE
from tpgen.core.finding import Finding
from tpgen.rules.silent_snapshot_change import FOLDER, snapshots

from .diff import Diff
from .facts import Facts
from .texts_of_tests import (
    asserting,
    edited_values,
    edits_assertion,
    function_of,
    functions,
    is_of_unittest,
    skips,
)

HIDDEN = "__test__"
Test = Mapping[str, Any]


def weakened(root: Path, diff: Diff, facts: Facts) -> Iterator[Finding]:
    """Yield the tests in changed files that asserted something, and are skipped or assert nothing.

    Args:
        root: the folder of the service.
        diff: the change.
        facts: of a run with these files.
    """
    hidden = [test for test in facts.record.content["uncollected"] if HIDDEN in test["reason"]]
    for path in filter(is_own_test, diff.files):
        before, now = diff.before(path), (root / path).read_text("utf-8", "replace")
        for test in hidden:
            if test["file"] == path and HIDDEN not in before:
                what = f"{path}::{test['name']} is not collected since this change"
                line, why = test["line"] or 1, test["reason"]
                yield Finding(path, line, 1, f"{what}: {why}", "TPG607")
        known = asserting(before)
        for name, test in _by_function(facts, path):
            if name in known and (what := _weakness(name, test, before, now)):
                yield Finding(path, test["line"] or 1, 1, f"{test['id']} {what}", "TPG607")


def _weakness(name: str, test: Test, before: str, now: str) -> str:
    """Return what is wrong with a test that asserted something before; empty if nothing is."""
    reason = test["reason"] or ""
    if test["outcome"] == "passed":
        # The assertions of unittest are not counted.
        is_uncounted = test["assertions"] is None and is_of_unittest(now, name)
        is_empty = test["assertions"] == 0 or (is_uncounted and name not in asserting(now))
        return "asserted something before the change, and executes no assertion now" * is_empty
    if test["outcome"] not in ("skipped", "xfailed", "xpassed"):
        return ""
    is_flaky = FLAKY.search(reason) and ISSUE.search(reason)
    is_old = skips(before, name) == skips(now, name) and "empty parameter" not in reason
    if is_flaky or is_old:
        return ""
    return (
        f"is {test['outcome']} since this change ({reason}): only a flaky test may be, with a "
        'reason such as "flaky, see #12"'
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
                    f"{', '.join(sorted(about))} does: assert what it holds now, in a test below "
                    f"{folder}"
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
