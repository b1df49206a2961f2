"""Check a project: each file is read once, in two processes where that pays."""

import gc
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial

from tpgen.core.errors import UserError
from tpgen.core.finding import CheckResult, Finding

from . import baseline, exemptions
from .cache import Cache, Entry, packed
from .file import LIMIT, File, Unreadable, content_hash
from .project import REPOSITORIES, Project
from .rule import CODE_OF_READING, FileRule, ProjectRule, Rule

# Below so many files, a second process and a cache cost more than they save.
MANY = 100
CHUNK = 64
# The most findings of a rule in a file that a report shows.
SHOWN = 100
ENDS = (signal.SIGINT, signal.SIGTERM)
MEGABYTES = LIMIT // 1024 // 1024


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
            yield _note(
                finding.path, f"{finding.code} has more findings here: the first {SHOWN} are shown"
            )


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
    check = _FileCheck(project, of_files, cache)
    if is_large and (os.cpu_count() or 1) > 1:
        _in_processes(check, paths, rules)
    else:
        check.run(paths)
        check.result.findings += _check_project(project, rules)
    if cache:
        cache.save(check.new, project.files)
    return check.result


def _in_processes(check: "_FileCheck", paths: Sequence[str], rules: Sequence[Rule]) -> None:
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
            check.result.findings += _check_project(check.project, rules)
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


_inherited: "_FileCheck"


def _end_quietly() -> None:
    """Let a worker end without a message: Ctrl-C reaches all processes."""
    for sign in ENDS:
        signal.signal(sign, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDS)


def _check_chunk(paths: Sequence[str]) -> tuple[CheckResult, dict[str, Entry]]:
    check = _FileCheck(_inherited.project, _inherited.rules, _inherited.cache)
    check.run(paths)
    return check.result, check.new


@dataclass
class _FileCheck:
    """The check of some files of a project; `new` are the entries that the cache lacks."""

    project: Project
    rules: Sequence[FileRule]
    cache: Cache | None = None
    result: CheckResult = field(default_factory=CheckResult)
    new: dict[str, Entry] = field(default_factory=dict)

    def run(self, paths: Iterable[str]) -> None:
        """Check files, each with the rules that apply to its path."""
        # Many rules apply to the same files.
        predicates = {rule.applies for rule in self.rules}
        for path in paths:
            true = {applies for applies in predicates if applies(path)}
            if rules := [rule for rule in self.rules if rule.applies in true]:
                try:
                    file = File.read(path, self.project, follow=False)
                except OSError as error:
                    self._leave_out(path, error)
                else:
                    self._check(file, rules)

    def _leave_out(self, path: str, error: OSError) -> None:
        """Count a file that can't be read, except one that was deleted since it was listed."""
        place, message = self.project.root / path, ""
        if place.is_symlink():
            reason = "symbolic links"
            message = "" if place.exists() else "broken symbolic link"
        elif place.is_dir():
            reason = REPOSITORIES if (place / ".git").exists() else "folders"
        elif not isinstance(error, FileNotFoundError):
            reason, message = "unreadable files", f"it can't be read ({error.strerror})"
        elif path in self.project.tracked.sparse:
            reason = "files outside the sparse checkout"
        elif self.project.asked is not None:
            reason, message = "missing files", "the file no longer exists"
        else:
            return
        self.result.left_out[reason] += 1
        if message:
            self.result.findings.append(_note(path, f"{message}: it was not checked"))

    def _check(self, file: File, rules: Sequence[FileRule]) -> None:
        self.result.checked += 1
        if file.is_cut:
            self.result.left_out[f"the rest of files over {MEGABYTES} MB"] += 1
            message = f"only the first {MEGABYTES} MB were checked"
            self.result.findings.append(_note(file.path, message))
        found = [*self._known(file, [rule for rule in rules if not rule.reads_project])]
        found += _check_file(file, [rule for rule in rules if rule.reads_project])
        # A syntax error is found by both.
        self.result.findings += dict.fromkeys(found)

    def _known(self, file: File, rules: Sequence[FileRule]) -> Sequence[Finding]:
        """Return what rules find that depend on nothing but the file."""
        if self.cache is None or file.is_cut:
            return [*_check_file(file, rules)]
        now = content_hash(file.data)
        found = self.cache.get(file.path, now)
        if found is None:
            found = [*_check_file(file, rules)]
            self.new[file.path] = packed(now, found)
        return found


def _check_file(file: File, rules: Sequence[FileRule]) -> Iterator[Finding]:
    is_broken = False
    for rule in rules:
        if rule.triggers and not any(trigger in file.data for trigger in rule.triggers):
            continue
        try:
            yield from _guarded(rule, partial(rule.check, file), file.path)
        except Unreadable as error:
            if not is_broken and not file.is_cut:
                yield _unreadable(error, f"the file is not valid Python: {error}")
            is_broken = True


def _check_project(project: Project, rules: Sequence[Rule]) -> Iterator[Finding]:
    """Yield what the rules of the whole project find in the files that the check is about."""
    for rule in rules:
        if not isinstance(rule, ProjectRule):
            continue
        try:
            for finding in _guarded(rule, partial(rule.check, project), "pyproject.toml"):
                if project.is_asked(finding.path) or finding.code == CODE_OF_READING:
                    yield finding
        except Unreadable as error:
            message = f"{rule.code} reads a file that is not valid Python: {error}"
            yield _unreadable(error, message)


def _guarded(rule: Rule, check: Callable[[], Iterable[Finding]], path: str) -> Iterator[Finding]:
    """Yield the findings of a rule with its code; a fault of the rule itself is one more."""
    try:
        for finding in check():
            is_doubtful = finding.confidence == "low" and finding.level == "error"
            level = "warning" if is_doubtful else finding.level
            yield replace(finding, code=finding.code or rule.code, level=level)
    except (UserError, Unreadable):
        raise
    except RecursionError:
        yield _note(path, f"the file is nested too deeply for {rule.code}: it was not checked")
    except Exception as error:  # noqa: BLE001 - whatever a file does to a rule, the rest is checked
        message = (
            f"{rule.code} broke here ({type(error).__name__}: {error}): this is a fault of tpgen, "
            "and the rest was checked; please report it"
        )
        yield Finding(path, 1, 1, message, CODE_OF_READING)


def _unreadable(error: Unreadable, message: str) -> Finding:
    return Finding(error.path, error.line, 1, message, CODE_OF_READING)


def _note(path: str, message: str) -> Finding:
    return Finding(path, 1, 1, message, CODE_OF_READING, "note")
