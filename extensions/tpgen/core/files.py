"""Writes the files of one command, all or none, and takes the last ones back."""

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

from .errors import Misuse
from .git import environment

FOLDER = Path(".tpgen")
JOURNAL = FOLDER / "last.json"
# Of most file systems.
LONGEST = 255
WAYS_OUT = {
    errno.ENOSPC: "make room on the disk",
    errno.EDQUOT: "make room on the disk",
    errno.EROFS: "make it writable",
    errno.EACCES: "look at the rights of its folder",
    errno.EPERM: "look at the rights of its folder",
}


@dataclass(frozen=True)
class Change:
    """What becomes of one file.

    Attributes:
        path: where it lies, relative to the service.
        before: its content as it was looked at; None where there was no such file.
        after: its content to be; None where it goes.
    """

    path: Path
    before: bytes | None
    after: bytes | None


@dataclass(frozen=True)
class Undone:
    """What became of one file of the last command.

    Attributes:
        path: where it lies, relative to the service.
        outcome: "left" means that nothing was done to it.
        reason: why it was left.
    """

    path: Path
    outcome: Literal["removed", "restored", "left"]
    reason: str = ""


def check(root: Path, path: Path) -> Path:
    """Where a file of a service really lies: a link within the service is followed.

    Raises:
        Misuse: it lies outside of the service, or something that is no file is in the way.
    """
    if path.is_absolute() or ".." in path.parts:
        raise Misuse(f"{path} leads out of the service: give a path inside {root}")
    if len(os.fsencode(path.name)) > LONGEST:
        raise Misuse(f"{path.name[:20]}… is too long a name for a file: take a shorter one")
    try:
        target = (root / path).resolve()
    except (OSError, RuntimeError) as error:
        raise Misuse(f"{path} can't be followed ({error}): look at its links") from error
    if not target.is_relative_to(root.resolve()):
        link = _link(root, path)
        raise Misuse(
            f"{link} is a link that leads out of the service, to {(root / link).resolve()}: "
            "remove it"
        )
    with _explained(path):
        _look_in_the_way(path, target)
    return target


def _link(root: Path, path: Path) -> Path:
    """The outermost part of a path that leads out of the service."""
    parts = [*reversed(path.parents), path]
    return next(one for one in parts if not (root / one).resolve().is_relative_to(root.resolve()))


def _look_in_the_way(path: Path, target: Path) -> None:
    if os.path.lexists(target) and not target.is_file():
        raise Misuse(f"{path} is no file but a folder or the like: move it away")
    folder = next(folder for folder in target.parents if os.path.lexists(folder))
    if not folder.is_dir():
        raise Misuse(f"{folder} is a file, and {path} needs a folder there: move it away")


def write(root: Path, changes: Sequence[Change], command: str) -> None:
    """Write the files of one command and remember them for `undo`; all of them or none.

    Args:
        root: the folder of the service.
        changes: nothing is done, nor forgotten, where they change nothing.
        command: what the person typed.

    Raises:
        Misuse: a file can't be written, or is not any more as `before` says.
    """
    changes = [change for change in changes if change.before != change.after]
    if not changes:
        return
    targets = [check(root, change.path) for change in changes]
    made = sorted({folder for target in targets for folder in _missing(target)})
    journal: dict[str, Any] = {
        "command": command,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "folders": [str(folder.relative_to(root.resolve())) for folder in made],
        "files": [_packed(change) for change in changes],
    }
    # First: whoever is killed in the midst can take back what is there.
    _apply(root, [*_journaled(root, journal), *changes])


def note(root: Path, changes: Sequence[Change]) -> None:
    """Remember files that another program wrote for the last command, so that `undo` takes them.

    Args:
        root: the folder of the service.
        changes: what the program did, and has written already.

    Raises:
        Misuse: there is no last command, or what is known of it can't be read or written.
    """
    journal = _journal(root)
    known = {change.path: change for change in map(_unpacked, journal["files"])}
    for change in changes:
        first = known.get(change.path, change)
        known[change.path] = Change(change.path, first.before, change.after)
    journal["files"] = [_packed(change) for change in known.values()]
    made = {change.path for change in changes if change.before is None}
    folders = {*journal["folders"], *map(str, _only_holding(root, made))}
    journal["folders"] = sorted(folders)
    _apply(root, _journaled(root, journal))


def undo(root: Path) -> list[Undone]:
    """Take back what the last command wrote, and nothing that a person wrote since.

    A file that was made is removed, one that was added to loses what was added; what was changed
    since at the same place is left as it is, and remembered for the next time.

    Returns:
        what became of each file.

    Raises:
        Misuse: there is nothing to undo, or a file can't be written; then all stays as it was.
    """
    journal = _journal(root)
    plans = [_plan(root, change) for change in map(_unpacked, journal["files"])]
    left = {undone.path for _, undone in plans if undone.outcome == "left"}
    files = [one for one in journal["files"] if Path(one["path"]) in left]
    kept = _journaled(root, {**journal, "files": files}) if files else _forgotten(root)
    _apply(root, [*(change for change, _ in plans if change), *kept])
    for folder in sorted(journal["folders"], reverse=True):
        _remove_empty(root / folder)
    return [undone for _, undone in plans]


def diff(changes: Iterable[Change]) -> str:
    """The changes as `git apply` takes them.

    Bytes that are no UTF-8 are surrogates in it: write it with `errors="surrogateescape"`.
    """
    return "".join(line for change in changes for line in _diff(change))


