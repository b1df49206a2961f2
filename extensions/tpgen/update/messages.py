"""The output of `tpgen update`, for people and as JSON."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from itertools import groupby
from shlex import quote
from typing import Any

from tpgen.core.settings import WHERE as PROJECT
from tpgen.report.text import printable, shortened
from tpgen.source.cases import until

from .git_merge import Merged, Versions
from .locking import COMMANDS
from .plan import Update

# Of the JSON; it changes with the shape.
VERSION = 1
STATES = {"A": "new", "M": "changed", "D": "gone", "R": "renamed"}
# At most so many components are printed.
SHOWN = 8
# What a person must do about the files of each field of `Merged`.
TO_DO = {
    "renamed": "renamed here and in the template, to two names: `git rm` one",
    "aside": "renamed by git, because something else has its place now",
    "kept": "the template removed it, but it was edited here, so it was kept: move what you need "
    "of it, then `git rm` it",
    "missing": "the template changed it, and it was removed here, so it stays away: {show} has the "
    "new one",
}


def planned(update: Update) -> str:
    """Return what an update will change."""
    lines = [f"{update.old} -> {update.new} of {update.source}"]
    sections = {
        "Your own files, which an update leaves alone; `tpgen check --fix` first:": _own(update),
        "The policy:": _policy(update),
        "The questions:": _questions(update),
        "Then:": [f"  lock      `{COMMANDS[update.lock]}`"] if update.lock else [],
        "The files:": [
            f"  {STATES.get(state, 'changed'):9} {' -> '.join(paths)}"
            for state, *paths in update.files
        ],
    }
    for title, section in sections.items():
        if texts := list(section):
            lines += ["", title, *texts]
    return "".join(f"{printable(line)}\n" for line in lines)


def _own(update: Update) -> Iterator[str]:
    fixable = Counter(finding.path for finding in update.own if finding.edits)
    for path, number in fixable.items():
        yield f"  fix       {path}: {number} place{'s' * (number > 1)}"
    for finding in update.own:
        if not finding.edits:
            yield f"  by hand   {finding.path}:{finding.line}: {finding.message}"


def _policy(update: Update) -> Iterator[str]:
    if not update.policy:
        yield "  unchanged"
    for change in update.policy:
        day = f" Required from {until(change.required_from)}." if change.required_from else ""
        yield f"  {change.state:9} {change.words}{day}"
        if change.topic == "kind" or (change.topic == "case" and change.state != "gone"):
            none = "This service has none." if change.topic == "kind" else "No test class has it."
            yield f"            {shortened(change.components, SHOWN) or none}"


def _questions(update: Update) -> Iterator[str]:
    for key, value in update.asked.items():
        yield f"  new       {key}: {value}, the default; `--data {key}=VALUE` overrides it"
    for key in update.dropped:
        yield f"  gone      {key}"


def done(update: Update, merged: Merged, both: Versions) -> str:
    """Return what an update did, what is left to a person, and how to take it back."""
    to_do = [f"  {state:9} {printable(text)}" for state, text in _to_do(update, merged)]
    lines = ["", "Merged, and not committed: `git diff --staged` shows it."]
    if to_do:
        lines = ["", "Merged, but for what a person must look at:", *to_do]
        lines.append("`git add` each when it is right, then commit.")
    if merged.locked:
        lines.append(f"`{merged.locked}` wrote {update.lock}.")
    lines.append(f"`{both.way_back}` takes the update back.")
    fix = "`tpgen check --fix`, " if update.own else ""
    tool = update.lock.removesuffix(".lock") or "uv"
    lines.append(f"next: {fix}`{tool} sync`, `{tool} run pytest`, `tpgen check`, `git commit`")
    return "\n".join([*lines, ""])


def _to_do(update: Update, merged: Merged) -> Iterator[tuple[str, str]]:
    if merged.unlocked:
        command = f"`{COMMANDS[update.lock]} && git add {update.lock}`"
        yield "lock", f"{command}: {update.lock} has the old pin; {merged.unlocked}"
    for path in merged.conflicts:
        text = "what differs stands between <<< and >>>"
        if path in merged.unmarked:
            text = f"it is as it was here, and {_show(merged, path)} has the template's"
        elif path == PROJECT:
            text += "; of the line of pytest-tpgen take the template's, the lower one"
        yield "conflict", f"{path}: changed by both sides; {text}"
    if merged.broken:
        yield "broken", merged.broken
    for state, text in TO_DO.items():
        for path in getattr(merged, state):
            yield state, f"{path}: {text.format(show=_show(merged, path))}"


def _show(merged: Merged, path: str) -> str:
    """Return the command that shows the template's new file."""
    return f"`git show {quote(f'{merged.at}{path}')}`"


def as_json(update: Update, merged: Merged | None = None) -> str:
    """Return an update as one JSON object; without `merged` if nothing was written."""
    content: dict[str, Any] = {
        "version": VERSION,
        "template": update.source,
        "from": update.old,
        "to": update.new,
        "waits": update.old != update.new,
        "own_files": [
            {
                "path": path,
                "findings": [
                    {"line": found.line, "message": found.message, "fixable": bool(found.edits)}
                    for found in findings
                ],
            }
            for path, findings in groupby(update.own, lambda finding: finding.path)
        ],
        "policy": [
            {key: value for key, value in asdict(change).items() if value not in (None, ())}
            for change in update.policy
        ],
        "files": [
            {"state": STATES.get(state, "changed"), "path": paths[-1]}
            | ({"was": paths[0]} if len(paths) > 1 else {})
            for state, *paths in update.files
        ],
        "questions": {"new": update.asked, "dropped": update.dropped},
        "lock": COMMANDS.get(update.lock),
    }
    if merged:
        content |= {"merged": asdict(merged), "needs_a_person": merged.needs_a_person}
    return json.dumps(content, indent=2, default=str) + "\n"
