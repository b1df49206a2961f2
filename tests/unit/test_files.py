"""Files that are written, and undone, where nothing disturbs."""

import os
import stat
from pathlib import Path

import pytest
from tpgen.core.errors import UserError
from tpgen.core.files import JOURNAL, Change, check, note, undo, write


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A service, with a file of a person's."""
    folder = tmp_path / "service"
    (folder / "tests").mkdir(parents=True)
    (folder / "tests/test_mine.py").write_bytes(b"one\ntwo\nthree\nfour\n")
    return folder


def files(root: Path) -> dict[str, bytes]:
    """Every file and folder of a tree, but for the journal's own."""
    found = {str(path.relative_to(root)): path for path in sorted(root.rglob("*"))}
    return {
        name: path.read_bytes() if path.is_file() else b"a folder"
        for name, path in found.items()
        if not name.startswith(".tpgen/") and name != ".tpgen"
    }


def new(path: str, text: bytes = b"new\n") -> Change:
    return Change(Path(path), None, text)


def more(root: Path, text: bytes, path: str = "tests/test_mine.py") -> Change:
    """A line added to a file."""
    before = (root / path).read_bytes()
    return Change(Path(path), before, before + text)


def test_a_write_keeps_modes_and_leaves_nothing_beside(root: Path) -> None:
    """New files have the mode that the umask gives, old ones keep theirs."""
    (root / "tests/test_mine.py").chmod(0o755)
    write(root, [new("tests/a/b/test_new.py"), more(root, b"five\n")])
    assert files(root) == {
        "tests": b"a folder",
        "tests/a": b"a folder",
        "tests/a/b": b"a folder",
        "tests/a/b/test_new.py": b"new\n",
        "tests/test_mine.py": b"one\ntwo\nthree\nfour\nfive\n",
    }
    assert stat.S_IMODE((root / "tests/test_mine.py").stat().st_mode) == 0o755
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE((root / "tests/a/b/test_new.py").stat().st_mode) == 0o666 & ~mask


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/etc/passwd", "leads out of the service"),
        ("tests/../../a.py", "leads out of the service"),
        ("out/a/b.py", "^out/a/b.py leads out of the service"),
        (f"tests/{300 * 'a'}.py", "File name too long"),
        ("out.py", "leads out of the service"),
        ("loop/a.py", "loop"),
        ("tests", "is not a file but a folder"),
        ("pipe", "is not a file"),
        ("tests/test_mine.py/a.py", "test_mine.py/a.py can't be written"),
        ("tests/test_mine.py/deep/a.py", "test_mine.py/deep/a.py can't be written"),
    ],
)
def test_what_is_in_the_way_is_named(root: Path, path: str, reason: str) -> None:
    """And nothing is written, not even the good file."""
    (root / "out").symlink_to(root.parent)
    (root / "out.py").symlink_to(root.parent / "elsewhere.py")
    (root / "loop").symlink_to("loop")
    os.mkfifo(root / "pipe")
    before = sorted(root.parent.rglob("*"))
    with pytest.raises(UserError, match=reason):
        write(root, [new("tests/test_good.py"), new(path)])
    assert sorted(root.parent.rglob("*")) == before


def test_a_link_within_the_service_is_written_through(root: Path) -> None:
    (root / "link.py").symlink_to("tests/test_mine.py")
    assert check(root, Path("link.py")) == (root / "tests/test_mine.py").resolve()
    write(root, [more(root, b"five\n", "link.py")])
    assert (root / "link.py").is_symlink()
    assert (root / "tests/test_mine.py").read_bytes().endswith(b"five\n")
    undo(root)
    assert (root / "link.py").is_symlink()
    assert (root / "tests/test_mine.py").read_bytes() == b"one\ntwo\nthree\nfour\n"


