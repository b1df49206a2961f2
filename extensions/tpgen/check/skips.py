"""The places where tests are skipped or may fail, and the reasons that they state."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from .file import File
from .qualified import dotted, full_name, literal

TRIGGERS = (b"skip", b"xfail", b"Skip")
# Each way to skip, with the position of its reason; None if that can be given by name only.
REASONS = {
    "pytest.mark.skip": 0,
    "pytest.mark.skipif": None,
    "pytest.mark.xfail": None,
    "pytest.skip": 0,
    "pytest.xfail": 0,
    "self.skipTest": 0,
    "unittest.skip": 0,
    "unittest.skipIf": 1,
    "unittest.skipUnless": 1,
    "unittest.SkipTest": 0,
}
FLAKY = re.compile(
    r"\bflak(?:y|e|es|ey|iness|ily)\b|\bintermittent|\bunstable\b|\bunreliable\b|\bsporadic"
    r"|\brace condition|\bsometimes\b|\boccasional|\bnon-?determinis|\bheisenbug"
    r"|\brandomly? (?:fail|hang|break|time)|\b(?:fails?|hangs?|breaks) (?:at )?random",
    re.IGNORECASE,
)
# UTF-8 and the like look like the key of an issue.
ISSUE = re.compile(
    r"#\d+|\bGH-?\d+|\b(?:bpo|gh|issue|ticket|bug)[-: ]+#?\d+|https?://\S*/\S*\d"
    r"|\b(?!(?:UTF|SHA|ISO|RFC|HTTP|AES|PEP|CP|MD|TLS|LATIN)-)[A-Z][A-Z0-9]+-\d+\b"
)


@dataclass(frozen=True, eq=False)
class Skip:
    """A place that skips tests, or lets them fail.

    Attributes:
        node: the mark or the call.
        reason: the text that it states, "" if it has no reason, None if the reason is not a
            string literal.
        kind: the last part of its name, such as `skipif`.
        loose: whether it says `strict=False`.
    """

    node: ast.expr
    reason: str | None
    kind: str
    loose: bool = False

    @property
    def is_flaky(self) -> bool:
        """Whether its reason tells of a flaky test."""
        return FLAKY.search(self.reason or "") is not None

    @property
    def is_silent(self) -> bool:
        """Whether it has no reason at all, although it always holds."""
        return self.reason == "" and (self.kind == "skip" or self.loose)

    @property
    def names_issue(self) -> bool:
        """Whether its reason names an issue."""
        return ISSUE.search(self.reason or "") is not None


@lru_cache(maxsize=4)
def of(file: File) -> list[Skip]:
    """Return all skips of a file: decorators, `pytestmark`, marks of parameters, and calls."""
    return [*_calls(file), *_bare(file)]


def _calls(file: File) -> Iterator[Skip]:
    for call in file.nodes(ast.Call):
        name = full_name(file, call.func)
        if name in REASONS:
            is_call = name in {"pytest.skip", "pytest.xfail"}
            kind = name.rpartition(".")[2] + "()" * is_call
            loose = any(ast.unparse(keyword) == "strict=False" for keyword in call.keywords)
            yield Skip(call, _reason(call, REASONS[name]), kind, loose)


def _bare(file: File) -> Iterator[Skip]:
    """Yield each `pytest.mark.skip` without parentheses."""
    called = {call.func for call in file.nodes(ast.Call)}
    for node in file.nodes(ast.Attribute):
        if dotted(node) == "pytest.mark.skip" and node not in called:
            yield Skip(node, "", "skip")


def _reason(call: ast.Call, position: int | None) -> str | None:
    for keyword in call.keywords:
        if keyword.arg in {"reason", "msg", None}:
            return literal(keyword.value)
    if position is None or len(call.args) <= position:
        return ""
    return literal(call.args[position])
