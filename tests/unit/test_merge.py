"""What a person wrote stays, line by line; what is missing is added, once."""

import ast
import tokenize
from collections.abc import Hashable
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tpgen.core.errors import UserError
from tpgen.generate.merge import Merged, merge
from tpgen.source.code import Code
from tpgen.source.suites import Suite

FACTS = ("message", "detections", "redacted", "make_step")
STEP = Suite({fact: frozenset() for fact in FACTS}, frozenset({"StepSuite"}))
HEAD = '''"""The step detect_keys, over a fake backend."""

from dataclasses import dataclass

from pytest_tpgen.suites import placeholder

from gateway.pipeline import Detection, OnDetection
from gateway.pipeline.steps.detect_keys import DetectKeys

from tests.policy.suites.step import StepSuite

LENGTH = 3


@dataclass
class FakeDetector:
    """Finds what `found` says."""

    found: list[Detection]


'''
MAKE = """
    def make_step(self, on_detection: OnDetection) -> DetectKeys:
        return DetectKeys(FakeDetector(self.detections), on_detection)
"""
RENDERED = (
    HEAD
    + """class TestDetectKeys(StepSuite):
    message: str = placeholder("message = 'x'\\ndetections = [Detection(…)]\\nredacted = ''")
"""
    + MAKE
)
FILLED = (
    HEAD
    + """class TestDetectKeys(StepSuite):
    message = "a key"
    detections = [Detection("key", 2, LENGTH)]
    redacted = "a [key]"
"""
    + MAKE
)


def merged(mine: str, rendered: str = RENDERED, suite: Suite = STEP) -> tuple[str, tuple[str, ...]]:
    """The text and what was added; a second time, nothing is."""
    once = merge(mine.encode(), rendered, suite)
    assert merge(once.text, rendered, suite) == Merged(once.text, ())
    ast.parse(once.text)
    return once.text.decode(), once.added


@pytest.mark.parametrize(
    "mine",
    [
        RENDERED,
        FILLED,
        "from x import StepSuite as S\n" + FILLED.replace("(StepSuite)", "(S)"),
        FILLED.replace("TestDetectKeys(", "Base(") + "class TestDetectKeys(Base[int]): ...\n",
        FILLED.replace("class TestDetectKeys", "class TestKeysAreFound"),
    ],
    ids=["itself", "filled", "alias", "base", "renamed"],
)
def test_where_nothing_lacks_nothing_changes(mine: str) -> None:
    assert merge(mine.encode(), RENDERED, STEP) == Merged(mine.encode(), ())


def test_each_missing_fact_gets_a_placeholder() -> None:
    """Of those that one rendered placeholder covers."""
    mine = HEAD + "class TestDetectKeys(StepSuite):\n    detections = []\n" + MAKE
    text, added = merged(mine)
    assert added == ("TestDetectKeys.message", "TestDetectKeys.redacted")
    assert "    detections = []\n    message = placeholder(" in text
    assert "    redacted = placeholder(\"redacted = ''\")" in text


def test_a_class_that_lacks_is_appended_with_what_it_uses() -> None:
    """Its helper and the imports; no constant and no import that only others use."""
    mine = '"""Mine."""\n\nimport os\n\n\ndef test_x() -> None: ...\n\n\n# the end\n'
    text, added = merged(mine)
    assert added == ("TestDetectKeys",)
    assert text.startswith('"""Mine."""\n\nimport os\nfrom dataclasses import dataclass\n')
    assert text.index("# the end") < text.index("class FakeDetector") < text.index("class Test")
    assert "LENGTH" not in text
    assert "LENGTH = 3" in merged(mine, FILLED)[0]


def test_a_lacking_member_goes_below_the_facts() -> None:
    """In the person's indentation; their own helper of the name is taken."""
    mine = (
        "from gateway.pipeline import (\n\tDetection,  # why\n\tStep  # and why\n)\n"
        "from tests.policy.suites.step import StepSuite\nclass FakeDetector: ...\n"
        "class TestDetectKeys(StepSuite):\n\tmessage = 'x'  # kept\n\n"
        "\t# mine\n\tdef test_mine(self):\n\t\tpass\n"
    )
    text, added = merged(mine, FILLED)
    assert added == tuple(f"TestDetectKeys.{fact}" for fact in FACTS[1:])
    assert "\tStep  # and why\n)\n" in text
    assert 'x\'  # kept\n\tdetections = [Detection("key", 2, LENGTH)]\n\tredacted' in text
    assert text.count("class FakeDetector") == 1
    assert "\n\n\nLENGTH = 3\n\n\nclass TestDetectKeys" in text