def _diff(change: Change) -> Iterator[str]:
    if change.before == change.after:
        return
    name = change.path.as_posix()
    # A name with a space ends at a tab, by the rules of git.
    end = "\t\n" if " " in name else "\n"
    yield f"diff --git a/{name} b/{name}\n"
    if change.before is None:
        yield "new file mode 100644\n"
    elif change.after is None:
        yield "deleted file mode 100644\n"
    before, after = _lines(change.before), _lines(change.after)
    old = "/dev/null\n" if change.before is None else f"a/{name}{end}"
    new = "/dev/null\n" if change.after is None else f"b/{name}{end}"
    for number, line in enumerate(difflib.unified_diff(before, after)):
        if number < 2:
            yield f"--- {old}" if number == 0 else f"+++ {new}"
        else:
            yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _lines(content: bytes | None) -> list[str]:
    text = (content or b"").decode("utf-8", "surrogateescape")
    # Only this one ends a line for git: not a form feed, nor a lone carriage return.
    lines = [f"{line}\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def _apply(root: Path, changes: Sequence[Change]) -> None:
    """Make the changes; a failure in the midst takes back those made, in reverse order."""
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
        way = WAYS_OUT.get(error.errno or 0, "look at its folder")
        raise Misuse(
            f"{path} can't be written ({error.strerror}), so nothing was: {way} and try again"
        ) from error


def _stage(change: Change, target: Path, back: ExitStack) -> Path:
    """Write the content beside its target; the folder it needs is made."""
    for folder in _missing(target):
        back.callback(_remove_empty, folder)
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
    """Put the content in its place, unless the file is not any more as it was looked at."""
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


def _changed_meanwhile(change: Change) -> Misuse:
    return Misuse(
        f"{change.path} was changed by another program meanwhile, so nothing was written: "
        "run the command again"
    )


def _content(target: Path) -> bytes | None:
    try:
        return target.read_bytes()
    except FileNotFoundError:
        return None


def _missing(target: Path) -> list[Path]:
    """The folders that a file needs and that are not there, outermost first."""
    return [folder for folder in reversed(target.parents) if not folder.exists()]


def _remove_empty(folder: Path) -> None:
    """Remove a folder that holds nothing, or byte code of what it held."""
    with suppress(OSError):
        if [one.name for one in folder.iterdir()] == ["__pycache__"]:
            shutil.rmtree(folder / "__pycache__")
        folder.rmdir()


def _only_holding(root: Path, made: set[Path]) -> set[Path]:
    """The folders that hold nothing but these files: they were made for them."""
    folders: set[Path] = set()
    for path in sorted(made, key=lambda one: len(one.parts), reverse=True):
        for folder in list(path.parents)[:-1]:
            held = {folder / one.name for one in (root / folder).iterdir()}
            if not held <= made | folders | {folder / "__pycache__"}:
                break
            folders.add(folder)
    return folders


def _journaled(root: Path, journal: dict[str, Any]) -> list[Change]:
    """The journal, in a folder that git ignores by itself."""
    contents = {FOLDER / ".gitignore": "*\n", JOURNAL: json.dumps(journal, indent=1) + "\n"}
    before = {path: _content(check(root, path)) for path in contents}
    return [Change(path, before[path], text.encode()) for path, text in contents.items()]


def _forgotten(root: Path) -> list[Change]:
    return [Change(JOURNAL, _content(check(root, JOURNAL)), None)]


def _journal(root: Path) -> dict[str, Any]:
    target = check(root, JOURNAL)
    with _explained(JOURNAL):
        content = _content(target)
    if content is None:
        raise Misuse(
            "there is nothing to undo: tpgen has written no file here, or took all of them back"
        )
    try:
        journal: dict[str, Any] = json.loads(content)
        [*map(_unpacked, journal["files"]), *map(Path, journal["folders"])]
    except (ValueError, TypeError, KeyError) as error:
        raise Misuse(f"{JOURNAL} is damaged ({error}): remove it, and undo by git") from error
    return journal


def _packed(change: Change) -> dict[str, str | None]:
    return {
        "path": str(change.path),
        "before": None if change.before is None else base64.b64encode(change.before).decode(),
        "after": None if change.after is None else base64.b64encode(change.after).decode(),
    }


def _unpacked(record: dict[str, Any]) -> Change:
    before, after = (
        None if record[key] is None else base64.b64decode(record[key])
        for key in ("before", "after")
    )
    return Change(Path(record["path"]), before, after)


def _plan(root: Path, change: Change) -> tuple[Change | None, Undone]:
    """What undoing does to one file."""
    try:
        now = _content(check(root, change.path))
    except Misuse as error:
        return None, Undone(change.path, "left", str(error))
    outcome: Literal["removed", "restored"] = "removed" if change.before is None else "restored"
    if now == change.before:
        return None, Undone(change.path, outcome)
    if now == change.after:
        return Change(change.path, now, change.before), Undone(change.path, outcome)
    if now is None:
        return None, Undone(change.path, "left", "it was removed since")
    if change.before is None or change.after is None:
        return None, Undone(change.path, "left", "it was changed since")
    merged = _without(now, change.after, change.before)
    if merged is None:
        return None, Undone(change.path, "left", "what was added was changed since")
    return Change(change.path, now, merged), Undone(change.path, "restored")


def _without(now: bytes, after: bytes, before: bytes) -> bytes | None:
    """The content without what led from before to after; None where git finds a conflict."""
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
