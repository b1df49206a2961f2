"""The places where tests are skipped or may fail, and the reasons that they state."""

import ast
import re
from dataclasses import dataclass
from functools import lru_cache

from .file import File
from .qualified import full_name, literal

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
ALWAYS = {"pytest.mark.skip", "unittest.skip"}
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
        reason: "" if it has none, None if it is not a string literal.
        is_unconditional: whether it is a mark that skips a test or ignores its failure in any case.
    """

    node: ast.expr
    reason: str | None
    is_unconditional: bool

    @property
    def is_flaky(self) -> bool:
        return FLAKY.search(self.reason or "") is not None

    @property
    def names_issue(self) -> bool:
        return ISSUE.search(self.reason or "") is not None


@lru_cache(maxsize=4)
def of(file: File) -> list[Skip]:
    """Return all skips of a file: decorators, `pytestmark`, marks of parameters, and calls."""
    calls = {call.func: call for call in file.nodes(ast.Call)}
    named = [(full_name(file, node), node) for node in file.nodes(ast.Attribute, ast.Name)]
    return [_skip(name, calls.get(node, node)) for name, node in named if name in REASONS]


def _skip(name: str, node: ast.expr) -> Skip:
    if not isinstance(node, ast.Call):
        return Skip(node, "", name in ALWAYS)
    loose = any(ast.unparse(keyword) == "strict=False" for keyword in node.keywords)
    reasons = [each.value for each in node.keywords if each.arg in {"reason", "msg", None}]
    position = REASONS[name]
    if position is not None:
        reasons += node.args[position : position + 1]
    return Skip(node, literal(reasons[0]) if reasons else "", loose or name in ALWAYS)