def test_a_placeholder_is_replaced_and_its_comments_stay() -> None:
    mine = RENDERED.replace("    message:", "    # ask Ann\n    message:").replace(
        "'\")", "'\")  # or Bob"
    )
    text, added = merged(mine, FILLED)
    assert added == (
        "TestDetectKeys.message",
        "TestDetectKeys.detections",
        "TestDetectKeys.redacted",
    )
    assert '    # ask Ann\n    # or Bob\n    message = "a key"\n    detections' in text
    assert "placeholder(" not in text


def test_a_function_that_calls_fill_in_is_replaced() -> None:
    gives = '\n    def make_step(self, on_detection: str) -> object:\n        """D."""\n        return fill_in("x")\n'
    text, added = merged(FILLED.replace(MAKE, gives), FILLED)
    assert (text, added) == (FILLED, ("TestDetectKeys.make_step",))


def test_a_class_on_one_line_gets_a_body() -> None:
    text, added = merged(
        "from s import StepSuite\nclass TestDetectKeys(StepSuite): pass  # why\n", FILLED
    )
    assert len(added) == 4
    assert "class TestDetectKeys(StepSuite):\n    pass  # why\n    message" in text


def test_what_may_stand_instead_is_enough() -> None:
    suite = Suite({"path": frozenset({"url"})})
    rendered = "class TestA(RouteSuite):\n    path = '/a'\n"
    mine = "class TestA(RouteSuite):\n    @fixture(name='url')\n    def mine(self): ...\n"
    assert merged(mine, rendered, suite) == (mine, ())
    assert merged(mine.replace("url", "b"), rendered, suite)[1] == ("TestA.path",)


def test_a_class_without_the_suite_gets_one_with_it_beside() -> None:
    """Whatever tests it holds: only a subclass of the suite has the required cases."""
    text, added = merged("class TestDetectKeys:\n    def test_detects(self): ...\n")
    assert added == ("TestDetectKeysRequired",)
    assert "class TestDetectKeysRequired(StepSuite):" in text


def test_a_renamed_class_is_completed() -> None:
    """It inherits the suite, and makes the component; one of another component does not."""
    mine = FILLED.replace('    redacted = "a [key]"\n', "").replace("class Test", "class TestMy")
    assert merged(mine, FILLED)[1] == ("TestMyDetectKeys.redacted",)
    base = mine.replace("class TestMy", "class My") + "\n\nclass TestKeys(MyDetectKeys): ...\n"
    assert merged(base, FILLED)[1] == ("TestKeys.redacted",)
    other = mine.replace("DetectKeys", "FindNames")
    assert merged(other, FILLED)[1] == ("TestDetectKeys",)


COMMON = """from tests.policy.suites import blank
from tests.policy.suites.step import StepSuite as S


class OurStep(S):
    message = "x"
    redacted = ""
    detections = placeholder("detections = []")

    def test_redacts(self) -> None: ...
"""
SUITE = "class StepSuite:\n    message = placeholder('x')\n"


@pytest.fixture
def code(tmp_path: Path) -> Code:
    """The tests of a service, with a base class of a person's."""
    folder = tmp_path / "tests/unit/steps"
    folder.mkdir(parents=True)
    (folder / "common.py").write_text(COMMON)
    (tmp_path / "tests/policy/suites").mkdir(parents=True)
    (tmp_path / "tests/policy/suites/step.py").write_text(SUITE)
    return Code([tmp_path / "tests"])


@pytest.mark.parametrize(
    ("line", "base"),
    [
        ("from tests.unit.steps.common import OurStep", "OurStep"),
        ("from tests.unit.steps.common import OurStep as Mine", "Mine"),
        ("from tests.unit.steps import common", "common.OurStep[int]"),
        ("from .common import OurStep", "OurStep"),
        ("from common import OurStep", "OurStep"),
    ],
)
@pytest.mark.parametrize("name", ["TestDetectKeys", "TestKeysAreFound"])
def test_a_base_in_another_file_counts(code: Code, line: str, base: str, name: str) -> None:
    """What it states is not asked for again, nor is its class taken for a missing one."""
    path = Path("tests/unit/steps/test_x.py")
    suite = Suite(STEP.required, STEP.accepted, code)
    mine = f"{line}\n\n\nclass {name}({base}):\n    detections = []\n{MAKE}"
    assert merge(mine.encode(), FILLED, suite, path=path) == Merged(mine.encode(), ())
    less = mine.replace("    detections = []\n", "    # none yet\n")
    assert merge(less.encode(), RENDERED, suite, path=path).added == ()


