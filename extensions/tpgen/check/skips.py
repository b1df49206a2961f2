"""The places where tests are skipped, and what they say about it."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from .file import File
from .qualified import full_name, last_name, text
from .skim import occurrences

MARKS = {f"pytest.mark.{name}" for name in ("skip", "skipif", "xfail")}
CALLS = {"pytest.skip", "pytest.xfail"}
OF_UNITTEST = {f"unittest.{name}" for name in ("skip", "skipIf", "skipUnless", "SkipTest")}
TRIGGERS = (b"skip", b"xfail", b"Skip", b"expectedFailure")
# A file without any of these says nothing of a flake; those about a skip come on top.
FLAKY = re.compile(
    r"\bflak(?:y|e|es|ey|iness|ily)\b|\bintermittent|\bunstable\b|\bunreliable\b|\bsporadic"
    r"|\brac(?:e[- ]condition|y\b|es\b)|\bsometimes\b|\boccasional|\bnon-?determinis"
    r"|\bheisenbug|\brandom(?:ly)? (?:fail|hang|break|time)|\b(?:fails?|hangs?|breaks) (?:at )?random"
    r"|\bonce in a while\b|\bnow and then\b|\btiming[- ](?:issue|problem|dependent|sensitive)"
    r"|\b(?:a|data) race\b|\bnot (?:always )?(?:stable|reliable|deterministic)\b|\bbrittle\b",
    re.IGNORECASE,
)
FLAKY_BYTES = re.compile(FLAKY.pattern.encode())
# One of these is in each text that the expression above fits; to look for them is fast.
STEMS = (
    *(b"flak", b"intermittent", b"stable", b"reliable", b"sporadic", b"rac", b"sometimes"),
    *(b"occasional", b"determinis", b"heisenbug", b"random", b"once in", b"now and", b"timing"),
    *(b"brittle",),
)
# No text that it fits is longer, on either side of its stem.
AROUND = 40
ISSUE = re.compile(
    r"#\d+|\bGH[- ]?\d+|\b(?:bpo|gh|issue|ticket|bug)[-: ]+#?\d+"
    r"|https?://\S*/\S*\d|\b(?!(?:UTF|SHA|ISO|RFC|HTTP|AES|PEP|CP|MD|TLS|PY|IPV|LATIN)-)[A-Z][A-Z0-9]+-\d+\b",
)


@dataclass(frozen=True, eq=False)
class Skip:
    """A place that skips tests, or lets them fail.

    Attributes:
        node: the mark or the call.
        reason: what it says, "" where nothing; None where that is known only at run time.
        kind: the last part of its name, such as `skipif`.
        loose: whether it says `strict=False`.
    """

    node: ast.expr
    reason: str | None
    kind: str
    loose: bool = False

    @property
    def says_flaky(self) -> bool:
        """Whether it is for a flake."""
        return bool(self.reason and FLAKY.search(self.reason))

    @property
    def is_silent(self) -> bool:
        """Whether it gives no reason at all, although it always holds."""
        return self.reason == "" and (self.kind == "skip" or self.loose)

    @property
    def names_issue(self) -> bool:
        """Whether it says where the flake is worked on."""
        return bool(self.reason and ISSUE.search(self.reason))


@lru_cache(maxsize=2)
def tells_of_flake(file: File) -> bool:
    """Whether a file holds words that tell of a flake, wherever they stand."""
    lower = file.data.lower()
    return any(
        FLAKY_BYTES.search(lower, max(at - AROUND, 0), at + AROUND)
        for stem in STEMS
        for at in occurrences(lower, stem)
    )


def may_skip(file: File) -> bool:
    """Whether a file has to be parsed to find a skip for a flake."""
    data = file.data
    return (
        tells_of_flake(file)
        or b"mark.skip" in data
        or b"strict=False" in data
        or (b"unittest" in data and b"skip" in data)
    )


@lru_cache(maxsize=4)
def of(file: File) -> list[Skip]:
    """All skips of a file: decorators, `pytestmark`, marks of parameters and calls."""
    called = {call.func for call in file.nodes(ast.Call)}
    bare = [Skip(node, "", node.attr) for node in _bare(file, called)]
    return [*(skip for call in file.nodes(ast.Call) if (skip := _called(file, call))), *bare]


def _called(file: File, call: ast.Call) -> Skip | None:
    kind = last_name(call.func)
    if kind == "skipTest":
        return Skip(call, _reason(file, call, 0), kind)
    if kind.lower() not in {"skip", "skipif", "skipunless", "skiptest", "xfail"}:
        return None
    name = full_name(file, call.func)
    if name in MARKS:
        loose = any(_is_false(one) for one in call.keywords if one.arg == "strict")
        return Skip(call, _reason(file, call, 0 if kind == "skip" else None), kind, loose)
    if name in CALLS:
        return Skip(call, _reason(file, call, 0), f"{kind}()")
    if name in OF_UNITTEST:
        return Skip(call, _reason(file, call, 1 if kind in {"skipIf", "skipUnless"} else 0), kind)
    return None


def _bare(file: File, called: set[ast.expr]) -> Iterator[ast.Attribute]:
    for node in file.nodes(ast.Attribute):
        if (
            node.attr == "skip"
            and node not in called
            and full_name(file, node) == "pytest.mark.skip"
        ):
            yield node


def _reason(file: File, call: ast.Call, position: int | None) -> str | None:
    for one in call.keywords:
        if one.arg in {"reason", "msg", None}:
            return text(file, one.value)
    if position is None or len(call.args) <= position:
        return ""
    return text(file, call.args[position])


def _is_false(keyword: ast.keyword) -> bool:
    return isinstance(keyword.value, ast.Constant) and keyword.value.value is False