@pytest.mark.parametrize("late", ["tests/test_mine.py", "tests/test_new.py"])
def test_a_file_that_another_program_changed_is_not_overwritten(root: Path, late: str) -> None:
    """Whatever was written by then is taken back."""
    changes = [new("tests/a/test_first.py"), more(root, b"five\n"), new("tests/test_new.py")]
    (root / late).write_bytes(b"theirs\n")
    before = files(root)
    with pytest.raises(UserError, match=f"{late} was changed by another program"):
        write(root, changes)
    assert files(root) == before
    assert not list((root / ".tpgen").glob("*")) if (root / ".tpgen").exists() else True


def test_undo_takes_back_what_is_untouched(root: Path) -> None:
    """With the folders that were made, also where Python left byte code."""
    before = files(root)
    write(root, [new("tests/a/b/test_new.py"), more(root, b"five\n")])
    (root / "tests/a/b/__pycache__").mkdir()
    (root / "tests/a/b/__pycache__/test_new.pyc").touch()
    outcomes = {str(one.path): one.outcome for one in undo(root)}
    assert outcomes == {"tests/a/b/test_new.py": "removed", "tests/test_mine.py": "restored"}
    assert files(root) == before
    with pytest.raises(UserError, match="nothing to undo"):
        undo(root)


def test_undo_remembers_what_it_left(root: Path) -> None:
    """Once the person's change is taken away it goes too, with the folder made for it."""
    before = files(root)
    write(root, [new("tests/a/test_new.py"), new("tests/b.py"), more(root, b"five\n")])
    (root / "tests/a/test_new.py").write_bytes(b"mine\n")
    assert [one.outcome for one in undo(root)] == ["left", "removed", "restored"]
    (root / "tests/test_mine.py").write_bytes(b"one\ntwo\nthree\nfour\n")
    assert [one.outcome for one in undo(root)] == ["left"]
    (root / "tests/a/test_new.py").write_bytes(b"new\n")
    assert [one.outcome for one in undo(root)] == ["removed"]
    assert files(root) == before
    with pytest.raises(UserError, match="nothing to undo"):
        undo(root)


def test_undo_of_what_is_gone_or_no_file_any_more(root: Path) -> None:
    """Nothing comes back, and nothing breaks."""
    write(root, [new("tests/a.py"), new("tests/b.py"), more(root, b"five\n")])
    (root / "tests/a.py").unlink()
    (root / "tests/b.py").unlink()
    (root / "tests/b.py").mkdir()
    (root / "tests/test_mine.py").unlink()
    assert [one.outcome for one in undo(root)] == ["removed", "left", "left"]
    assert files(root) == {"tests": b"a folder", "tests/b.py": b"a folder"}


def test_a_write_of_nothing_forgets_nothing(root: Path) -> None:
    write(root, [new("tests/test_new.py")])
    write(root, [Change(Path("tests/test_mine.py"), b"x", b"x")])
    assert [str(one.path) for one in undo(root)] == ["tests/test_new.py"]


def test_what_another_program_wrote_is_undone_too(root: Path) -> None:
    """A snapshot in a folder of its own; and a file that was formatted after it was written."""
    before = files(root)
    write(root, [new("tests/test_new.py")])
    snapshot = root / "tests/__snapshots__/test_new.ambr"
    snapshot.parent.mkdir()
    snapshot.write_bytes(b"shape\n")
    (root / "tests/test_new.py").write_bytes(b"formatted\n")
    formatted = Change(Path("tests/test_new.py"), b"new\n", b"formatted\n")
    note(root, [new("tests/__snapshots__/test_new.ambr", b"shape\n"), formatted])
    assert {one.outcome for one in undo(root)} == {"removed"}
    assert files(root) == before


def test_a_damaged_journal_is_named(root: Path) -> None:
    write(root, [new("tests/test_new.py")])
    for text in ("{", "[]", '{"files": [{}], "folders": []}', '{"files": 3}'):
        (root / JOURNAL).write_text(text)
        with pytest.raises(UserError, match="is damaged"):
            undo(root)