def test_a_factory_that_speaks_of_a_model_is_not_its_own() -> None:
    """Where a class is known by its model, no other one is taken for it."""
    rendered = "from a import Base, A\nclass AFactory(Base):\n    path = A\n"
    mine = "from a import Base\nclass BFactory(Base):\n    path = B\n    other: A\n"
    once = merge(mine.encode(), rendered, Suite(), path_of)
    assert once.added == ("AFactory",)


def test_plain_tests_are_added() -> None:
    """With what they use; one that a person has, in a class or not, is theirs."""
    rendered = "from a import A, B\ndef test_one():\n    A\nasync def test_two(): B\n"
    text, added = merged("import os\n\n\ndef test_one(): ...\n", rendered, Suite())
    assert added == ("test_two",)
    assert "from a import B\n" in text
    mine = "class TestA:\n    def test_one(self): ...\n\n\nasync def test_two(): ...\n"
    assert merged(mine, rendered, Suite()) == (mine, ())
    with pytest.raises(UserError, match="uses the name test_one for something that is no test"):
        merge(b"test_one = 1\n", rendered, Suite())


@pytest.mark.parametrize("body", ["pass", "...", '"""D."""\n    ...'])
def test_a_lone_pass_gives_way(body: str) -> None:
    mine = f"from s import StepSuite\n\n\nclass TestDetectKeys(StepSuite):\n    {body}\n"
    text, added = merged(mine, FILLED)
    assert len(added) == 4
    assert body.splitlines()[-1].strip() not in text.replace("found: ", "").split("class Test")[1]


def test_another_suite_that_proves_the_component_counts() -> None:
    """A person may know better which of the suites of the kind fits."""
    suite = Suite({}, frozenset({"PublicRouteSuite", "RouteSuite"}))
    mine = "class TestA(suites.PublicRouteSuite): ...\n"
    assert merged(mine, "class TestA(RouteSuite): ...\n", suite) == (mine, ())


def path_of(_module: ast.Module, owner: ast.ClassDef) -> Hashable | None:
    codes = (ast.unparse(member) for member in owner.body)
    return next((code for code in codes if code.startswith("path = ")), None)


def test_a_class_is_known_by_its_identity() -> None:
    """Whatever its name; a name that is taken by another component is not taken again."""
    suite = Suite({"path": frozenset()})
    rendered = "class TestA(RouteSuite):\n    path = '/a'\n"
    known = b"class TestMine(RouteSuite):\n    path = '/a'\n"
    assert merge(known, rendered, suite, path_of) == Merged(known, ())
    other = b"class TestA(RouteSuite):\n    path = '/b'\n"
    once = merge(other, rendered, suite, path_of)
    assert once.added == ("TestA2",)
    assert merge(once.text, rendered, suite, path_of) == Merged(once.text, ())


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("class Detection: ...", "uses the name Detection for something of its own, and"),
        ("from elsewhere import Detection", "uses the name Detection for elsewhere.Detection, and"),
        ("LENGTH = 4", "gives LENGTH another value"),
        ("TestDetectKeys = 1", "uses the name TestDetectKeys for something that is no test"),
        ("def test(:", r"tests/test_x.py:1 can't be read \(invalid syntax\)"),
        ("x = (", r"test_x.py:1 can't be read \('\(' was never closed\)"),
        ("a\0b", "test_x.py:1 can't be read"),
        ("# coding: nonsense", "can't be decoded"),
        ("# coding: ascii\nx = 'é'", "can't be decoded"),
    ],
)
def test_what_a_person_must_change_first_is_named(line: str, reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        merge(line.encode(), FILLED, STEP, path=Path("tests/test_x.py"))


def test_a_character_that_the_encoding_lacks_is_named() -> None:
    with pytest.raises(UserError, match="is in iso-8859-1, which has no '…'"):
        merge(b"# coding: latin-1\n", RENDERED, STEP)


def test_an_import_for_type_checking_alone_is_not_enough() -> None:
    mine = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from gateway.pipeline import OnDetection\n"
    assert "\nfrom gateway.pipeline import Detection, OnDetection\n" in merged(mine)[0]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("from tests.a import x\n", "from tests.a import x\n{}"),
        ("from a import (\n  b,  # why\n)\n", "from a import (\n  b,  # why\n)\n{}"),
        ("import sys; y = 1\n", "import sys; y = 1\n{}"),
        ("from __future__ import x\n", "from __future__ import x\n{}"),
        ('"""D."""\n', '"""D."""\n\n{}'),
        ("#!/usr/bin/python\n# A licence.\n", "#!/usr/bin/python\n# A licence.\n{}"),
    ],
)
def test_imports_go_below_those_at_the_top(given: str, expected: str) -> None:
    """Ruff sorts them later, if it sorted those of the file."""
    rendered = "import os\nfrom tests.a import C, D\nclass TestA(C): x = D, os\n"
    text, _ = merged(f"{given}x = 1\n", rendered, Suite())
    added = "import os\nfrom tests.a import C, D\n"
    assert text.startswith(f"{expected.format(added)}x = 1\n")


