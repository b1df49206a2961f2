"""The page of `tpgen census --html`: what is in it, without a browser."""

import hashlib
import re
from base64 import b64encode
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from tpgen.census import page, render
from tpgen.census.records import Record
from tpgen.census.table import Cell, Census, Row, Status


def record(**changes: Any) -> Record:
    """A record with what the page shows of it."""
    content = {
        "id": "20261129T142802-875aae",
        "started": "2026-11-29T14:27:56+00:00",
        "seconds": 6.137,
        "exit_code": 0,
        "selection": {"why_not": []},
        "files": {},
        "imports": [],
        "uncollected": [],
        "tests": [],
        "routes": [],
    }
    return Record(content | changes, Path("/srv/gateway"))


def cell(case: str, status: Status = "proved", **other: Any) -> Cell:
    tests = [f"tests/integration/test_routes.py::TestRoute::test_{case}"]
    given: dict[str, Any] = {"tests": tests if status in ("proved", "failed") else ()}
    return Cell(f"test_{case}", "RouteSuite", status, **given | other)


def route(path: str, *cells: Cell, **other: Any) -> Row:
    given: dict[str, Any] = {"cells": cells}
    return Row("route", f"route GET {path}", "src/api.py", 12, **given | other)


SMALL = Census(
    record(
        selection={"why_not": ["-k happy"]},
        files={"tests/test_gone.py": "0" * 64},
        imports=[{"kind": "mock import", "what": "unittest.mock", "file": "tests/a.py", "line": 3}],
        uncollected=[{"file": "tests/b.py", "line": 4, "name": "test_b", "reason": "same name"}],
    ),
    [
        route("/b10", cell("happy_path"), cell("401_without_a_key", "missing", why="not seen")),
        route("/b9", cell("happy_path"), cell("401_without_a_key")),
        route(
            "/a",
            cell("happy_path", "failed"),
            cell("401_without_a_key", "missing", why="not seen"),
            cell("403", "exempt", why="global", issue="https://example.org/7", until="2027-01-31"),
        ),
        route("/docs", note="a library has it", can_be_written=False),
        Row(
            "route",
            "AppSuite",
            "tests/test_app.py",
            1,
            [
                Cell(
                    "test_every_route",
                    "AppSuite",
                    "proved",
                    ["tests/test_app.py::test_every_route"],
                )
            ],
            can_be_written=False,
        ),
    ],
)


class Tags(HTMLParser):
    """The elements of a page and their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_loads_nothing() -> None:
    """No address but those of issues, and a policy that allows the script and the style alone."""
    issues = ["https://example.org/7?a=1&b", "javascript:run()", "http://[", "#7", "//a.org", ""]
    cells = [cell(f"c{number}", "exempt", issue=issue) for number, issue in enumerate(issues)]
    text = page.render(Census(record(), [route("/a", *cells)]))
    tags = Tags(text).found
    links = [given["href"] for tag, given in tags if tag == "a" and given.get("rel")]
    assert links == ["https://example.org/7?a=1&b"]
    addresses = [
        value or "" for _, given in tags for name in ("href", "src") if (value := given.get(name))
    ]
    assert [one for one in addresses if not one.startswith("#")] == links
    assert not re.search(r"@import|url\(|\bsrcset=|\bon\w+=|\bstyle=", text)
    policy = next(given["content"] for _, given in tags if "http-equiv" in given) or ""
    rules = dict(one.strip().split(" ", 1) for one in policy.split(";"))
    assert {name for name, value in rules.items() if value == "'none'"} == {
        "default-src",
        "base-uri",
        "form-action",
    }
    assert {*rules} - {"script-src", "style-src"} == {"default-src", "base-uri", "form-action"}
    for tag in ("script", "style"):
        content = re.findall(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = b64encode(hashlib.sha256("".join(content).encode()).digest()).decode()
        assert rules[f"{tag}-src"] == f"'sha256-{digest}'"


def test_summary() -> None:
    """Counts, the run, why it is not complete, and which files have changed since."""
    text = " ".join(re.sub("<[^>]+>", " ", page.render(SMALL)).split())
    for expected in (
        "Test census of gateway: 4 of 8 required cases proved",
        "2 missing no passing test proves it",
        "started 2026-11-29 14:27:56 UTC , took 6.1 s, pytest exit code 0.",
        "The run was not the whole suite",
        "-k happy",
        "1 file changed since the run",
        "tests/test_gone.py",
        "mock import 1 place tests/a.py:3 unittest.mock",
        "tests/b.py:4 test_b: same name",
    ):
        assert expected in text


def test_commands() -> None:
    """The row and the details of a component with missing cases show what writes them."""
    text = page.render(SMALL).replace("<wbr>", "")
    assert re.findall("<code>(tpgen [^<]+)</code>", text) == [
        *("tpgen route GET /b10", "tpgen route GET /a"),
        *("tpgen route GET /b10", "tpgen route GET /a"),
    ]


def test_a_complete_run_has_no_warnings() -> None:
    text = page.render(Census(record(seconds=125.0, exit_code=1), []))
    assert 'class="warning"' not in text
    assert "took 125.0 s, pytest exit code 1." in text
    assert "The service has no component that requires a test case." in text


def test_tests_of_a_case() -> None:
    """Of very many, only the first are listed."""
    tests = [f"tests/a.py::test_a[{number}]" for number in range(1000)]
    text = page.render(Census(record(), [route("/a", cell("a", tests=tests))]))
    assert re.findall(r"<code>(tests/\S+)</code>", text) == tests[: page.MOST_TESTS]
    assert "and 980 more tests" in text


def test_a_case_of_two_suites() -> None:
    """Each has its column."""
    cells = [Cell("test_a", suite, "proved") for suite in ("ASuite", "BSuite")]
    text = page.render(Census(record(), [route("/a", *cells)]))
    assert re.findall(r"<div>a <small>(\w+)", text) == ["ASuite", "BSuite"]
    assert text.count('<td class="proved">') == 2


def test_other_formats_are_of_the_same_value() -> None:
    """The page shows as many cells as the JSON has."""
    cells = [one for row in render.document(SMALL)["rows"] for one in row["cells"]]
    assert len(re.findall(r'<td class="(?!none)', page.render(SMALL))) == len(cells)


def test_a_class_that_is_not_collected_has_no_line() -> None:
    """The record knows only the lines of functions."""
    missed = {"file": "tests/b.py", "line": 0, "name": "TestB", "reason": "`__test__` is False"}
    said = render.text(Census(record(uncollected=[missed]), []), everything=False)
    assert "  tests/b.py  not collected: TestB: `__test__` is False\n" in said
