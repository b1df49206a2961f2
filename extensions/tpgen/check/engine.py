"""Check a project: each file is read once, in two processes where that pays."""

import gc
import os
import signal
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from tpgen.core.errors import UserError
from tpgen.core.finding import CheckResult, Finding

from . import baseline, exemptions
from .cache import Cache, Entry
from .inspection import FileCheck, check_project
from .project import Project
from .rule import CODE_OF_READING, FileRule, Rule

# Below so many files, a second process and a cache cost more than they save.
MANY = 100
CHUNK = 64
# Of a rule in a file: more help nobody.
SHOWN = 100
ENDS = (signal.SIGINT, signal.SIGTERM)


def run(
    project: Project, rules: Sequence[Rule], *, cached: bool = True, known: bool = True
) -> CheckResult:
    """Return what rules find in a project, sorted, without what is exempt or in the baseline.

    Args:
        project: the project.
        rules: the rules.
        cached: whether the cache may be used; it is only for many files.
        known: whether the baseline covers findings.

    Raises:
        UserError: an exemption, the baseline or the revision to compare with is broken.
    """
    exempt = exemptions.read(project.root)
    base = baseline.read(project.root) if known else baseline.Baseline()
    with _no_garbage_collection():
        result = _checked(project, rules, cached)
    result.left_out += project.left_out
    found = result.findings
    left = exempt.uncovered(found)
    new = base.uncovered(project, left)
    result.exempt, result.in_baseline = len(found) - len(left), len(left) - len(new)
    new += exempt.outdated(project, rules, found)
    new += base.stale(project, rules, left)
    codes = {rule.code for rule in rules}
    result.findings = sorted(
        (finding for finding in new if finding.code in codes), key=lambda finding: finding.order
    )
    return result


def shown(found: Iterable[Finding]) -> Iterator[Finding]:
    """Yield the first findings of each rule in each file, and a note where there are more.

    Only what is shown is limited: the baseline covers all findings, or a new one could hide.
    """
    numbers: Counter[tuple[str, str]] = Counter()
    for finding in found:
        numbers[finding.path, finding.code] += 1
        number = numbers[finding.path, finding.code]
        if number <= SHOWN:
            yield finding
        elif number == SHOWN + 1:
            message = f"{finding.code} has more findings here: the first {SHOWN} are shown"
            yield Finding(finding.path, 1, 1, message, CODE_OF_READING, "note")


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Switch it off: syntax trees are many objects without cycles, and a search costs a quarter."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _checked(project: Project, rules: Sequence[Rule], cached: bool) -> CheckResult:
    of_files = [rule for rule in rules if isinstance(rule, FileRule)]
    paths = project.checked
    is_large = len(paths) >= MANY
    cache = Cache(project, of_files) if cached and is_large else None
    check = FileCheck(project, of_files, cache)
    if is_large and (os.cpu_count() or 1) > 1:
        _in_processes(check, paths, rules)
    else:
        check.run(paths)
        check.result.findings += check_project(project, rules)
    if cache:
        cache.save(check.new, project.files)
    return check.result


def _in_processes(check: FileCheck, paths: Sequence[str], rules: Sequence[Rule]) -> None:
    """Check the files in two processes, and the project in this one meanwhile."""
    # The few files of a commit need none of these.
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool

    chunks = [paths[start : start + CHUNK] for start in range(0, len(paths), CHUNK)]
    # Forked, so that a worker imports nothing, and no rule has to be pickled.
    global _inherited
    _inherited = check
    fork = multiprocessing.get_context("fork")
    # Unlike `multiprocessing.Pool` it notices a worker that was killed.
    with ProcessPoolExecutor(2, fork, _end_quietly) as pool:
        try:
            # An exception of a signal handler is lost while Python forks.
            signal.pthread_sigmask(signal.SIG_BLOCK, ENDS)
            try:
                parts = pool.map(_check_chunk, chunks)
            finally:
                signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDS)
            check.result.findings += check_project(check.project, rules)
            for result, new in parts:
                check.result.add(result)
                check.new |= new
        except BrokenProcessPool:
            raise UserError(
                "a process of the check was killed, most likely because the memory ran out: "
                "give paths to check part by part"
            ) from None
        finally:
            pool.shutdown(cancel_futures=True)


_inherited: FileCheck


def _end_quietly() -> None:
    """Let a worker end without a message: Ctrl-C reaches all processes."""
    for sign in ENDS:
        signal.signal(sign, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDS)


def _check_chunk(paths: Sequence[str]) -> tuple[CheckResult, dict[str, Entry]]:
    check = FileCheck(_inherited.project, _inherited.rules, _inherited.cache)
    check.run(paths)
    return check.result, check.new
