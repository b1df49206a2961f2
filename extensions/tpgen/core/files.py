"""Write the files of one command, all or none, and undo the last command."""

import base64
import difflib
import errno
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from .errors import UserError
from .git import environment

FOLDER = Path(".tpgen")
JOURNAL = FOLDER / "last.json"
# Bytes, on most file systems.
LONGEST_NAME = 255
REMEDIES = {
    errno.ENOSPC: "make room on the disk",
    errno.EDQUOT: "make room on the disk",
    errno.EROFS: "make it writable",
    errno.EACCES: "look at the rights of its folder",
    errno.EPERM: "look at the rights of its folder",
}


@dataclass(frozen=True)
class Change:
    """The change of one file.

    Attributes:
        path: relative to the service.
        before: the content that was read; None if there was no file.
        after: the new content; None to remove the file.
    """

    path: Path
    before: bytes | None
    after: bytes | None


@dataclass(frozen=True)
class Undone:
    """A file of the last command, and what `undo` did to it.

    Attributes:
        path: relative to the service.
        outcome: "left" if the file was not changed.
        reason: why it was left.
    """

    path: Path
    outcome: Literal["removed", "restored", "left"]
    reason: str = ""


def check(root: Path, path: Path) -> Path:
    """Return the place of a file of a service, through links within the service.

    Raises:
        UserError: the place is outside the service, or something that is not a file is there.
    """
    if path.is_absolute() or ".." in path.parts:
        raise UserError(f"{path} leads out of the service: give a path inside {root}")
    if len(os.fsencode(path.name)) > LONGEST_NAME:
        raise UserError(f"{path.name[:20]}… is too long a name for a file: take a shorter one")
    try:
        target = (root / path).resolve()
    except (OSError, RuntimeError) as error:
        raise UserError(f"{path} can't be followed ({error}): look at its links") from error
    if not target.is_relative_to(root.resolve()):
        link = _link(root, path)
        raise UserError(
            f"{link} is a link that leads out of the service, to {(root / link).resolve()}: "
            "remove it"
        )
    with _explained(path):
        if os.path.lexists(target) and not target.is_file():
            raise UserError(f"{path} is not a file but a folder or the like: move it away")
        folder = next(folder for folder in target.parents if os.path.lexists(folder))
        if not folder.is_dir():
            raise UserError(f"{folder} is a file, and {path} needs a folder there: move it away")
    return target


def _link(root: Path, path: Path) -> Path:
    """Return the outermost part of a path that leads out of the service."""
    top = root.resolve()
    parts = [*reversed(path.parents), path]
    return next(part for part in parts if not (root / part).resolve().is_relative_to(top))


def write(root: Path, changes: Sequence[Change], command: str) -> None:
    """Write the files of one command and remember them for `undo`; all of them or none.

    Args:
        root: the folder of the service.
        changes: if they change nothing, the last command stays the last one.
        command: the command line.

    Raises:
        UserError: a file can't be written, or differs from `before`.
    """
    changes = [change for change in changes if change.before != change.after]
    if not changes:
        return
    journal: dict[str, Any] = {
        "command": command,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "files": [_packed(change) for change in changes],
    }
    # The journal comes first, so that `undo` works after a kill in between.
    _apply(root, [*_journaled(root, journal), *changes])


def note(root: Path, changes: Sequence[Change]) -> None:
    """Add files that another program wrote to the last command, for `undo`.

    Args:
        root: the folder of the service.
        changes: what the program wrote.

    Raises:
        UserError: there is no last command, or its journal can't be read or written.
    """
    journal = _journal(root)
    known = {change.path: change for change in map(_unpacked, journal["files"])}
    for change in changes:
        first = known.get(change.path, change)
        known[change.path] = Change(change.path, first.before, change.after)
    journal["files"] = [_packed(change) for change in known.values()]
    _apply(root, _journaled(root, journal))


def undo(root: Path) -> list[Undone]:
    """Undo what the last command wrote, and nothing that a person wrote since.

    A new file is removed, and an extended one loses what was added. A file with a later change at
    the same place is left, and remembered for the next time.

    Returns:
        the outcome for each file.

    Raises:
        UserError: there is nothing to undo, or a file can't be written; then nothing is changed.
    """
    journal = _journal(root)
    plans = [_plan(root, change) for change in map(_unpacked, journal["files"])]
    left = {undone.path for _, undone in plans if undone.outcome == "left"}
    files = [record for record in journal["files"] if Path(record["path"]) in left]
    forgotten = Change(JOURNAL, _content(check(root, JOURNAL)), None)
    rest = _journaled(root, {**journal, "files": files}) if files else [forgotten]
    _apply(root, [*(change for change, _ in plans if change), *rest])
    for _, undone in plans:
        if undone.outcome == "removed":
            _remove_empty(root, undone.path)
    return [undone for _, undone in plans]


def diff(changes: Iterable[Change]) -> str:
    """Return the changes in the format of `git apply`.

    Bytes that are not UTF-8 are surrogates in it: write it with `errors="surrogateescape"`.
    """
    return "".join(line for change in changes for line in _diff(change))


