"""The rules of the gate: they judge a change by what ran, so that `tpgen check` has none of them."""

from functools import partial

from tpgen.check.rule import Rule

COVERAGE = "Coverage: target > 85% on new code in a PR, per file; any file you touch must meet it"
CASES = "Required test cases"
_rule = partial(Rule, bad={}, good={})

RULES = (
    _rule(
        code="TPG600",
        name="missing-fact",
        section="Testing: we were burned once by mocks; the tests passed, prod broke",
        why="The gate judges by what ran. Without a complete run of these files it can't say that "
        "a test is there.",
        fix="Run the command that the finding names: `tpgen gate --run` runs it only if needed.",
    ),
    _rule(
        code="TPG601",
        name="uncovered-change",
        section=COVERAGE,
        why="New code that no test runs fails first in production. One figure over the whole "
        "change would let a large tested file hide a small untested one.",
        fix="Write a test that runs the lines of the finding.",
    ),
    _rule(
        code="TPG602",
        name="file-below-target",
        section=COVERAGE,
        why="Old files with a low coverage can stay as they are until somebody changes them.",
        fix="Write tests for the lines of the finding, or make the change elsewhere.",
    ),
    _rule(
        code="TPG603",
        name="coverage-drop",
        section="Coverage: a drop of more than 2% blocks merge",
        why="Tests that are deleted or skipped leave code untested that the change itself does "
        "not touch.",
        fix="Restore the tests, or write others for the same code.",
    ),
    _rule(
        code="TPG604",
        name="no-integration-test",
        section="Testing: if your change touches Postgres, an external API, or the pipeline, there "
        "must be an integration test",
        why="A unit test replaces what such code depends on, so it passes while production breaks.",
        fix="Run the lines in a test below tests/integration. The finding names the tests that run "
        "the lines around them.",
    ),
    _rule(
        code="TPG605",
        name="unproved-case",
        section=CASES,
        why="The change adds or edits a component, and no passing test proves all that the policy "
        "requires of it.",
        fix="Run the command that the finding names: it writes the missing tests.",
    ),
    _rule(
        code="TPG606",
        name="lost-case",
        section=CASES,
        why="A required case that was proved before is no longer proved.",
        fix="Restore the test. If the case no longer applies, change the component and exempt the "
        "case in one change.",
    ),
    _rule(
        code="TPG607",
        name="weakened-test",
        section="Flaky tests: skip it with a reason and an issue; fix the root cause",
        why="The test asserted something before the change, and now it asserts nothing or is "
        "skipped: what it guarded is unguarded.",
        fix="Restore its assertions. To skip a flaky test for some days, write "
        '`@pytest.mark.skip(reason="flaky, see #12")`.',
    ),
    _rule(
        code="TPG608",
        name="snapshot-without-assertion",
        section="Snapshot tests: a snapshot diff in a PR without accompanying test assertions is a "
        "red flag",
        why="The contract changed silently: `--snapshot-update` records any response.",
        fix="Assert what the response holds now, in a test that sends a request to the same route.",
    ),
    _rule(
        code="TPG609",
        name="past-exemption",
        section="all: an exemption ends",
        why="An exemption without an end becomes permanent.",
        fix="Write the test and remove the exemption, or set a later date and say why.",
    ),
)
