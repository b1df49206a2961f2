"""The messages, the versions, the merged stubs and the suite itself."""

import abc
import sys
from pathlib import Path
from typing import Any

import pytest
from pytest_tpgen.surface import SurfaceSuite, compare, parse, suite
from pytest_tpgen.surface.__main__ import answer
from pytest_tpgen.surface.merging import merged
from pytest_tpgen.surface.suite import _members
from pytest_tpgen.surface.verdict import verdict
from pytest_tpgen.surface.versions import next_version, reaches, written_down


class Client:
    def __init__(self, key: str) -> None: ...

    def chat(self, text: str, model: str) -> str:
        return text + model

    def added(self) -> None: ...


BEFORE = """
class Client:
    # A comment of a person.
    def __init__(self, key: 'str') -> None: ...
    def chat(
        self,
        text: str,
    ) -> str: ...

    def gone(self) -> None: ...
"""
OF = f"{__name__}:Client"


class Suite(SurfaceSuite):
    of = OF
    stub = BEFORE


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let the name of this module lead here, as the name of a package does.

    Its own repository would be asked for the last release.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, __name__, sys.modules[Client.__module__])


def _said(suite: type[SurfaceSuite], member: str) -> str:
    with pytest.raises(pytest.fail.Exception) as failed:
        suite().test_signature(member)
    return str(failed.value)


def test_a_case_for_each_member() -> None:
    assert _members(Suite) == ["class", "__init__", "chat", "gone", "added"]


def test_an_equal_member_passes() -> None:
    Suite().test_signature("__init__")
    Suite().test_signature("class")


def test_the_stub_is_parsed_and_compared_once() -> None:
    """A class may have hundreds of members, each with a test."""

    class Once(SurfaceSuite):
        of = OF
        stub = f"{BEFORE}    # Read once.\n"

    caches = (suite._parsed, suite._changes)
    before = [each.cache_info().misses for each in caches]
    assert _members(Once)
    for member in ("class", "__init__"):
        Once().test_signature(member)
    assert [each.cache_info().misses for each in caches] == [number + 1 for number in before]


def test_a_changed_member_fails_with_both_forms_and_the_next_command() -> None:
    said = _said(Suite, "chat").splitlines()
    assert said[0].startswith(f"{OF}.chat: breaking")
    assert said[2:6] == [
        "  - def chat(self, text: str) -> str: ...",
        "  + def chat(self, text: str, model: str) -> str: ...",
        "",
        "  `model` was added and is required",
    ]
    assert said[-1].endswith(f"If it is intended, `tpgen sdk {OF} --accept` records it.")


def test_a_removed_and_an_added_member_fail() -> None:
    assert ".gone: breaking" in _said(Suite, "gone")
    assert "  the method was removed" in _said(Suite, "gone")
    assert ".added: record it" in _said(Suite, "added")


def test_a_stub_that_is_missing_or_broken_fails_with_a_sentence() -> None:
    class Empty(SurfaceSuite):
        of = OF

    class Broken(SurfaceSuite):
        of = OF
        stub = "class Client(:"

    assert "has a placeholder" in _said(Empty, "class")
    assert "the stub is not Python: line 1" in _said(Broken, "class")
    assert _members(Broken) == ["class"]
    with pytest.raises(pytest.fail.Exception) as failed:
        Broken().test_signature("class")
    assert failed.value.__suppress_context__


def test_the_version_step_is_in_the_first_line() -> None:
    old, new = parse(BEFORE), parse("class Client:\n    def gone(self) -> None: ...\n")
    changes = compare(old, new)["chat"]
    first = verdict("acme:Client", "chat", old, new, changes, "1.4.2").splitlines()[0]
    assert first == "acme:Client.chat: breaking (1.4.2 → 2.0.0)"


@pytest.mark.parametrize(
    ("version", "breaking", "additive"),
    [
        ("1.4.2", "2.0.0", "1.5.0"),
        ("0.4.1", "0.5.0", "0.4.2"),
        ("2.0", "3.0.0", "2.1.0"),
        ("v1.0.0rc1", "2.0.0", "1.1.0"),
    ],
)
def test_version_steps(version: str, breaking: str, additive: str) -> None:
    assert next_version(version, is_breaking=True) == breaking
    assert next_version(version, is_breaking=False) == additive


