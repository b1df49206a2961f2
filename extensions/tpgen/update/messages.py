"""What a person, or a program, is told of an update and of a drift."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from shlex import quote
from typing import Any

from tpgen.report.text import printable, shortened
from tpgen.source.cases import until

from .drifting import Drift
from .git_merge import Merged
from .locking import PROJECT
from .own_files import OwnFile
from .plan import Update
from .policy_changes import Change

# Of what is printed for programs; whatever changes its shape changes this too.
VERSION = 1
STATES = {"A": "new", "M": "changed", "D": "gone", "R": "renamed"}
# Of the lines that differ, and of the components that are hit, as many as anybody reads.
SHOWN = 8


def waiting(update: Update) -> str:
    """Whether an update waits."""
    if update.waits:
        return f"{update.new} waits, and this service has {update.old}: `tpgen update`\n"
    return f"this service has {update.old}, and no update waits\n"


def planned(update: Update) -> str:
    """What is going to change."""
    lines = [
        f"{update.old} -> {update.new} of {update.source}",
        *_own(update.own),
        *_policy(update.policy),
        *_questions(update),
        *(["", f"Then `{update.lock}`: pin and lock move together."] if update.lock else []),
        *_files(update.files),
    ]
    return "".join(f"{printable(line)}\n" for line in lines)


def done(update: Update, merged: Merged, way_back: str) -> str:
    """Return what was done, and what is left to a person.

    Args:
        update: what was planned.
        merged: what became of it.
        way_back: the command that takes it back.
    """
    lines = [f"  {title:9} {printable(text)}" for title, text in _to_do(update, merged)]
    if lines:
        head = "Merged, but for what a person must look at:"
        tail = "`git add` each when it is right, then commit."
    else:
        head, tail = "Merged, and not committed: `git diff --staged` shows it.", ""
    back = f"`{way_back}` takes the update back."
    locked = f"`{merged.locked}` wrote {update.lock.name}." if merged.locked and update.lock else ""
    fix = "`tpgen check --fix`, " if update.own else ""
    follow = f"next: {fix}{_sync(update)}, `tpgen check`, `git commit`"
    words = " ".join(filter(None, [tail, locked, back]))
    return "\n".join(["", head, *lines, words, follow, ""])


def _sync(update: Update) -> str:
    """The commands that install what the lock says, and run the suite."""
    tool = update.lock.command[0] if update.lock else "uv"
    install = {"poetry": "poetry sync", "pdm": "pdm sync"}.get(tool, "uv sync")
    return f"`{install}`, `{tool} run pytest`"


def as_json(update: Update, merged: Merged | None = None) -> str:
    """An update for programs: one object.

    Args:
        update: what is known of it.
        merged: what became of it; None where nothing was written.
    """
    content: dict[str, Any] = {
        "version": VERSION,
        "template": update.source,
        "from": update.old,
        "to": update.new,
        "waits": update.waits,
        "own_files": [_own_file(one) for one in update.own],
        "policy": [_given(asdict(one)) for one in update.policy],
        "files": [_file(*one) for one in update.files],
        "questions": {"new": update.asked, "dropped": update.dropped},
        "lock": str(update.lock) if update.lock else None,
    }
    if merged:
        content |= {"merged": asdict(merged), "needs_a_person": merged.needs_a_person}
    return _dumped(content)


def drifted(version: str, found: Sequence[Drift]) -> str:
    """Where the template's files were edited: each place with its lines, and a line that counts."""
    lines = [line for one in found for line in _drift(one)]
    files = f"{len(found) or 'no'} file{'s' * (len(found) > 1)} of the template"
    lines.append(f"{files} differ{'s' * (len(found) < 2)} from {version}")
    return "".join(f"{printable(line)}\n" for line in lines)


def drift_as_json(version: str, found: Sequence[Drift]) -> str:
    """The same for programs: one object."""
    return _dumped({"version": VERSION, "from": version, "drift": [asdict(one) for one in found]})


def _dumped(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=2, default=str) + "\n"


def _given(content: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in content.items() if value not in (None, ())}