def _diff(change: Change) -> Iterator[str]:
    if change.before == change.after:
        return
    name = change.path.as_posix()
    # Git ends a name with a space at a tab.
    end = "\t" if " " in name else ""
    yield f"diff --git a/{name} b/{name}\n"
    if change.before is None:
        yield "new file mode 100644\n"
    elif change.after is None:
        yield "deleted file mode 100644\n"
    old = "/dev/null" if change.before is None else f"a/{name}{end}"
    new = "/dev/null" if change.after is None else f"b/{name}{end}"
    for line in difflib.unified_diff(_lines(change.before), _lines(change.after), old, new):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _lines(content: bytes | None) -> list[str]:
    text = (content or b"").decode("utf-8", "surrogateescape")
    # For git, a form feed or a lone carriage return ends no line.
    lines = [f"{line}\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def _apply(root: Path, changes: Sequence[Change]) -> None:
    """Make the changes; if one fails, undo those made, in reverse order."""
    with ExitStack() as litter, ExitStack() as back:
        staged = []
        for change in changes:
            target = check(root, change.path)
            with _explained(change.path):
                spare = _stage(change, target, back)
            litter.callback(shutil.rmtree, spare, ignore_errors=True)
            staged.append((change, target, spare))
        for change, target, spare in staged:
            with _explained(change.path):
                _commit(change, target, spare, back)
        back.pop_all()


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        remedy = REMEDIES.get(error.errno or 0, "look at its folder")
        raise UserError(
            f"{path} can't be written ({error.strerror}), so nothing was: {remedy} and try again"
        ) from error


def _stage(change: Change, target: Path, back: ExitStack) -> Path:
    """Write the content beside its target, in a new folder, and return that folder."""
    for folder in [folder for folder in reversed(target.parents) if not folder.exists()]:
        back.callback(_remove_folder, folder)
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
    if _content(target) != change.before:
        raise _changed_meanwhile(change)
    if change.before is None:
        back.callback(_unlink_same, target, new)
        try:
            os.link(new, target)
        except FileExistsError as error:
            raise _changed_meanwhile(change) from error
        return
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


def _changed_meanwhile(change: Change) -> UserError:
    return UserError(
        f"{change.path} was changed by another program meanwhile, so nothing was written: "
        "run the command again"
    )


def _content(target: Path) -> bytes | None:
    try:
        return target.read_bytes()
    except FileNotFoundError:
        return None


def _remove_empty(root: Path, path: Path) -> None:
    """Remove the folders of a removed file that are empty now."""
    for folder in [*path.parents][:-1]:
        _remove_folder(root / folder)


def _remove_folder(folder: Path) -> None:
    """Remove a folder that is empty, or holds nothing but byte code."""
    with suppress(OSError):
        if [entry.name for entry in folder.iterdir()] == ["__pycache__"]:
            shutil.rmtree(folder / "__pycache__")
        folder.rmdir()


def _journaled(root: Path, journal: dict[str, Any]) -> list[Change]:
    """Return the changes that write the journal, in a folder that ignores itself in git."""
    contents = {FOLDER / ".gitignore": "*\n", JOURNAL: json.dumps(journal, indent=1) + "\n"}
    before = {path: _content(check(root, path)) for path in contents}
    return [Change(path, before[path], text.encode()) for path, text in contents.items()]


def _journal(root: Path) -> dict[str, Any]:
    target = check(root, JOURNAL)
    with _explained(JOURNAL):
        content = _content(target)
    if content is None:
        raise UserError(
            "there is nothing to undo: tpgen has written no file here, or undid all of it"
        )
    try:
        journal: dict[str, Any] = json.loads(content)
        [*map(_unpacked, journal["files"])]
    except (ValueError, TypeError, KeyError) as error:
        raise UserError(f"{JOURNAL} is damaged ({error}): remove it, and undo by git") from error
    return journal


def _packed(change: Change) -> dict[str, str | None]:
    contents = {"before": change.before, "after": change.after}
    packed = {
        key: None if content is None else base64.b64encode(content).decode()
        for key, content in contents.items()
    }
    return {"path": str(change.path), **packed}


def _unpacked(record: dict[str, Any]) -> Change:
    before, after = (
        None if record[key] is None else base64.b64decode(record[key])
        for key in ("before", "after")
    )
    return Change(Path(record["path"]), before, after)


def _plan(root: Path, change: Change) -> tuple[Change | None, Undone]:
    """Return how to undo the change of one file."""
    try:
        now = _content(check(root, change.path))
    except UserError as error:
        return None, Undone(change.path, "left", str(error))
    undone = Undone(change.path, "removed" if change.before is None else "restored")
    if now == change.before:
        return None, undone
    if now == change.after:
        return Change(change.path, now, change.before), undone
    if now is None:
        return None, Undone(change.path, "left", "it was removed since")
    if change.before is None or change.after is None:
        return None, Undone(change.path, "left", "it was changed since")
    merged = _without(now, change.after, change.before)
    if merged is None:
        return None, Undone(change.path, "left", "what was added was changed since")
    return Change(change.path, now, merged), undone


def _without(now: bytes, after: bytes, before: bytes) -> bytes | None:
    """Return the content without the change from before to after; None if git finds a conflict."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in {"now": now, "after": after, "before": before}.items():
            (Path(folder) / name).write_bytes(content)
        merge = ["git", "merge-file", "-p", "--diff3", "now", "after", "before"]
        try:
            merged = subprocess.run(
                merge, cwd=folder, capture_output=True, check=False, env=environment()
            )
        except FileNotFoundError:
            return None
    return merged.stdout if merged.returncode == 0 else None
