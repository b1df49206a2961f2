"""What a person wrote stays, line by line; what is missing is added, once."""

import ast
import re
import tokenize
from collections.abc import Hashable
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tpgen.core.errors import UserError
from tpgen.generate.merge import merge
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
    text, added = merge(mine, rendered, suite)
    assert merge(text, rendered, suite) == (text, ())
    ast.parse(text)
    return text, added


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
    assert merge(mine, RENDERED, STEP) == (mine, ())


def test_each_missing_fact_gets_a_placeholder() -> None:
    """Of those that one rendered placeholder covers."""
    mine = HEAD + "class TestDetectKeys(StepSuite):\n    detections = []\n" + MAKE
    text, added = merged(mine)
    assert added == ("TestDetectKeys.message", "TestDetectKeys.redacted")
    assert text.startswith(mine)
    assert "    message = placeholder(" in text
    assert "    redacted = placeholder(\"redacted = ''\")" in text


def test_a_class_that_lacks_is_appended_with_what_it_uses() -> None:
    """Its helper and the imports; no constant and no import that only others use."""
    mine = '"""Mine."""\n\nimport os\n\n\ndef test_x() -> None: ...\n\n\n# the end\n'
    text, added = merged(mine)
    assert added == ("TestDetectKeys",)
    assert text.startswith('"""Mine."""\n\nimport os\nfrom dataclasses import dataclass\n')
    assert text.index("class FakeDetector") < text.index("# the end") < text.index("class Test")
    assert "LENGTH" not in text
    assert "LENGTH = 3" in merged(mine, FILLED)[0]


def test_a_missing_member_goes_to_the_end_of_the_class() -> None:
    """The helpers that it uses go below the imports; a person's own helper of the name counts."""
    mine = (
        "from gateway.pipeline import (\n\tDetection,  # why\n\tStep  # and why\n)\n"
        "from tests.policy.suites.step import StepSuite\nclass FakeDetector: ...\n"
        "class TestDetectKeys(StepSuite):\n    message = 'x'  # kept\n\n"
        "    # mine\n    def test_mine(self):\n        pass\n        # the end\n\n\nother = 1\n"
    )
    text, added = merged(mine, FILLED)
    assert added == tuple(f"TestDetectKeys.{fact}" for fact in FACTS[1:])
    assert "\tStep  # and why\n)\n" in text
    assert '        # the end\n\n    detections = [Detection("key", 2, LENGTH)]\n    redac' in text
    assert text.endswith(")\n\n\nother = 1\n")
    assert text.count("class FakeDetector") == 1
    assert "\n\n\nLENGTH = 3\nclass FakeDetector" in text


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


@pytest.mark.parametrize("body", [" pass", "\n\tmessage = 'x'", "\n    a = 1; message = 'x'"])
def test_a_class_that_ruff_would_format_otherwise_stays(body: str) -> None:
    mine = f"from s import StepSuite\n\n\nclass TestDetectKeys(StepSuite):{body}\n"
    reason = r"^test_module.py:4: TestDetectKeys is missing values, .* run `ruff format test_mod"
    with pytest.raises(UserError, match=reason):
        merge(mine, FILLED, STEP)
    complete = FILLED.replace('    message = "a key"\n', "    message = ''; a = 1\n")
    assert merged(complete, FILLED) == (complete, ())


def test_what_may_stand_instead_is_enough() -> None:
    suite = Suite({"path": frozenset({"url"})})
    rendered = "class TestA(RouteSuite):\n    path = '/a'\n"
    mine = "class TestA(RouteSuite):\n    @fixture\n    def url(self): ...\n"
    assert merged(mine, rendered, suite) == (mine, ())
    assert merged(mine.replace("url", "b"), rendered, suite)[1] == ("TestA.path",)


def test_a_class_without_the_suite_must_get_it() -> None:
    """Whatever tests it holds: only a subclass of the suite has the required cases."""
    mine = "\nclass TestDetectKeys:\n    def test_detects(self): ...\n"
    reason = (
        "^test_module.py:2: TestDetectKeys does not inherit from "
        "tests.policy.suites.step.StepSuite: add this base, or rename the class"
    )
    with pytest.raises(UserError, match=reason):
        merge(mine, RENDERED, STEP)


def test_a_renamed_class_is_completed() -> None:
    """It is the one in the file that inherits the suite."""
    mine = FILLED.replace('    redacted = "a [key]"\n', "").replace("class Test", "class TestMy")
    assert merged(mine, FILLED)[1] == ("TestMyDetectKeys.redacted",)
    base = (
        mine.replace("class TestMy", "class My") + "\n\nclass TestKeys(MyDetectKeys):\n    x = 1\n"
    )
    assert merged(base, FILLED)[1] == ("TestKeys.redacted",)
    other = mine.replace("StepSuite", "OtherSuite")
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
    assert merge(mine, FILLED, suite, path=path) == (mine, ())
    less = mine.replace("    detections = []\n", "    # none yet\n")
    assert merge(less, RENDERED, suite, path=path) == (less, ())


def test_a_factory_that_speaks_of_a_model_is_not_its_own() -> None:
    """A module without tests gets all rendered classes, such as factories."""
    rendered = "from a import Base, A\nclass AFactory(Base):\n    path = A\n"
    mine = "from a import Base\nclass BFactory(Base):\n    path = B\n    other: A\n"
    assert merge(mine, rendered, Suite())[1] == ("AFactory",)


