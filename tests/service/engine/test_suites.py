"""What a test class may do with the required cases that it inherits, and what it may not."""

import re
from pathlib import Path

import pytest

from tests.service.engine.trees import Outcome, Tree, service

SUITE = """
    import pytest
    from pytest_tpgen.suites import Suite, placeholder

    class ThingSuite(Suite):
        name = placeholder('name = "…"')

        def test_has_a_name(self):
            assert self.name

        @pytest.mark.parametrize("n", [1, 2])
        def test_counts(self, n):
            assert n
    """
STATED = """
    from tests.policy.suites.thing import ThingSuite

    class TestThing(ThingSuite):
        name = "thing"
    """
EXEMPT = '[[tool.tpgen.exempt]]\ncase = "{}"\nreason = "{}"\n'
PASSED = dict.fromkeys(("test_has_a_name", "test_counts[1]", "test_counts[2]"), "passed")


def thing(folder: Path, test: str = STATED, pyproject: str = "", **files: str) -> Tree:
    """Return a service with one suite and one test class."""
    config = "[tool.pytest.ini_options]\npythonpath = ['.']\naddopts = '--import-mode=importlib'\n"
    contents = {
        "tests/policy/__init__.py": "",
        "tests/policy/suites/__init__.py": "",
        "tests/policy/suites/thing.py": SUITE,
        "tests/unit/test_thing.py": test,
        "pyproject.toml": config + pyproject,
        **files,
    }
    return service(folder, **contents)


def assert_refused(outcome: Outcome, *words: str) -> None:
    """Check that collection failed with a message of ours, and no traceback."""
    # A collection error; 1 under xdist.
    assert outcome.code in {1, 2}, outcome.text
    assert not outcome.tests
    for word in words:
        assert word in outcome.text, outcome.text
    assert "Traceback" not in outcome.text
    assert "INTERNALERROR" not in outcome.text


def test_the_cases_run(tmp_path: Path) -> None:
    assert thing(tmp_path).pytest().tests == PASSED


@pytest.mark.parametrize("way", ["def test_has_a_name(self): ...", "test_has_a_name = None"])
def test_a_required_case_is_not_replaced(way: str, tmp_path: Path) -> None:
    test = STATED.rstrip(" ").rstrip("\n") + f"\n\n        {way}\n    "
    assert_refused(
        thing(tmp_path, test).pytest(),
        "tests/unit/test_thing.py:4: TestThing.test_has_a_name replaces a required case of ThingSuite",
        "rename it, so that both run",
        "[[tool.tpgen.exempt]]",
    )


def test_a_required_case_is_not_removed_later(tmp_path: Path) -> None:
    """By an assignment to the class, a mixin or pytest's own `__test__`."""
    ways = {
        "assigned": "TestThing.test_has_a_name = None",
        "function": "TestThing.test_has_a_name = lambda self: None",
        "deleted": "TestThing.__test__ = False",
    }
    for name, way in ways.items():
        outcome = thing(tmp_path / name, STATED + f"\n    {way}\n").pytest()
        assert_refused(outcome, "TestThing")


def test_a_class_chooses_no_cases(tmp_path: Path) -> None:
    """`only` of earlier releases is an error, and says what to write instead."""
    test = STATED.replace("(ThingSuite)", "(ThingSuite, only=['test_counts'])")
    outcome = thing(tmp_path, test).pytest()
    assert outcome.code == 2
    assert not outcome.tests
    assert "TypeError: TestThing: a suite takes no `only`: remove it" in outcome.text
    assert "[[tool.tpgen.exempt]]" in outcome.text


@pytest.mark.parametrize("options", [(), ("-n2",)])
def test_a_policy_without_its_file(options: tuple[str, ...], tmp_path: Path) -> None:
    """Nothing would judge the cases: the run says so, and runs none."""
    tree = thing(tmp_path)
    (tree.path / "tests/policy/policy.toml").unlink()
    outcome = tree.pytest(*options)
    assert outcome.code in {1, 2}, outcome.text
    assert not outcome.tests
    assert re.search(r"there is no \S+/policy.toml: restore it with `git checkout", outcome.text)


def test_a_mixin_does_not_replace_a_required_case(tmp_path: Path) -> None:
    test = """
        from tests.policy.suites.thing import ThingSuite

        class Mixin:
            def test_has_a_name(self): ...

        class TestThing(Mixin, ThingSuite):
            name = "thing"
        """
    assert_refused(thing(tmp_path, test).pytest(), "test_has_a_name replaces a required case")


def test_a_case_of_its_own_is_allowed(tmp_path: Path) -> None:
    test = STATED.rstrip() + "\n\n        def test_more(self): ...\n    "
    assert thing(tmp_path, test).pytest().tests == {**PASSED, "test_more": "passed"}


