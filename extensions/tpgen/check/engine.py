"""Check a project: each file is read once, in two processes where that pays."""

import gc
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
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
ENDS = (signal.SIGINT, signal.SIGTERM)
# What was found in some files, and the entries that the cache lacks.
Checked = tuple[CheckResult, dict[str, Entry]]
MEGABYTES = LIMIT // 1024 // 1024


def run(
    project: Project, rules: Sequence[Rule], *, cached: bool = True, known: bool = True
) -> CheckResult:
    """Return what rules find in a project, sorted, without what is exempt or in the baseline.

    Args:
        cached: whether the cache may be used; it is only for many files.
        known: whether the baseline covers findings.
    """
    exempt = exemptions.read(project.root)
    base = baseline.read(project.root) if known else Counter[baseline.Entry]()
    # Syntax trees are many objects without cycles: to search them for cycles costs a quarter.
    gc.disable()
    try:
        result = _checked(project, rules, cached)
    finally:
        gc.enable()
    result.left_out += project.left_out
    found = result.findings
    left = exemptions.uncovered(exempt, found)
    new = baseline.uncovered(base, project, left)
    result.exempt, result.in_baseline = len(found) - len(left), len(left) - len(new)
    new += exemptions.outdated(exempt, project, rules, found)
    new += baseline.stale(base, project, rules, left)
    codes = {rule.code for rule in rules}
    ours = (finding for finding in new if finding.code in codes)
    result.findings = sorted(ours, key=lambda finding: finding.order)
    return result


def _checked(project: Project, rules: Sequence[Rule], cached: bool) -> CheckResult:
    of_files = [rule for rule in rules if isinstance(rule, FileRule)]
    paths = project.checked
    is_large = len(paths) >= MANY
    cache = Cache(project, of_files) if cached and is_large else None
    check = partial(_check_files, project, of_files, cache)
    is_shared = is_large and (os.cpu_count() or 1) > 1
    result, new = _in_two_processes(check, paths) if is_shared else check(paths)
    result.findings += _check_project(project, rules)
    if cache:
        cache.save(new, project.files)
    return result


def _in_two_processes(check: Callable[[Sequence[str]], Checked], paths: Sequence[str]) -> Checked:
    """Check half of the files in another process, and the rest in this one."""
    # The few files of a commit do not need it.
    import multiprocessing

    # Forked, so that it imports nothing, and no rule has to be pickled.
    fork = multiprocessing.get_context("fork")
    receiver, sender = fork.Pipe(duplex=False)

    def check_half() -> None:
        # Ctrl-C reaches both processes, and one message is enough.
        for sign in ENDS:
            signal.signal(sign, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDS)
        try:
            sender.send(check(paths[1::2]))
        except Exception as error:  # noqa: BLE001 - the other process raises it
            sender.send(error)

    # An exception of a signal handler is lost while Python forks.
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDS)
    try:
        fork.Process(target=check_half, daemon=True).start()
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDS)
    sender.close()
    result, new = check(paths[::2])
    try:
        answer = receiver.recv()
    except EOFError:
        raise UserError(
            "a process of the check was killed, most likely because the memory ran out: "
            "give paths to check part by part"
        ) from None
    if isinstance(answer, Exception):
        raise answer
    result.add(answer[0])
    return result, new | answer[1]


def _check_files(
    project: Project, rules: Sequence[FileRule], cache: Cache | None, paths: Iterable[str]
) -> Checked:
    """Check files, each with the rules that apply to its path."""
    result, new = CheckResult(), dict[str, Entry]()
    # Many rules apply to the same files.
    predicates = {rule.applies for rule in rules}
    for path in paths:
        true = {applies for applies in predicates if applies(path)}
        if not true:
            continue
        try:
            file = File.read(path, project, follow=False)
        except OSError as error:
            reason, message = _why_unread(project, path, error)
            result.left_out.update([reason] if reason else [])
            result.findings += [_note(path, f"{message}: it was not checked")] if message else []
            continue
        result.checked += 1
        if file.is_cut:
            result.left_out[f"the rest of files over {MEGABYTES} MB"] += 1
            result.findings.append(_note(path, f"only the first {MEGABYTES} MB were checked"))
        applied = [rule for rule in rules if rule.applies in true]
        # What depends on nothing but the file may be known.
        now = content_hash(file.data) if cache else ""
        found = cache.get(path, now) if cache else None
        if found is None:
            found = [*_check_file(file, [rule for rule in applied if not rule.reads_project])]
            if cache and not any(finding.edits for finding in found):
                new[path] = packed(now, found)
        found += _check_file(file, [rule for rule in applied if rule.reads_project])
        # A syntax error is found by both.
        result.findings += dict.fromkeys(found)
    return result, new


def _why_unread(project: Project, path: str, error: OSError) -> tuple[str, str]:
    """Return why a file is left out, unless it was deleted meanwhile, and what a note says."""
    place = project.root / path
    if place.is_symlink():
        return "symbolic links", "" if place.exists() else "broken symbolic link"
    if place.is_dir():
        return (REPOSITORIES if (place / ".git").exists() else "folders"), ""
    if not isinstance(error, FileNotFoundError):
        return "unreadable files", f"it can't be read ({error.strerror})"
    if path in project.tracked.sparse:
        return "files outside the sparse checkout", ""
    return ("", "") if project.asked is None else ("missing files", "the file no longer exists")


def _check_file(file: File, rules: Sequence[FileRule]) -> Iterator[Finding]:
    is_broken = False
    for rule in rules:
        if rule.triggers and not any(trigger in file.data for trigger in rule.triggers):
            continue
        try:
            yield from _guarded(rule, partial(rule.check, file), file.path)
        except Unreadable as error:
            if not is_broken and not file.is_cut:
                message = f"the file is not valid Python: {error}"
                yield Finding(error.path, error.line, 1, message, CODE_OF_READING)
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
            yield Finding(error.path, error.line, 1, message, CODE_OF_READING)


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


def _note(path: str, message: str) -> Finding:
    return Finding(path, 1, 1, message, CODE_OF_READING, "note")