def test_the_name_of_a_class_must_be_free() -> None:
    with pytest.raises(UserError, match="uses the name TestA for something else than"):
        merge("TestA = 1\n", "class TestA: ...\n", Suite())


def test_another_suite_that_proves_the_component_counts() -> None:
    """A person may know better which of the suites of the kind fits."""
    suite = Suite({}, frozenset({"PublicRouteSuite", "RouteSuite"}))
    mine = "class TestA(suites.PublicRouteSuite): ...\n"
    assert merged(mine, "class TestA(RouteSuite): ...\n", suite) == (mine, ())


def path_of(_module: ast.Module, owner: ast.ClassDef) -> Hashable | None:
    codes = (ast.unparse(member) for member in owner.body)
    return next((code for code in codes if code.startswith("path = ")), None)


def test_a_class_is_known_by_its_identity() -> None:
    """Whatever its name."""
    suite = Suite({"path": frozenset()})
    rendered = "class TestA(RouteSuite):\n    path = '/a'\n"
    known = "class TestMine(RouteSuite):\n    path = '/a'\n"
    assert merge(known, rendered, suite, path_of) == (known, ())
    other = "class TestB(RouteSuite):\n    path = '/b'\n"
    assert merge(other, rendered, suite, path_of)[1] == ("TestA",)
    with pytest.raises(UserError, match="uses the name TestA for something else than"):
        merge(other.replace("TestB", "TestA"), rendered, suite, path_of)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (
            "class Detection: ...",
            "uses the name Detection for something else than gateway.pipeline.D",
        ),
        (
            "from elsewhere import Detection",
            "uses the name Detection for something else than gateway.p",
        ),
        ("TestDetectKeys = 1", "uses the name TestDetectKeys for something else than"),
        ("def test(:", r"tests/test_x.py:1 can't be read \(invalid syntax\)"),
        ("x = (", r"test_x.py:1 can't be read \('\(' was never closed\)"),
        ("a\0b", "test_x.py:1 can't be read"),
    ],
)
def test_what_a_person_must_change_first_is_named(line: str, reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        merge(line, FILLED, STEP, path=Path("tests/test_x.py"))


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
        ('"""D."""\n', '"""D."""\n{}'),
        ("#!/usr/bin/python\n# A licence.\n", "#!/usr/bin/python\n# A licence.\n{}"),
    ],
)
def test_imports_go_below_those_at_the_top(given: str, expected: str) -> None:
    """Ruff sorts them later, if it sorted those of the file."""
    rendered = "import os\nfrom tests.a import C, D\nclass TestA(C): x = D, os\n"
    text, _ = merged(f"{given}x = 1\n", rendered, Suite())
    added = "import os\nfrom tests.a import C, D\n"
    assert text.startswith(f"{expected.format(added)}x = 1\n")


ROOT = Path(__file__).parents[2]
REAL = [
    text
    for folder in ("tests", "template/service/tests")
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
        "class TestOther(StepSuite):\n    x = 1",
        "# alone",
        "x = 1\n\x0c\ny = 2",
        "if x:\n    import y",
        "x = '''\n\n  class TestDetectKeys:\n'''",
        "async def test_a(): pass",
    ]
)
BASES = st.sampled_from(["", "(StepSuite)", "(s.StepSuite[int])", "(TestOther)"])


@st.composite
def modules(draw: st.DrawFn) -> str:
    """A test module: a real one or none, with classes, comments and ends of lines of any sort."""
    parts = [draw(st.sampled_from(["", *REAL])), *draw(st.lists(TOP, max_size=6))]
    if draw(st.booleans()):
        facts = draw(st.lists(FACT, max_size=6))
        parts += [f"class TestDetectKeys{draw(BASES)}:", *facts, "    last = 1"]
    parts += draw(st.lists(TOP, max_size=3))
    text = "\n".join(parts)
    text = text.replace("    ", draw(st.sampled_from(["    ", "    ", "\t"])))
    text = text.replace("\n", draw(st.sampled_from(["\n", "\r\n"])))
    return text + draw(st.sampled_from(["", "\n", "\n\n\n"]))


def comments(text: str) -> list[str]:
    tokens = tokenize.tokenize(BytesIO(text.encode()).readline)
    return [token.string for token in tokens if token.type == tokenize.COMMENT]


@given(mine=modules(), rendered=st.sampled_from([RENDERED, FILLED]))
def test_no_line_is_ever_lost(mine: str, rendered: str) -> None:
    """But for placeholders that are replaced; and once is enough."""
    try:
        text, _ = merge(mine, rendered, STEP)
    except UserError as error:
        assert re.search("does not inherit from|ruff format|uses the name", str(error))
        return
    ast.parse(text)
    assert merge(text, rendered, STEP) == (text, ())
    lines = iter(text.encode().splitlines())
    for line in mine.encode().splitlines():
        if b"placeholder(" not in line and b"fill_in(" not in line:
            assert line in lines, line
    assert not set(comments(mine)) - set(comments(text))
    if "\r\n" in mine and "\n" not in mine.replace("\r\n", ""):
        assert "\n" not in text.replace("\r\n", "").replace('"""', "")
