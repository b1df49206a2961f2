"""Write the files of one command, all or none, and undo the last command."""

import difflib
import io
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .errors import UserError

FOLDER = Path(".tpgen")
JOURNAL = FOLDER / "last.json"


@dataclass(frozen=True)
class Change:
    """The change of a file of the service from the content that was read; None is "no file"."""

    path: Path
    before: bytes | None
    after: bytes | None


@dataclass(frozen=True)
class Undone:
    """A file of the last command, what `undo` did to it, and why if that was nothing ("left")."""

    path: Path
    outcome: Literal["removed", "restored", "left"]
    reason: str = ""


def check(root: Path, path: Path) -> Path:
    """Return the place of a file, through links; `UserError` if it is outside or not a file."""
    try:
        target = (root / path).resolve()
    except (OSError, RuntimeError) as error:
        raise UserError(
            f"{path} can't be followed ({error}): correct or remove the link"
        ) from error
    if path.is_absolute() or ".." in path.parts or not target.is_relative_to(root.resolve()):
        raise UserError(
            f"{path} leads out of the service, to {target}: give a path inside {root}, and remove "
            "links out of it"
        )
    with _explained(path):
        if os.path.lexists(target) and not target.is_file():
            raise UserError(f"{path} is not a file but a folder or the like: move it away")
    return target


def write(root: Path, changes: Sequence[Change]) -> None:
    """Write the files of a command and remember them for `undo`; all of them or none."""
    changes = [change for change in changes if change.before != change.after]
    if changes:
        # The journal comes first, so that `undo` works after a kill in between.
        _apply(root, [*_journaled(root, changes), *changes])


def note(root: Path, changes: Sequence[Change]) -> None:
    """Add files that another program wrote to the last command, for `undo`."""
    known = {change.path: change for change in _journal(root)}
    for change in changes:
        first = known.get(change.path, change)
        known[change.path] = Change(change.path, first.before, change.after)
    _apply(root, _journaled(root, known.values()))


def undo(root: Path) -> list[Undone]:
    """Undo what the last command wrote; leave and remember a file that was changed since."""
    undone, changes, left = [], [], []
    for change in _journal(root):
        try:
            now = _content(check(root, change.path))
            reason = "" if now in (change.before, change.after) else "it was changed since"
        except UserError as error:
            reason = str(error)
        if reason:
            left.append(change)
            undone.append(Undone(change.path, "left", reason))
        else:
            changes.append(Change(change.path, now, change.before))
            undone.append(Undone(change.path, "removed" if change.before is None else "restored"))
    forgotten = Change(JOURNAL, _content(check(root, JOURNAL)), None)
    changes += _journaled(root, left) if left else [forgotten]
    _apply(root, [change for change in changes if change.before != change.after])
    for file in undone:
        for folder in [*file.path.parents][:-1] if file.outcome == "removed" else ():
            _remove_if_empty(root / folder)
    return undone


def diff(changes: Iterable[Change]) -> str:
    """Return the changes in the format of `git apply`; bytes that are not UTF-8 are surrogates."""
    lines: list[str] = []
    for change in changes:
        old, new = f"a/{change.path.as_posix()}", f"b/{change.path.as_posix()}"
        lines.append(f"diff --git {old} {new}\n")
        if change.before is None:
            lines.append("new file mode 100644\n")
            old = "/dev/null"
        # Like git, and unlike `splitlines`, StringIO ends a line only at a line feed.
        before = list(io.StringIO(_text(change.before) or ""))
        after = list(io.StringIO(_text(change.after) or ""))
        lines += difflib.unified_diff(before, after, old, new)
    no_end = "\n\\ No newline at end of file\n"
    return "".join(line if line.endswith("\n") else line + no_end for line in lines)


def _apply(root: Path, changes: Sequence[Change]) -> None:
    """Make the changes; if one fails, undo those made, in reverse order."""
    staged = []
    with ExitStack() as back:
        for change in changes:
            target = check(root, change.path)
            with _explained(change.path):
                staged.append((change, target, _stage(change, target, back)))
        for change, target, spare in staged:
            with _explained(change.path):
                _commit(change, target, spare, back)
        back.pop_all()
    for _, _, spare in staged:
        shutil.rmtree(spare, ignore_errors=True)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(
            f"{path} can't be written ({error.strerror}), so nothing was: correct that, and run "
            "the command again"
        ) from error


def _stage(change: Change, target: Path, back: ExitStack) -> Path:
    """Write the content beside its target, in a new folder, and return that folder."""
    for folder in [folder for folder in reversed(target.parents) if not folder.exists()]:
        back.callback(_remove_if_empty, folder)
        folder.mkdir(exist_ok=True)
    spare = Path(tempfile.mkdtemp(prefix=".tpgen-", dir=target.parent))
    back.callback(shutil.rmtree, spare, ignore_errors=True)
    if change.after is not None:
        with (spare / "new").open("xb") as file:
            file.write(change.after)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, spare / "new")
    return spare


def _commit(change: Change, target: Path, spare: Path, back: ExitStack) -> None:
    """Replace the file by the new content, unless another program changed it."""
    new, old = spare / "new", spare / "old"
    try:
        if _content(target) != change.before:
            raise FileExistsError
        if change.before is None:
            back.callback(_unlink_same, target, new)
            os.link(new, target)
            return
    except FileExistsError:
        raise UserError(
            f"{change.path} was changed by another program meanwhile, so nothing was written: "
            "run the command again"
        ) from None
    os.link(target, old)
    back.callback(os.replace, old, target)
    if change.after is None:
        target.unlink()
    else:
        os.replace(new, target)


def _unlink_same(target: Path, new: Path) -> None:
    """Remove a file if it is ours: another program may have been faster."""
    with suppress(FileNotFoundError):
        if target.samefile(new):
            target.unlink()


def _content(target: Path) -> bytes | None:
    try:
        return target.read_bytes()
    except FileNotFoundError:
        return None


def _remove_if_empty(folder: Path) -> None:
    """Remove a folder that is empty, or holds nothing but byte code."""
    with suppress(OSError):
        if [entry.name for entry in folder.iterdir()] == ["__pycache__"]:
            shutil.rmtree(folder / "__pycache__")
        folder.rmdir()


def _journaled(root: Path, changes: Iterable[Change]) -> list[Change]:
    """Return the changes that write the journal, in a folder that ignores itself in git."""
    files = [[str(change.path), _text(change.before), _text(change.after)] for change in changes]
    journal = json.dumps({"files": files}, indent=1) + "\n"
    contents = {FOLDER / ".gitignore": "*\n", JOURNAL: journal}
    before = {path: _content(check(root, path)) for path in contents}
    return [Change(path, before[path], text.encode()) for path, text in contents.items()]


def _text(content: bytes | None) -> str | None:
    return None if content is None else content.decode("utf-8", "surrogateescape")


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else text.encode("utf-8", "surrogateescape")


def _journal(root: Path) -> list[Change]:
    """Return the changes of the last command."""
    with _explained(JOURNAL):
        content = _content(check(root, JOURNAL))
    if content is None:
        raise UserError(
            "there is nothing to undo: tpgen has written no file here, or undid all of it"
        )
    try:
        return [
            Change(Path(path), _bytes(before), _bytes(after))
            for path, before, after in json.loads(content)["files"]
        ]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UserError(f"{JOURNAL} is damaged ({error}): remove it, and undo by git") from error