def test_a_version_reaches_a_step() -> None:
    assert reaches("2.0.0rc1", "2.0.0")
    assert not reaches("1.9", "2.0.0")
    with pytest.raises(ValueError, match="'x' is not a version"):
        next_version("x", is_breaking=True)


@pytest.mark.parametrize(
    ("changelog", "found"),
    [
        (None, "2.0.0"),
        ("# Changes\n\n## Unreleased\n\n## 1.4.2\n\n## 1.4.1\n", "1.4.2"),
        ("## [Unreleased]\n\n## [v1.4] - 2026-01-01\n", "1.4"),
        ("## Unreleased\n", ""),
        ("## 2.0.0\n", "2.0.0"),
    ],
)
def test_the_last_release(tmp_path: Path, changelog: str | None, found: str) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "2.0.0"\n', encoding="utf-8")
    if changelog is not None:
        (tmp_path / "CHANGELOG.md").write_text(changelog, encoding="utf-8")
    assert written_down(tmp_path) == found


def test_a_merged_stub_keeps_what_did_not_change() -> None:
    now = parse(
        "class Client(Base):\n    def __init__(self, key: str) -> None: ...\n"
        "    def chat(self) -> str: ...\n    def added(self) -> None: ...\n"
    )
    assert merged(BEFORE, now, ["chat", "gone", "added", "class"]) == (
        "class Client(Base):\n"
        "    # A comment of a person.\n"
        "    def __init__(self, key: 'str') -> None: ...\n"
        "    def chat(self) -> str: ...\n\n"
        "    def added(self) -> None: ...\n"
    )
    final = parse("@final\nclass Client:\n    a: int")
    assert merged("class Client:\n    a: int\n", final, ["class"]) == f"{final}"
    assert merged(f"{final}", parse("@final\nclass Client: ..."), ["a"]) == (
        "@final\nclass Client:\n    ...\n"
    )
    empty = parse("class Client:\n    ...")
    assert merged("class Client:\n    a: int\n", empty, ["a"]) == "class Client:\n    ...\n"
    assert merged("class Client:\n    ...\n", parse("class Client:\n    a: int"), ["a"]) == (
        "class Client:\n    a: int\n"
    )


def test_answers_for_the_command() -> None:
    found: Any = answer(
        {"of": OF, "stub": BEFORE.strip() + "\n", "stated": "1.5"}, "v1.4.2", "1.4.2"
    )
    assert found["missing"] == ["added"]
    assert {name: change["is_breaking"] for name, change in found["changes"].items()} == {
        "chat": True,
        "gone": True,
        "added": False,
    }
    assert found["stub"].endswith("    def added(self) -> None: ...\n")
    assert "def gone" in found["stub"]
    assert (found["needed"], found["is_reached"]) == ("2.0.0", False)
    assert "def gone" not in found["accepted"]
    again: Any = answer({"of": OF, "stub": found["accepted"], "stated": ""}, "", "")
    assert again["changes"] == {}
    assert again["accepted"] == found["accepted"]


def test_answers_whether_a_version_is_a_breaking_step() -> None:
    assert answer({"stated": "0.5.0"}, "v0.4.1", "0.4.1") == {
        "tag": "v0.4.1",
        "needed": "0.5.0",
        "is_reached": True,
    }


class Shape(abc.ABC):
    @abc.abstractmethod
    def edges(self) -> int: ...

    def area(self) -> float:
        return 0.0


def test_a_new_member_that_breaks_customers_is_not_missing() -> None:
    """Only `--accept` records it: it needs a line in the changelog and a version."""
    stub = "class Shape(ABC):\n    def area(self) -> float: ...\n"
    of = f"{__name__}:Shape"
    found: Any = answer({"of": of, "stub": stub, "stated": "1.0"}, "v1.0", "1.0")
    assert found["changes"]["edges"]["is_breaking"]
    assert "edges" not in found["missing"]


def test_finds_a_class_by_its_public_name() -> None:
    found: Any = answer({"name": "JSONDecoder", "packages": ["json"]}, "", "")
    assert found == {"found": ["json:JSONDecoder"]}