@pytest.mark.parametrize("options", [(), ("-n2",), ("-k", "has_a_name or counts")])
def test_an_exempt_case_is_skipped_and_shown(options: tuple[str, ...], tmp_path: Path) -> None:
    outcome = thing(tmp_path, pyproject=EXEMPT.format("TestThing.test_counts", "can't")).pytest(
        "-rs", *options
    )
    assert outcome.code == 0, outcome.text
    assert outcome.tests == {**PASSED, "test_counts[1]": "skipped", "test_counts[2]": "skipped"}
    assert "exempt required cases" in outcome.text
    assert "test_thing.py::TestThing::test_counts[1]: can't" in outcome.text


@pytest.mark.parametrize("options", [(), ("-n2",), ("--co",), ("-k", "has_a_name")])
@pytest.mark.parametrize("case", ["TestThing.test_gone", "TestThing.name"])
def test_an_exemption_of_no_case_is_refused(
    case: str, options: tuple[str, ...], tmp_path: Path
) -> None:
    outcome = thing(tmp_path, pyproject=EXEMPT.format(case, "why")).pytest(*options)
    assert_refused(outcome, f"exempts {case}, and TestThing inherits no such case")


@pytest.mark.parametrize(
    "table",
    [
        'case = "TestThing.test_counts"',
        'case = "TestThing.test_counts"\nreason = " "',
        'case = "TestThing.test_counts"\nreason = "x"\nuntil = "2030-01-01"',
        'case = "TestThing.test_counts"\nreason = 3',
        'case = "test_counts"\nreason = "x"',
    ],
)
def test_an_exemption_needs_a_case_and_a_reason(table: str, tmp_path: Path) -> None:
    outcome = thing(tmp_path, pyproject=f"[[tool.tpgen.exempt]]\n{table}\n").pytest()
    assert_refused(outcome, "pyproject.toml", "an exemption needs `case` and `reason`")


def test_exemptions_that_are_no_list_are_refused(tmp_path: Path) -> None:
    outcome = thing(tmp_path, pyproject='[tool.tpgen]\nexempt = "TestThing.test_counts"\n').pytest()
    assert_refused(outcome, "an exemption needs `case` and `reason`")


def test_a_placeholder_says_what_to_write(tmp_path: Path) -> None:
    test = STATED.replace('name = "thing"', "")
    outcome = thing(tmp_path, test.rstrip() + "pass\n").pytest()
    assert outcome.tests == {**PASSED, "test_has_a_name": "failed"}
    assert (
        'tests/unit/test_thing.py:4: TestThing has a placeholder; write there, for example:\n\n    name = "…"'
        in outcome.text
    )


def test_fill_in_says_what_to_write(tmp_path: Path) -> None:
    test = """
        from pytest_tpgen.suites import fill_in

        def test_one():
            answer = fill_in("answer = 42")
        """
    outcome = thing(tmp_path, test).pytest()
    assert outcome.tests == {"test_one": "failed"}
    assert "this line has a placeholder; write there, for example:" in outcome.text
    assert "answer = 42" in outcome.text


@pytest.mark.parametrize("options", [(), ("-n2",)])
def test_a_new_case_warns_until_its_date(options: tuple[str, ...], tmp_path: Path) -> None:
    for day, expected in (("2999-01-01", "xfailed"), ("2020-01-01", "failed")):
        suite = SUITE.replace(
            "        def test_has",
            f'        @pytest.mark.required_from("{day}")\n        def test_has',
        )
        files = {"tests/policy/suites/thing.py": suite}
        test = STATED.replace('"thing"', '""')
        outcome = thing(tmp_path / day, test, **files).pytest(*options)
        assert outcome.tests == {**PASSED, "test_has_a_name": expected}
        assert ("will fail from 2999-01-01 on" in outcome.text) is (expected == "xfailed")


def test_a_date_that_is_none_is_refused(tmp_path: Path) -> None:
    suite = SUITE.replace(
        "        def test_has", '        @pytest.mark.required_from("soon")\n        def test_has'
    )
    outcome = thing(tmp_path, **{"tests/policy/suites/thing.py": suite}).pytest()
    assert_refused(outcome, "required_from('soon') holds no date")


def test_two_services_in_one_run(tmp_path: Path) -> None:
    """Each has its own exemptions, also of classes with the same name."""
    for name, reason in (("first", "the first"), ("second", "the second")):
        test = STATED.replace("tests.policy", f"{name}.tests.policy")
        thing(
            tmp_path / name,
            test,
            **{
                "pyproject.toml": EXEMPT.format("TestThing.test_has_a_name", reason),
            },
        )
    config = "[pytest]\npythonpath = .\naddopts = --import-mode=importlib\n"
    outcome = Tree(tmp_path).write({"pytest.ini": config}).pytest()
    assert outcome.code == 0, outcome.text
    for name in ("first", "second"):
        assert (
            f"{name}/tests/unit/test_thing.py::TestThing::test_has_a_name: the {name}"
            in outcome.text
        )
