"""Files that are written while git, a full disk or a signal gets in the way."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tpgen.core.errors import UserError
from tpgen.core.files import JOURNAL, Change, diff, undo, write

from tests.unit.test_files import files, more, new


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A service, with a file of a person's."""
    folder = tmp_path / "service"
    (folder / "tests").mkdir(parents=True)
    (folder / "tests/test_mine.py").write_bytes(b"one\ntwo\nthree\nfour\n")
    return folder


def git(folder: Path, *arguments: str, given: str = "") -> str:
    run = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        input=given.encode("utf-8", "surrogateescape"),
        capture_output=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr.decode()
    return run.stdout.decode()


def test_git_sees_nothing_of_the_journal(root: Path) -> None:
    git(root, "init", "-q")
    write(root, [new("tests/test_new.py")])
    assert git(root, "status", "--porcelain", "-uall").split() == [
        *("??", "tests/test_mine.py"),
        *("??", "tests/test_new.py"),
    ]
    assert json.loads((root / JOURNAL).read_text())["files"]


@pytest.fixture
def small_disk(root: Path) -> Iterator[Path]:
    """A folder of the service on a disk of its own, of 64 KB."""
    folder = root / "tests/small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_leaves_all_as_it_was(root: Path, small_disk: Path) -> None:
    before = files(root)
    changes = [more(root, b"five\n"), new("tests/small/a/test_new.py", 100_000 * b"x")]
    with pytest.raises(UserError, match="No space left on device"):
        write(root, changes)
    assert files(root) == before


def test_a_read_only_disk_leaves_all_as_it_was(root: Path, small_disk: Path) -> None:
    (small_disk / "test_old.py").write_bytes(b"old\n")
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    before = files(root)
    changes = [more(root, b"five\n"), more(root, b"more\n", "tests/small/test_old.py")]
    with pytest.raises(UserError, match=r"tests/small/test_old.py can't be written \(Read-only"):
        write(root, changes)
    assert files(root) == before


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """A folder that we may write to as another user than root, for whom there are no rights."""
    user = os.geteuid()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        if user == 0:
            os.seteuid(65534)
        yield Path(folder)
        os.seteuid(user)


def test_a_folder_without_rights_leaves_all_as_it_was(unprivileged: Path) -> None:
    closed = unprivileged / "tests/closed"
    closed.mkdir(parents=True)
    closed.chmod(0o555)
    before = files(unprivileged)
    changes = [new("tests/a/test_good.py"), new("tests/closed/test_new.py")]
    with pytest.raises(UserError, match=r"closed/test_new.py can't be written \(Permission denied"):
        write(unprivileged, changes)
    assert files(unprivileged) == before


KILLED = """
import sys
sys.path[:] = {path!r}
from pathlib import Path
from tpgen.core.files import Change, write
changes = [
    Change(Path(f"tests/test_{{n}}.py"), b"old" if n % 2 else None, bytes(10_000))
    for n in range(100)
]
write(Path({root!r}), changes)
"""


@pytest.mark.parametrize("sign", [".tpgen/last.json", *(f"tests/test_{n}.py" for n in (0, 30, 60))])
def test_a_kill_leaves_whole_files_which_undo_takes_back(root: Path, sign: str) -> None:
    """Each file is the old or the new one; it dies as soon as a certain file is there."""
    for n in range(1, 100, 2):
        (root / f"tests/test_{n}.py").write_bytes(b"old")
    before = files(root)
    process = subprocess.Popen([sys.executable, "-c", KILLED.format(path=sys.path, root=str(root))])
    while not (root / sign).exists() and process.poll() is None:
        pass
    process.kill()
    assert process.wait() == -signal.SIGKILL
    after = [path.read_bytes() for path in root.glob("tests/test_*.py") if "mine" not in path.name]
    assert set(after) <= {b"old", bytes(10_000)}
    undo(root)
    kept = {name: text for name, text in files(root).items() if "/.tpgen-" not in name}
    assert kept == before


# An audit hook can't be removed, so it gets a process of its own.
INTERRUPTED = """
import sys
sys.path[:] = {path!r}
from pathlib import Path
from tpgen.core.files import Change, write
left = int(sys.argv[1])
def interrupt(event, arguments):
    global left
    if event in ("os.link", "os.rename", "os.mkdir", "os.remove", "open"):
        left -= 1
        if left == -1:
            raise KeyboardInterrupt
root = Path({root!r})
changes = [
    Change(Path("tests/a/test_new.py"), None, b"new"),
    Change(Path("tests/test_mine.py"), b"one\\ntwo\\nthree\\nfour\\n", b"five"),
    Change(Path("tests/b/test_new.py"), None, b"new"),
]
sys.addaudithook(interrupt)
write(root, changes)
"""


@pytest.mark.parametrize("step", range(0, 40, 3))
def test_ctrl_c_takes_back_what_was_written(root: Path, step: int) -> None:
    """It comes at one step after the other; at a late one, when all is written, all stays."""
    before = files(root)
    code = INTERRUPTED.format(path=sys.path, root=str(root))
    run = [sys.executable, "-c", code, str(step)]
    ended = subprocess.run(run, capture_output=True, text=True, check=False)
    after = {name: text for name, text in files(root).items() if "/.tpgen-" not in name}
    if step > 20 and after != before:
        assert len(after) == len(before) + 4
    else:
        assert "KeyboardInterrupt" in ended.stderr
        assert files(root) == before


def test_undo_leaves_what_a_person_wrote_since(root: Path) -> None:
    """A file with a later change stays as it is, wherever in it the change is."""
    (root / "tests/empty").mkdir()
    write(root, [new("tests/a/test_new.py"), new("tests/b.py"), more(root, b"five\n")])
    (root / "tests/a/test_new.py").write_bytes(b"new\nand mine\n")
    (root / "tests/test_mine.py").write_bytes(b"zero\none\ntwo\nthree\nfour\nfive\n")
    assert [(file.outcome, file.reason) for file in undo(root)] == [
        ("left", "it was changed since"),
        ("removed", ""),
        ("left", "it was changed since"),
    ]
    assert files(root) == {
        "tests": b"a folder",
        "tests/a": b"a folder",
        "tests/a/test_new.py": b"new\nand mine\n",
        "tests/empty": b"a folder",
        "tests/test_mine.py": b"zero\none\ntwo\nthree\nfour\nfive\n",
    }


def test_undo_is_all_or_nothing(root: Path, small_disk: Path) -> None:
    write(root, [new("tests/test_new.py"), new("tests/small/test_new.py")])
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    before = files(root)
    with pytest.raises(UserError, match="Read-only"):
        undo(root)
    assert files(root) == before
    subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
    assert [one.outcome for one in undo(root)] == ["removed", "removed"]


AWKWARD = [
    b"",
    b"\n",
    b"a",
    b"a\n",
    b"a\r\nb\x0cc\n",
    b"\xe9\xff\n",
    "é\u2028x\n".encode(),
    b"a\rb",
]


@pytest.mark.parametrize("before", [None, *AWKWARD])
def test_git_applies_the_diff(root: Path, before: bytes | None) -> None:
    """Whatever the ends of lines, the encoding and the name."""
    changes = [
        Change(Path(f"tests/{number}_é.py"), before, after)
        for number, after in enumerate(AWKWARD)
        if before != after
    ]
    for change in changes:
        if before is not None:
            (root / change.path).write_bytes(before)
    git(root, "apply", "--whitespace=nowarn", "-", given=diff(changes))
    for change in changes:
        assert (root / change.path).read_bytes() == change.after
