"""The output of `tpgen update` and `tpgen drift`, for people and as JSON."""

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

# Of the JSON; it changes with the shape.
VERSION = 1
STATES = {"A": "new", "M": "changed", "D": "gone", "R": "renamed"}
# At most so many lines that differ, and components, are printed.
SHOWN = 8
INSTALL = {"poetry": "poetry sync", "pdm": "pdm sync"}


def availability(update: Update) -> str:
    """Return whether an update is available."""
    if update.waits:
        return f"update available: {update.old} → {update.new}: `tpgen update`\n"
    return f"no update available: this service has {update.old}\n"


def planned(update: Update) -> str:
    """Return what an update will change."""
    lock = ["", f"Then `{update.lock}`: pin and lock move together."] if update.lock else []
    lines = [
        f"{update.old} -> {update.new} of {update.source}",
        *_own(update.own),
        *_policy(update.policy),
        *_questions(update),
        *lock,
        *_files(update.files),
    ]
    return "".join(f"{printable(line)}\n" for line in lines)


def done(update: Update, merged: Merged, way_back: str) -> str:
    """Return what an update did, and what is left to a person.

    Args:
        update: the plan.
        merged: the outcome.
        way_back: the command that takes it back.
    """
    to_do = [f"  {state:9} {printable(text)}" for state, text in _to_do(update, merged)]
    lines = ["", "Merged, and not committed: `git diff --staged` shows it."]
    if to_do:
        lines = ["", "Merged, but for what a person must look at:", *to_do]
        lines.append("`git add` each when it is right, then commit.")
    if merged.locked and update.lock:
        lines.append(f"`{merged.locked}` wrote {update.lock.name}.")
    lines.append(f"`{way_back}` takes the update back.")
    fix = "`tpgen check --fix`, " if update.own else ""
    tool = update.lock.command[0] if update.lock else "uv"
    install = f"`{INSTALL.get(tool, 'uv sync')}`, `{tool} run pytest`"
    lines.append(f"next: {fix}{install}, `tpgen check`, `git commit`")
    return "\n".join([*lines, ""])


def as_json(update: Update, merged: Merged | None = None) -> str:
    """Return an update as one JSON object.

    Args:
        update: the plan.
        merged: the outcome; None if nothing was written.
    """
    content: dict[str, Any] = {
        "version": VERSION,
        "template": update.source,
        "from": update.old,
        "to": update.new,
        "waits": update.waits,
        "own_files": [_own_file(file) for file in update.own],
        "policy": [_without_empty(asdict(change)) for change in update.policy],
        "files": [_file(*file) for file in update.files],
        "questions": {"new": update.asked, "dropped": update.dropped},
        "lock": str(update.lock) if update.lock else None,
    }
    if merged:
        content |= {"merged": asdict(merged), "needs_a_person": merged.needs_a_person}
    return _dumped(content)


def drifted(version: str, found: Sequence[Drift]) -> str:
    """Return where the template's files were edited, with the lines, and a count."""
    lines = [line for drift in found for line in _drift(drift)]
    files = f"{len(found) or 'no'} file{'s' * (len(found) > 1)} of the template"
    lines.append(f"{files} differ{'s' * (len(found) < 2)} from {version}")
    return "".join(f"{printable(line)}\n" for line in lines)


def drift_as_json(version: str, found: Sequence[Drift]) -> str:
    """Return the drift as one JSON object."""
    drift = [asdict(drift) for drift in found]
    return _dumped({"version": VERSION, "from": version, "drift": drift})


def _dumped(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=2, default=str) + "\n"


def _without_empty(content: dict[str, Any]) -> dict[str, Any]:
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
        {"line": finding.line, "message": finding.message, "fixable": bool(finding.edits)}
        for finding in file.findings
    ]
    return {"path": file.path, "findings": findings}


def _policy(changes: Sequence[Change]) -> Iterator[str]:
    yield from ("", "The policy:" if changes else "The policy does not change.")
    for change in changes:
        day = f" Required from {until(change.required_from)}." if change.required_from else ""
        yield f"  {change.state:9} {change.words}{day}"
        if change.topic == "kind" or (change.topic == "case" and change.state != "gone"):
            none = "This service has none." if change.topic == "kind" else "No test class has it."
            yield f"            {shortened(change.components, SHOWN) or none}"


def _questions(update: Update) -> Iterator[str]:
    if update.asked or update.dropped:
        yield from ("", "The questions:")
    for key, value in update.asked.items():
        yield f"  new       {key}: {value}, the default; `--data {key}=VALUE` overrides it"
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
        yield "conflict", f"{path}: changed by both sides; {_conflict(merged, path)}"
    for path in merged.renamed:
        yield "renamed", f"{path}: renamed here and in the template, to two names: `git rm` one"
    for path in merged.aside:
        yield "aside", f"{path}: renamed by git, because something else has its place now"
    if merged.broken:
        yield "broken", merged.broken
    for path in merged.kept:
        text = "the template removed it, but it was edited here, so it was kept"
        yield "kept", f"{path}: {text}: move what you need of it, then `git rm` it"
    for path in merged.missing:
        text = "the template changed it, and it was removed here, so it stays away"
        yield "missing", f"{path}: {text}: {_show(merged, path)} has the new one"


def _conflict(merged: Merged, path: str) -> str:
    if path in merged.unmarked:
        return f"it is as it was here, and {_show(merged, path)} has the template's"
    text = "what differs stands between <<< and >>>"
    if path == PROJECT:
        text += "; of the line of pytest-tpgen take the template's, the lower one"
    return text


def _show(merged: Merged, path: str) -> str:
    """Return the command that shows the template's new file."""
    return f"`git show {quote(f'{merged.at}{path}')}`"


def _drift(drift: Drift) -> Iterator[str]:
    if not drift.regions:
        yield f"{drift.path}: {'is missing' if drift.state == 'missing' else 'was edited'}"
    for region in drift.regions:
        yield f"{drift.path}:{region.line}:"
        for sign, lines in (("-", region.removed), ("+", region.added)):
            yield from (f"    {sign}{line}" for line in lines[:SHOWN])
            if len(lines) > SHOWN:
                yield f"    {sign}… ({len(lines) - SHOWN} more lines)"