def test_what_shares_a_line_stays() -> None:
    mine = (
        HEAD + "class TestDetectKeys(StepSuite):\n    message = placeholder('x'); mine = 1; pass\n"
    )
    text, _ = merged(mine, FILLED)
    assert "    message = placeholder('x'); mine = 1; pass\n" in text


def test_the_lines_of_a_text_stay_as_they_are() -> None:
    """Whatever the indentation of the class."""
    rendered = FILLED.replace('"a key"', '"""a\nkey\n  """')
    text, _ = merged("class TestDetectKeys(StepSuite):\n  x = 1\n", rendered)
    assert '  message = """a\nkey\n  """\n' in text


ROOT = Path(__file__).parents[2]
REAL = [
    text
    for folder in ("tests", "template/tests")
    for path in sorted((ROOT / folder).rglob("test_*.py"))
    if len(text := path.read_text()) < 4000
]
FACT = st.sampled_from(
    [
        "    message = 'x'  # mine",
        "    # a comment",
        "    detections: list = placeholder('detections = []')  # fill",
        "    def make_step(self): return fill_in('x')",
        "    def test_detects(self):\n        pass\n        # inner",
        "    async def test_other(self): ...",
        "    'text'",
        "    if 1:\n        redacted = ''",
        "    redacted = placeholder('x'); mine = 1; pass",
        "    pass",
        "",
    ]
)
TOP = st.sampled_from(
    [
        "import os",
        "from gateway.pipeline import (\n    Step,  # one\n    Context  # two\n)",
        "from tests.policy.suites.step import StepSuite  # it",
        "class FakeDetector: ...",
        "class TestOther(StepSuite): x = 1",
        "# alone",
        "x = 1\n\x0c\ny = 2",
        "if x:\n    import y",
        "x = '''\n\n  class TestDetectKeys:\n'''",
        "async def test_a(): pass",
    ]
)
BASES = st.sampled_from(["", "(StepSuite)", "(s.StepSuite[int])", "(TestOther)"])


@st.composite
def modules(draw: st.DrawFn) -> bytes:
    """A test module: a real one or none, with classes, comments and ends of lines of any sort."""
    parts = [draw(st.sampled_from(["", *REAL])), *draw(st.lists(TOP, max_size=6))]
    if draw(st.booleans()):
        facts = draw(st.lists(FACT, max_size=6))
        parts += [f"class TestDetectKeys{draw(BASES)}:", *facts, "    last = 1"]
    parts += draw(st.lists(TOP, max_size=3))
    text = "\n".join(parts)
    text = text.replace("    ", draw(st.sampled_from(["    ", "\t", "  "])))
    text = text.replace("\n", draw(st.sampled_from(["\n", "\r\n"])))
    mark = draw(st.sampled_from([b"", b"\xef\xbb\xbf"]))
    return mark + text.encode() + draw(st.sampled_from([b"", b"\n", b"\n\n\n"]))


def comments(text: bytes) -> list[str]:
    tokens = tokenize.tokenize(BytesIO(text).readline)
    return [token.string for token in tokens if token.type == tokenize.COMMENT]


@given(mine=modules(), rendered=st.sampled_from([RENDERED, FILLED]))
def test_no_line_is_ever_lost(mine: bytes, rendered: str) -> None:
    """But for placeholders and a lone `pass` that are replaced; and once is enough."""
    once = merge(mine, rendered, STEP)
    ast.parse(once.text)
    assert merge(once.text, rendered, STEP) == Merged(once.text, ())
    lines = iter(once.text.splitlines(keepends=True))
    for line in mine.splitlines():
        is_open = b"placeholder(" in line or b"fill_in(" in line or line.strip() == b"pass"
        if not is_open or b"mine = 1" in line:
            assert any(after.rstrip(b"\r\n") == line for after in lines), line
    assert not set(comments(mine)) - set(comments(once.text))
    assert once.text.startswith(b"\xef\xbb\xbf") == mine.startswith(b"\xef\xbb\xbf")
    if b"\r\n" in mine and b"\n" not in mine.replace(b"\r\n", b""):
        assert b"\n" not in once.text.replace(b"\r\n", b"").replace(b'"""', b"")