def _file(state: str, *paths: str) -> dict[str, str]:
    was = {"was": paths[0]} if len(paths) > 1 else {}
    return {"state": STATES.get(state, "changed"), "path": paths[-1], **was}


def _own(files: Sequence[OwnFile]) -> Iterator[str]:
    if files:
        yield from ("", "Your own files, which an update leaves alone; `tpgen check --fix` first:")
    for file in files:
        number = len(file.findings) - len(file.by_hand)
        if number:
            yield f"  fix       {file.path}: {number} place{'s' * (number > 1)}"
        for finding in file.by_hand:
            yield f"  by hand   {file.path}:{finding.line}: {finding.message}"


def _own_file(file: OwnFile) -> dict[str, Any]:
    findings = [
        {"line": one.line, "message": one.message, "fixable": bool(one.edits)}
        for one in file.findings
    ]
    return {"path": file.path, "findings": findings}


def _policy(changes: Sequence[Change]) -> Iterator[str]:
    yield from ("", "The policy:" if changes else "The policy does not change.")
    for one in changes:
        day = f" Required from {until(one.required_from)}." if one.required_from else ""
        yield f"  {one.state:9} {one.words}{day}"
        if one.topic == "kind" or (one.topic == "case" and one.state != "gone"):
            none = "This service has none." if one.topic == "kind" else "No test class has it yet."
            yield f"            {shortened(one.components, SHOWN) or none}"


def _questions(update: Update) -> Iterator[str]:
    if update.asked or update.dropped:
        yield from ("", "The questions:")
    for key, value in update.asked.items():
        yield f"  new       {key}: {value}, as proposed; `--data {key}=…` says otherwise"
    for key in update.dropped:
        yield f"  gone      {key}"


def _files(files: Sequence[tuple[str, ...]]) -> Iterator[str]:
    if files:
        yield from ("", "The files:")
    for state, *paths in files:
        yield f"  {STATES.get(state, 'changed'):9} {' -> '.join(paths)}"


def _to_do(update: Update, merged: Merged) -> Iterator[tuple[str, str]]:
    if merged.unlocked and update.lock:
        command = f"`{update.lock} && git add {update.lock.name}`"
        yield "lock", f"{command}: {update.lock.name} has the old pin; {merged.unlocked}"
    for path in merged.conflicts:
        where = "what differs stands between <<< and >>>"
        if path == PROJECT:
            where += "; of the line of pytest-tpgen the template's, the lower one, is right"
        if path in merged.unmarked:
            where = f"it is as it was here, and {_shown(merged, path)} has the template's"
        yield "conflict", f"{path}: changed by both sides; {where}"
    for path in merged.renamed:
        yield "renamed", f"{path}: renamed here and in the template, to two names: `git rm` one"
    for path in merged.aside:
        yield "aside", f"{path}: put aside by git, since something else is in its place now"
    if merged.broken:
        yield "broken", merged.broken
    for path in merged.kept:
        yield (
            "kept",
            (
                f"{path}: the template removed it, but it was edited here, so it was kept: move what "
                "you need of it, then `git rm` it"
            ),
        )
    for path in merged.missing:
        yield (
            "missing",
            (
                f"{path}: the template changed it, and it was removed here, so it stays away: "
                f"{_shown(merged, path)} has the new one"
            ),
        )


def _shown(merged: Merged, path: str) -> str:
    """The command that shows the template's new file."""
    return f"`git show {quote(f'{merged.at}{path}')}`"


def _drift(one: Drift) -> Iterator[str]:
    if one.state == "missing":
        yield f"{one.path}: is gone"
    elif not one.regions:
        yield f"{one.path}: was edited"
    for region in one.regions:
        yield f"{one.path}:{region.line}:"
        yield from _lines("-", region.removed)
        yield from _lines("+", region.added)


def _lines(sign: str, lines: Sequence[str]) -> Iterator[str]:
    yield from (f"    {sign}{line}" for line in lines[:SHOWN])
    if len(lines) > SHOWN:
        yield f"    {sign}… ({len(lines) - SHOWN} lines more)"
