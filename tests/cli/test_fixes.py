"""`tpgen check --fix` makes the edits that findings bring, whole, once, and so that undo works."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tpgen.check import engine, fixes, project, registry
from tpgen.check.file import File, content_hash
from tpgen.check.rule import FileRule, ProjectRule
from tpgen.core import files
from tpgen.core.errors import UserError
from tpgen.core.finding import Edit, Finding

from tests.checking import git, repository, tpgen

PATH = "tests/test_a.py"


def find_tabs(file: File) -> Iterator[Finding]:
    """Each tab, and that it becomes a line: which shows what is done to line ends."""
    for found in re.finditer(rb"\t", file.data):
        edit = Edit(found.start(), found.end(), b"\n")
        yield file.finding(file.data.count(b"\n", 0, found.start()) + 1, "a tab", edits=(edit,))


TABS = FileRule(
    code="TPG205",
    name="a-tab",
    section="",
    why="",
    fix="",
    bad={},
    good={},
    check=find_tabs,
    applies=lambda path: path.endswith((".py", ".txt")),
)


def mend(root: Path, path: str, content: bytes) -> bytes:
    """What becomes of a file."""
    here = repository(root, {path: content})
    fixes.apply(here, engine.run(here, [TABS]).findings)
    return (root / path).read_bytes()


CONTENTS = {
    "plain": (b"a = 1\tb = 2\n", b"a = 1\nb = 2\n"),
    "CRLF": (b"a = 1\tb = 2\r\n", b"a = 1\r\nb = 2\r\n"),
    "a BOM": (b"\xef\xbb\xbfa = 1\tb = 2\n", b"\xef\xbb\xbfa = 1\nb = 2\n"),
    "no end of line": (b"a = 1\tb = 2", b"a = 1\nb = 2"),
    "several": (b"a = 1\tb = 2\tc = 3\n", b"a = 1\nb = 2\nc = 3\n"),
    "nothing to do": (b"a = 1\n", b"a = 1\n"),
    "Python that would be none": (b"a = (1\t)\nb =\t1\n", b"a = (1\t)\nb =\t1\n"),
    "a future import that would come too late": (
        b'"a"\t"b"\nfrom __future__ import annotations\n',
        b'"a"\t"b"\nfrom __future__ import annotations\n',
    ),
    "no Python": (b"a = (\tb\n", b"a = (\nb\n"),
    "no UTF-8": (b"a = 1 # \xff\tb = 2\n", b"a = 1 # \xff\nb = 2\n"),
}


@pytest.mark.parametrize("what", CONTENTS)
def test_a_file_is_mended(what: str, tmp_path: Path) -> None:
    """Byte for byte, in its own line ends; a file that would break stays as it is."""
    before, after = CONTENTS[what]
    assert mend(tmp_path, PATH, before) == after


def test_a_name_that_is_no_utf8(tmp_path: Path) -> None:
    assert mend(tmp_path, "tests/\udcff.py", b"a = 1\tb = 2\n") == b"a = 1\nb = 2\n"
    assert [one.outcome for one in files.undo(tmp_path)] == ["restored"]


def edits(root: Path, content: bytes, *given: tuple[Edit, ...]) -> bytes:
    """What becomes of a file by the edits of several findings."""
    here = repository(root, {"a.txt": content})
    seen = content_hash(content)
    found = [Finding("a.txt", 1, 1, "", "TPG205", edits=one, content_hash=seen) for one in given]
    fixes.apply(here, found)
    return (root / "a.txt").read_bytes()


def test_the_same_edit_twice_is_made_once(tmp_path: Path) -> None:
    """Two findings need the same import, each with an edit of its own besides."""
    new = Edit(0, 0, b"import x\n")
    done = edits(tmp_path, b"ab", (new, Edit(0, 1, b"A")), (new, Edit(1, 2, b"B")))
    assert done == b"import x\nAB"


def test_of_two_inserts_in_one_place_the_first_is_made(tmp_path: Path) -> None:
    """Nobody knows which should come first."""
    assert edits(tmp_path, b"ab", (Edit(1, 1, b"-"),), (Edit(1, 1, b"+"),)) == b"a-b"


def test_what_one_finding_inserts_in_one_place_keeps_its_order(tmp_path: Path) -> None:
    both = (Edit(1, 1, b"1"), Edit(1, 1, b"2"))
    assert edits(tmp_path, b"ab", both) == b"a12b"


def test_a_file_that_would_break_is_named(tmp_path: Path) -> None:
    """It is a fault of a rule, not of the person."""
    here = repository(tmp_path, {PATH: CONTENTS["Python that would be none"][0]})
    assert fixes.apply(here, engine.run(here, [TABS]).findings) == fixes.Fixed([], [PATH])


def test_of_two_edits_in_one_place_the_first_is_made(tmp_path: Path) -> None:
    """The other finding is left out as a whole."""
    first, other = (Edit(2, 5, b"-"),), (Edit(0, 1, b"A"), Edit(4, 6, b"+"))
    assert edits(tmp_path, b"abcdefg", first, other) == b"ab-fg"


def test_edits_side_by_side_are_both_made(tmp_path: Path) -> None:
    assert edits(tmp_path, b"abcd", (Edit(0, 2, b"1"),), (Edit(2, 4, b"2"),)) == b"12"


def test_a_file_that_was_changed_meanwhile_is_left(tmp_path: Path) -> None:
    """And so is each other one."""
    here = repository(tmp_path, {PATH: b"a = 1\tb = 2\n", "tests/test_b.py": b"a = 1\tb = 2\n"})
    found = engine.run(here, [TABS]).findings
    (tmp_path / "tests/test_b.py").write_bytes(b"mine = 1\tb = 2\n")
    with pytest.raises(UserError, match=r"tests/test_b.py was changed .* nothing was written"):
        fixes.apply(here, found)
    assert (tmp_path / PATH).read_bytes() == b"a = 1\tb = 2\n"
    (tmp_path / "tests/test_b.py").unlink()
    with pytest.raises(UserError, match=r"tests/test_b.py was changed"):
        fixes.apply(here, found)


def test_a_rule_of_the_whole_project_may_mend_too(tmp_path: Path) -> None:
    rule = ProjectRule(
        code="TPG205",
        name="a-tab",
        section="",
        why="",
        fix="",
        bad={},
        good={},
        check=lambda here: [
            one for path in here.files if (it := here.file(path)) for one in find_tabs(it)
        ],
    )
    here = repository(tmp_path, {PATH: b"a = 1\tb = 2\n"})
    assert fixes.apply(here, engine.run(here, [rule]).findings).changed == [PATH]


def test_what_a_link_leads_to_is_mended_once(tmp_path: Path) -> None:
    """The link stays one."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_link.py").symlink_to("test_a.py")
    assert mend(tmp_path, PATH, b"a = 1\tb = 2\n") == b"a = 1\nb = 2\n"
    assert (tmp_path / "tests/test_link.py").is_symlink()


