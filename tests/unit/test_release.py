"""What a release says: its changelog, its policy page, its command line."""

import pytest
from maintainer import release
from maintainer.policy_page import Page, Policy


@pytest.mark.parametrize("given", [[], ["0.2.0", "0.3.0"]])
def test_one_version_must_be_said(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert release.main(given) == 2
    assert capsys.readouterr().err.startswith("release: give one version")


@pytest.mark.parametrize(
    ("notes", "names"),
    [
        ("Required at once:\n\n- `test_a`: because\n- `S.test_b`\n\n- `c`\n", "test_a S.test_b"),
        ("Required at once:\nboth `test_a` and\n`test_b`\n\n`test_c`\n", "test_a test_b"),
        ("- `test_a`\n\nNot required at once:\n- `test_b`\n", ""),
        ("- News.\n\n## 0.1.0\n\nRequired at once:\n- `test_a`\n", ""),
        ("Required at once:", ""),
    ],
)
def test_what_a_changelog_announces(notes: str, names: str) -> None:
    assert release.at_once(f"# Changelog\n\n## Unreleased\n\n{notes}") == {*names.split()}


PAGE = """A number is 85.
It may be  on
two lines: 2.

For a step:

- detects: all there is
- redacts (required from 2027-01-15)

## More

- runs
"""


@pytest.mark.parametrize(
    ("sentences", "required", "lines"),
    [
        (["A number is 85.", "on two lines: 2."], {"For a step:": ["- detects"]}, []),
        (["A number is 90."], {}, ["A number is 90."]),
        ([], {"For a step:": ["- redacts (required from 2027-01-15)"]}, []),
        ([], {"For a step:": ["- redacts", "- runs"]}, ["For a step:", "- redacts", "- runs"]),
        ([], {"For a job:": ["- runs"]}, ["For a job:", "- runs"]),
        ([], {"For a job:": []}, ["For a job:"]),
    ],
)
def test_what_a_page_lacks(
    sentences: list[str], required: dict[str, list[str]], lines: list[str]
) -> None:
    assert Page(PAGE).missing(said_by(sentences, required)) == lines


@pytest.mark.parametrize(
    ("sentences", "required", "lines"),
    [
        (["A number is 85.", "It is 7."], {"For a step:": ["- redacts"]}, ["A number is 85."]),
        ([], {"For a step:": ["- detects", "- gone"]}, ["For a step:", "- detects"]),
        ([], {"For a job:": ["- runs"]}, []),
    ],
)
def test_what_holds_no_more(
    sentences: list[str], required: dict[str, list[str]], lines: list[str]
) -> None:
    now = said_by([], {"For a step:": ["- redacts (required from 2027-01-15)"]})
    assert Page(PAGE).outdated(said_by(sentences, required), now) == lines


def test_a_kind_that_is_gone_is_gone_from_the_page() -> None:
    old = said_by([], {"For a step:": ["- detects"]})
    assert Page(PAGE).outdated(old, said_by([], {})) == ["For a step:", "- detects"]


def said_by(sentences: list[str], required: dict[str, list[str]]) -> Policy:
    items = [(title, item) for title, below in required.items() for item in ("", *below)]
    return Policy([*(("", sentence) for sentence in sentences), *items], {}, {}, {})
