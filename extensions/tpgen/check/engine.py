"""Runs the rules over a project: each file is read once, on both cores where that pays."""

import gc
import os
import signal
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from tpgen.core.errors import Misuse
from tpgen.core.finding import Finding

from . import exemptions
from .file import LIMIT, File, Unreadable, digest
from .project import Project
from .rule import CODE_OF_READING, FileRule, ProjectRule, Rule

# Below so many files a second process costs more than it saves.
ALONE = 300
CHUNK = 64
# Of one rule in one file: nobody reads more, and a file of production data has a hundred thousand.
MOST = 100
_ENDS = (signal.SIGINT, signal.SIGTERM)
Subject = TypeVar("Subject", File, Project)


def run(project: Project, rules: Sequence[Rule]) -> list[Finding]:
    """All findings of some rules, sorted, less those that are exempt.

    Raises:
        Misuse: an exemption, or the revision to compare with, is broken.
    """
    exempt = exemptions.read(project.root)
    with _no_collection():
        found = [*_found(project, rules)]
    codes = {rule.code for rule in rules}
    left = [one for one in exempt.apply(project, rules, found) if one.code in codes]
    return sorted(left, key=lambda one: one.order)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Syntax trees are many objects and no cycles: to look for those takes a quarter of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _found(project: Project, rules: Sequence[Rule]) -> Iterator[Finding]:
    paths = project.checked
    look = partial(_look, project, [rule for rule in rules if isinstance(rule, FileRule)])
    workers = min(os.cpu_count() or 1, len(paths) // ALONE + 1)
    if workers > 1:
        yield from _in_processes(workers, look, paths, project, rules)
    else:
        yield from look(paths)
        yield from _of_project(project, rules)


def _in_processes(
    workers: int,
    look: "partial[list[Finding]]",
    paths: Sequence[str],
    project: Project,
    rules: Sequence[Rule],
) -> Iterator[Finding]:
    """The files in processes of their own, while this one looks at the project."""
    # Here, since the few files of a commit need none of it.
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool

    chunks = [paths[start : start + CHUNK] for start in range(0, len(paths), CHUNK)]
    # Forked, so that a worker needs no import, and no rule has to be pickled.
    global _inherited
    _inherited = look
    fork = multiprocessing.get_context("fork")
    # Unlike `multiprocessing.Pool` it notices a worker that was killed, and waits for no answer.
    with ProcessPoolExecutor(workers, fork, _end_quietly) as pool:
        try:
            # What a signal handler raises while Python forks is printed and forgotten.
            signal.pthread_sigmask(signal.SIG_BLOCK, _ENDS)
            try:
                looking = pool.map(_inherited_look, chunks)
            finally:
                signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDS)
            yield from _of_project(project, rules)
            for found in looking:
                yield from found
        except BrokenProcessPool:
            raise Misuse(
                "a process of the check was killed, most likely because the memory ran out: "
                "give paths to check part by part"
            ) from None
        finally:
            pool.shutdown(cancel_futures=True)


def _of_project(project: Project, rules: Sequence[Rule]) -> Iterator[Finding]:
    for rule in rules:
        if isinstance(rule, ProjectRule):
            for finding in _guarded(rule, project, rule.check, "pyproject.toml"):
                if project.is_asked(finding.path) or finding.code == CODE_OF_READING:
                    yield finding


_inherited: partial[list[Finding]]


def _end_quietly() -> None:
    """Let a worker end without a word: Ctrl-C reaches all processes."""
    for one in _ENDS:
        signal.signal(one, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDS)


def _inherited_look(paths: Sequence[str]) -> list[Finding]:
    return _inherited(paths)


def _look(project: Project, rules: Sequence[FileRule], paths: Iterable[str]) -> list[Finding]:
    return [finding for path in paths for finding in _of_file(project, rules, path)]


def _of_file(project: Project, rules: Sequence[FileRule], path: str) -> Iterator[Finding]:
    wanted = [rule for rule in rules if rule.applies(path)]
    if not wanted:
        return
    try:
        if reason := _strange(project.root / path):
            if reason != "link":
                yield _note(path, f"{reason}: it was not looked at")
            return
        file = File.read(path, project)
    except FileNotFoundError:
        if project.asked is not None or not _is_deleted(project, path):
            yield _note(path, "the file is gone: it was not looked at")
        return
    except OSError as error:
        yield _note(path, f"the file can't be read ({error.strerror}): it was not looked at")
        return
    if file.is_cut:
        yield _note(path, f"only its first {LIMIT // 1024 // 1024} MB were looked at")
    yield from _checked(file, wanted)


def _strange(path: Path) -> str:
    """What a path is, where it is no plain file."""
    mode = os.lstat(path).st_mode
    if stat.S_ISLNK(mode):
        # What it leads to is listed itself, or isn't of this project.
        return "link" if path.exists() else "a symlink that leads nowhere"
    if stat.S_ISDIR(mode):
        return "link"
    return "" if stat.S_ISREG(mode) else "no plain file"


def _is_deleted(project: Project, path: str) -> bool:
    """Whether a file that git lists was there when the check began."""
    return not (project.root / path).is_symlink()


def _checked(file: File, rules: Sequence[FileRule]) -> Iterator[Finding]:
    broken = False
    for rule in rules:
        if rule.triggers and not any(one in file.data for one in rule.triggers):
            continue
        try:
            yield from _guarded(rule, file, rule.check, file.path)
        except Unreadable as error:
            if not broken:
                message = f"the file is no Python that can be parsed: {error}"
                yield replace(file.finding(error.line, message), code=CODE_OF_READING)
            broken = True


def _guarded(
    rule: Rule, subject: Subject, check: Callable[[Subject], Iterable[Finding]], path: str
) -> Iterator[Finding]:
    """The findings of a rule, stamped with its code; a fault of the rule's own is one more."""
    try:
        for number, finding in enumerate(check(subject)):
            if number == MOST and isinstance(subject, File):
                yield _note(path, f"{rule.code} has more findings here: the first {MOST} are shown")
                return
            seen = _digest(subject, finding) if finding.edits else ""
            yield replace(finding, code=finding.code or rule.code, seen=seen)
    except Misuse:
        raise
    except Unreadable as error:
        if isinstance(subject, File):
            raise
        message = f"{rule.code} reads a file that is no Python that can be parsed: {error}"
        yield Finding(error.path, error.line, 1, message, CODE_OF_READING)
    except RecursionError:
        yield _note(path, f"the file is nested too deeply for {rule.code}: it was not looked at")
    except Exception as error:  # noqa: BLE001 - whatever a file does to a rule, the rest is checked
        message = (
            f"{rule.code} broke here ({type(error).__name__}: {error}): this is a fault of tpgen, "
            "and the rest was checked; please report it"
        )
        yield Finding(path, 1, 1, message, CODE_OF_READING)


def _digest(subject: File | Project, finding: Finding) -> str:
    """Of the content that a finding's edits were made for."""
    file = subject if isinstance(subject, File) else subject.file(finding.path)
    return digest(file.data) if file else ""


def _note(path: str, message: str) -> Finding:
    return Finding(path, 1, 1, message, CODE_OF_READING, "note")