def test_undo_where_there_is_no_service(tmp_path: Path) -> None:
    """What was mended comes back, from a folder below too; git sees nothing of ours."""
    before = b"a = 1\tb = 2\n"
    mend(tmp_path, PATH, before)
    assert git(tmp_path, "status", "--short", "--untracked-files=all") == f"AM {PATH}\n"
    said = tpgen(tmp_path / "tests", "undo")
    assert (said.code, said.out) == (0, f"restored {PATH}\n")
    assert (tmp_path / PATH).read_bytes() == before
    assert project.find(tmp_path, []).files == [PATH]
    said = tpgen(tmp_path, "undo")
    assert (said.code, "nothing to undo" in said.err) == (2, True)


def test_what_undo_needs_is_not_checked_without_git(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / PATH).write_bytes(b"a = 1\tb = 2\n")
    here = project.find(tmp_path, [])
    fixes.apply(here, engine.run(here, [TABS]).findings)
    assert project.find(tmp_path, []).files == [PATH]


@pytest.mark.parametrize("code", registry.all_rules())
def test_the_bad_tree_of_a_rule_is_mended_as_far_as_it_says(code: str, tmp_path: Path) -> None:
    """What has a `[*]` is gone, a second run changes nothing, and undo brings all back."""
    rule = registry.all_rules()[code]
    repository(tmp_path, rule.bad, before=rule.before, days_ago=rule.days_ago)
    before = git(tmp_path, "diff")
    marked = tpgen(tmp_path, "check", "--select", code).out.count(f"{code} [*]")
    said = tpgen(tmp_path, "check", "--select", code, "--fix")
    assert f"{code} [*]" not in said.out
    mended = git(tmp_path, "diff")
    assert (mended != before) == bool(marked) == said.err.startswith("fixed ")
    assert tpgen(tmp_path, "check", "--select", code, "--fix").err == ""
    assert git(tmp_path, "diff") == mended
    assert tpgen(tmp_path, "undo").code == (0 if marked else 2)
    assert git(tmp_path, "diff") == before


def test_where_there_is_nothing_to_mend(tmp_path: Path) -> None:
    repository(tmp_path, {PATH: "def test_a(it):\n    assert it\n"})
    said = tpgen(tmp_path, "check", "--select=TPG2", "--fix")
    assert (said.code, said.out, said.err) == (0, "no findings; 1 file checked\n", "")
    assert not (tmp_path / ".tpgen").exists()
