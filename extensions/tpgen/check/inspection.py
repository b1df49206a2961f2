"""Run the rules over single files and over the project; a fault of a rule is one more finding."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

from tpgen.core.errors import UserError
from tpgen.core.finding import CheckResult, Finding

from .cache import Cache, Entry, packed
from .file import LIMIT, File, Unreadable, content_hash
from .project import REPOSITORIES, Project
from .rule import CODE_OF_READING, FileRule, ProjectRule, Rule

# The most findings of a rule in a file: production data may have a hundred thousand.
MOST = 1000
TOO_LARGE = f"the rest of files over {LIMIT // 1024 // 1024} MB"
Subject = TypeVar("Subject", File, Project)


@dataclass
class FileCheck:
    """The check of some files of a project.

    Attributes:
        project: the project.
        rules: those that look at one file at a time.
        cache: what is known of earlier checks, if that is used.
        result: what was found so far.
        new: the entries that the cache lacks.
    """

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
                self._check(path, rules)

    def _check(self, path: str, rules: Sequence[FileRule]) -> None:
        try:
            file = File.read(path, self.project, follow=False)
        except FileNotFoundError:
            self._missing(path)
        except OSError as error:
            self._unread(path, error)
        else:
            self._check_content(file, rules)

    def _unread(self, path: str, error: OSError) -> None:
        place = self.project.root / path
        if place.is_symlink():
            broken = "" if place.exists() else "broken symbolic link"
            self._leave_out(path, "symbolic links", broken)
        elif place.is_dir():
            self._leave_out(path, REPOSITORIES if (place / ".git").exists() else "folders")
        else:
            self._leave_out(path, "unreadable files", f"it can't be read ({error.strerror})")

    def _missing(self, path: str) -> None:
        """Count a file that is listed, and not on the disk; one that was deleted is not counted."""
        if path in self.project.tracked.sparse:
            self._leave_out(path, "files outside the sparse checkout")
        elif self.project.asked is not None:
            self._leave_out(path, "missing files", "the file no longer exists")

    def _leave_out(self, path: str, reason: str, message: str = "") -> None:
        self.result.left_out[reason] += 1
        if message:
            self.result.findings.append(_note(path, f"{message}: it was not checked"))

    def _check_content(self, file: File, rules: Sequence[FileRule]) -> None:
        self.result.checked += 1
        if file.is_cut:
            self.result.left_out[TOO_LARGE] += 1
            self.result.findings.append(
                _note(file.path, f"only the first {LIMIT // 1024 // 1024} MB were checked")
            )
        alone = [rule for rule in rules if not rule.reads_project]
        found = [*self._known(file, alone)]
        found += _checked(file, [rule for rule in rules if rule.reads_project])
        # A syntax error is found by both.
        self.result.findings += dict.fromkeys(found)

    def _known(self, file: File, rules: Sequence[FileRule]) -> Sequence[Finding]:
        """Return what rules find that depend on nothing but the file."""
        if self.cache is None or file.is_cut:
            return [*_checked(file, rules)]
        now = content_hash(file.data)
        found = self.cache.get(file.path, now)
        if found is None:
            found = [*_checked(file, rules)]
            self.new[file.path] = packed(now, found)
        return found


def check_project(project: Project, rules: Sequence[Rule]) -> Iterator[Finding]:
    """Yield what the rules of the whole project find in the files that the check is about."""
    for rule in rules:
        if isinstance(rule, ProjectRule):
            for finding in _guarded(rule, project, rule.check, "pyproject.toml"):
                if project.is_asked(finding.path) or finding.code == CODE_OF_READING:
                    yield finding


def _checked(file: File, rules: Sequence[FileRule]) -> Iterator[Finding]:
    is_broken = False
    for rule in rules:
        if rule.triggers and not any(trigger in file.data for trigger in rule.triggers):
            continue
        try:
            yield from _guarded(rule, file, rule.check, file.path)
        except Unreadable as error:
            if not is_broken and not file.is_cut:
                message = f"the file is not valid Python: {error}"
                yield replace(file.finding(error.line, message), code=CODE_OF_READING)
            is_broken = True


def _guarded(
    rule: Rule, subject: Subject, check: Callable[[Subject], Iterable[Finding]], path: str
) -> Iterator[Finding]:
    """Yield the findings of a rule with its code; a fault of the rule itself is one more."""
    note = partial(_note, path)
    try:
        for number, finding in enumerate(check(subject)):
            if number == MOST and isinstance(subject, File):
                yield note(
                    f"{rule.code} has more than {MOST} findings here: the rest was not checked"
                )
                return
            yield _stamped(rule, subject, finding)
    except UserError:
        raise
    except Unreadable as error:
        if isinstance(subject, File):
            raise
        message = f"{rule.code} reads a file that is not valid Python: {error}"
        yield Finding(error.path, error.line, 1, message, CODE_OF_READING)
    except RecursionError:
        yield note(f"the file is nested too deeply for {rule.code}: it was not checked")
    except Exception as error:  # noqa: BLE001 - whatever a file does to a rule, the rest is checked
        message = (
            f"{rule.code} broke here ({type(error).__name__}: {error}): this is a fault of tpgen, "
            "and the rest was checked; please report it"
        )
        yield Finding(path, 1, 1, message, CODE_OF_READING)


def _stamped(rule: Rule, subject: File | Project, finding: Finding) -> Finding:
    """Return a finding with its code, its level, and the hash of what its edits were made for."""
    is_doubtful = finding.confidence == "low" and finding.level == "error"
    level = "warning" if is_doubtful else finding.level
    seen = ""
    if finding.edits:
        file = subject if isinstance(subject, File) else subject.file(finding.path)
        seen = content_hash(file.data) if file else ""
    return replace(finding, code=finding.code or rule.code, level=level, content_hash=seen)


def _note(path: str, message: str) -> Finding:
    return Finding(path, 1, 1, message, CODE_OF_READING, "note")
