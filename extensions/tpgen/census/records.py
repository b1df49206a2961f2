"""Run records: find, read, check and merge them. `pytest --census` writes them."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import fastjsonschema

from tpgen.check.places import list_files
from tpgen.core.errors import UserError
from tpgen.core.git import Git

FOLDER = ".tpgen"
SCHEMA = Path(__file__).parent / "run.schema.json"
SUFFIXES = (".py", ".ambr", ".toml", ".sql", ".cfg", ".ini", ".coveragerc")
NOT_HASHED = re.compile(r"/(\.[^/]*|node_modules|__pycache__|site-packages)/")
RUN = "`pytest --census` writes one"
# What a plugin or a conftest left out; what `-k`, `-m` and `--deselect` do is in `why_not`.
LEFT_OUT = "deselected by "


@dataclass(frozen=True)
class Record:
    """The record of a run, or of several merged runs, as `run.schema.json` describes it."""

    content: Mapping[str, Any]
    root: Path

    @property
    def tests(self) -> Sequence[Mapping[str, Any]]:
        return list(self.content["tests"])

    @property
    def routes(self) -> Sequence[Mapping[str, Any]]:
        return list(self.content["routes"])

    @cached_property
    def stale(self) -> list[str]:
        """Return the files whose content has changed since the run, and new ones."""
        files = self.content["files"]
        new = [path for path in _files(self.root) if path not in files]
        return [*(path for path in files if _hash(self.root / path) != files[path]), *new]


def _hash(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except (OSError, ValueError):  # removed, or not a valid name here
        return ""


def is_hashed(path: str) -> bool:
    """Return whether a record holds the hash of such a file, because it can change a run."""
    return path.endswith(SUFFIXES) or "__snapshots__/" in path


def _files(root: Path) -> Iterator[str]:
    """Yield the files that a record hashes, as `pytest_tpgen.record.plugin` finds them."""
    environments = {"": False}
    for path in list_files(root, Git.at(root)).paths:
        if not is_hashed(path) or NOT_HASHED.search(f"/{path}"):
            continue
        folder = path.rpartition("/")[0]
        if not _is_in_environment(root, folder, environments) and (root / path).is_file():
            yield path


def _is_in_environment(root: Path, folder: str, known: dict[str, bool]) -> bool:
    if folder not in known:
        above = _is_in_environment(root, folder.rpartition("/")[0], known)
        known[folder] = above or (root / folder / "pyvenv.cfg").exists()
    return known[folder]


def newest(root: Path) -> Record:
    found = sorted((root / FOLDER).glob("run-*.json"))
    if not found:
        raise UserError(f"there is no run record in {root / FOLDER}: {RUN}")
    return Record(_read(found[-1]), root)


def merged(root: Path, paths: Sequence[Path]) -> Record:
    """Return one record of several runs or shards; of a test in several, the last run counts."""
    read = {path: _read(path) for path in paths}
    parts = sorted(read.values(), key=lambda part: str(part["started"]))
    first = parts[0]
    for path, part in read.items():
        changed = dict(set(first["files"].items()) ^ set(part["files"].items()))
        if changed:
            raise UserError(
                f"the records are of different contents: {min(changed)} differs in {path}: "
                "merge the records of one state of the files"
            )
    tests = {test["id"]: test for part in parts for test in part["tests"]}
    joined = {}
    for name in ("routes", "imports", "uncollected"):
        values = [value for part in parts for value in part[name]]
        joined[name] = [*{json.dumps(value, sort_keys=True): value for value in values}.values()]
    joined["uncollected"] = [
        test for test in joined["uncollected"] if f"{test['file']}::{test['name']}" not in tests
    ]
    selections = [part["selection"] for part in parts]
    whole = [selection for selection in selections if selection["is_complete"]]
    why_not = sorted({reason for selection in selections for reason in selection["why_not"]})
    content = {
        **parts[-1],
        **joined,
        "exit_code": max(part["exit_code"] for part in parts),
        "seconds": sum(part["seconds"] for part in parts),
        "selection": whole[0] if whole else {**selections[-1], "why_not": why_not},
        "tests": [tests[name] for name in sorted(tests)],
    }
    return Record(content, root)


def _read(path: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path} can't be read: {error}; {RUN}") from None
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    stated = content.get("format") if isinstance(content, dict) else None
    known = schema["properties"]["format"]["const"]
    if isinstance(stated, int) and stated != known:
        raise UserError(
            f"{path} has format {stated}, and this tpgen reads {known}: use the versions of tpgen "
            "and pytest-tpgen that belong together"
        )
    try:
        fastjsonschema.validate(schema, content)
    except fastjsonschema.JsonSchemaValueException as error:
        raise UserError(f"{path} is not a run record: {error.message[:200]}; {RUN}") from None
    return dict(content)
