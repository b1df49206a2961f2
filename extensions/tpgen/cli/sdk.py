"""`tpgen sdk CLASS`: the test of the public surface of a class, and its intended changes."""

import argparse
import io
import os
import re
import subprocess
import sys
import tempfile
import tomllib
import xml.etree.ElementTree as xml
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tpgen.core import files
from tpgen.core.errors import UserError
from tpgen.core.files import Change
from tpgen.core.git import Git
from tpgen.core.service import POLICY, Service
from tpgen.core.terminal import waiting

if TYPE_CHECKING:
    from tpgen.generate import surfaces

CHANGELOG = Path("CHANGELOG.md")
PYPROJECT = Path("pyproject.toml")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Writes the test of the public surface of a class: each public member with its signature. "
        "Run again, it adds the members that the test does not state yet."
    )
    text = "public class of the project, such as Agent, or any other as package.module:Class"
    parser.add_argument("name", metavar="CLASS", nargs="?", help=text)
    parser.add_argument(
        "--accept",
        action="store_true",
        help="record the changed signatures; the changelog must name them and the version fit",
    )
    parser.add_argument(
        "--last-release",
        action="store_true",
        help="run the tests of the last release against the working tree",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="print the diff without writing files"
    )


def run(chosen: argparse.Namespace) -> int:
    here = _project(Path.cwd())
    if chosen.last_release:
        if chosen.name or chosen.accept or chosen.dry_run:
            raise UserError("--last-release takes no other argument: `tpgen sdk --last-release`")
        return _run_last_release(here)
    if not chosen.name:
        raise UserError("name a class: `tpgen sdk Agent` or `tpgen sdk package.module:Class`")
    return _write(here, chosen)


def _project(start: Path) -> Service:
    """Return the project of a folder, which need not be rendered."""
    start = start.resolve()
    for folder in (start, *start.parents):
        if (folder / POLICY).is_file() or (folder / PYPROJECT).is_file():
            return Service(folder)
    raise UserError(
        f"{start} is in no project: neither it nor a folder above holds {PYPROJECT}; `cd` into one"
    )


def _write(here: Service, chosen: argparse.Namespace) -> int:
    from tpgen.generate import surfaces

    of = surfaces.class_of(here, chosen.name)
    stated = _version(here.root)
    surface = surfaces.read_class(here, of, stated)
    command = f"tpgen sdk {chosen.name}"
    if surface.stub is None and chosen.accept:
        raise UserError(f"{of} has no test yet: `{command}` writes it")
    if chosen.accept:
        refusal = _refusal(here, _since_release(here, surface, stated), stated, command)
        if refusal:
            print("\n".join(refusal), file=sys.stderr)
            return 1
        change = surfaces.accepted(surface)
    else:
        change = surfaces.written(here, surface, command)
    if chosen.dry_run:
        print(files.diff([change] if change else []), end="")
        return 0
    if change:
        files.check(here.root, change.path)
        files.write(here.root, [change])
    print("\n".join(_outcome(surface, change, command, is_accepted=chosen.accept)))
    return 0


def _since_release(here: Service, surface: "surfaces.Surface", stated: str) -> "surfaces.Surface":
    """Return what differs from the last release: what was added since can be taken back."""
    from tpgen.generate import surfaces

    tag, git = surface.answer["tag"], Git.at(here.root)
    before = git.show(tag, surface.path.as_posix()) if tag and git else None
    return surfaces.since_release(here, surface, before, stated) if before else surface


def _outcome(
    surface: "surfaces.Surface", change: Change | None, command: str, *, is_accepted: bool
) -> Iterator[str]:
    if change is None:
        yield f"there    {surface.path}"
    elif change.before is None:
        count = len(surface.answer["members"])
        yield f"wrote    {surface.path}: {count} member{'s' * (count != 1)}"
    elif is_accepted:
        yield f"changed  {surface.path}: {', '.join(surface.changes)}"
    else:
        yield f"extended {surface.path}: {', '.join(surface.answer['missing'])}"
    if not is_accepted:
        missing = surface.answer["missing"]
        for name, found in surface.changes.items():
            if name not in missing:
                yield f"differs  {found['verdict'].splitlines()[0]}: `{command} --accept`"
    yield f"run      pytest {surface.path}"


def _refusal(here: Service, surface: "surfaces.Surface", stated: str, command: str) -> list[str]:
    """Return the message if an intended change is not recorded yet; empty if it is."""
    from tpgen.generate import surfaces

    file = here.root / CHANGELOG
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    tag = surface.answer["tag"]
    needed = surface.answer["needed"]
    has_step = surface.answer["is_reached"]
    headings = {"Unreleased", needed, stated if has_step and tag else ""} - {""}
    lines = surfaces.changelog_lines(surface, text, headings)
    found = []
    if lines:
        where = f"{CHANGELOG}, below `## Unreleased`:"
        found += [where, "", *(f"    {line}" for line in lines), ""]
    if surface.changes and not has_step:
        kind = "breaking" if surface.is_breaking else "an addition"
        found += [f"{PYPROJECT} ({tag} is the last release, and this is {kind}):", ""]
        found += [f'    version = "{needed}"', ""]
    if not found:
        return []
    # The lock file of uv has the version of the project.
    lock = "`uv lock` and " if not has_step and (here.root / "uv.lock").is_file() else ""
    return [
        f"tpgen: nothing was written. Record the change of {surface.of} first:",
        "",
        *found,
        f"Then run {lock}`{command} --accept` again.",
    ]


def _version(root: Path) -> str:
    """Return the version in pyproject.toml; empty if it is stated elsewhere."""
    try:
        project = tomllib.loads((root / PYPROJECT).read_text(encoding="utf-8")).get("project", {})
    except FileNotFoundError:
        return ""
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UserError(f"{PYPROJECT} can't be read: {error}; correct it first") from None
    return str(project.get("version", ""))


def _run_last_release(here: Service) -> int:
    """Run the tests of the last release against the working tree; 1 if that breaks customers."""
    from tpgen.introspect.reading import read_surface

    stated = _version(here.root)
    step = read_surface(here, {"stated": stated})
    tag = step["tag"]
    if not tag:
        print("nothing was released yet: there is no tag such as v1.0.0 below HEAD")
        return 0
    with tempfile.TemporaryDirectory(prefix="tpgen-") as folder:
        _extract(here.root, tag, Path(folder))
        with waiting(f"running the tests of {tag}"):
            failures, count = _run_tests(here, Path(folder), tag)
    if not failures:
        print(f"{tag}: all {count} tests pass against the working tree")
        return 0
    print(f"{tag}: {len(failures)} of {count} tests fail against the working tree: breaking\n")
    for name, reason in failures:
        print(f"  {name}: {reason}")
    if not stated:
        print(
            f"\n{PYPROJECT} states no version, so nobody can see that it makes the breaking step."
        )
        return 1
    if step["is_reached"]:
        print(f"\nVersion {stated} makes the breaking step.")
        return 0
    print(f'\nRestore what customers use, or set `version = "{step["needed"]}"` in {PYPROJECT}.')
    return 1


def _extract(root: Path, tag: str, into: Path) -> None:
    """Write the tests of a tag, and their configuration, into a folder."""
    git = Git(root)
    kept = ["tests", "pyproject.toml", "pytest.ini", "pytest.toml", "conftest.py", "setup.cfg"]
    listed = (git.try_run("ls-tree", "--name-only", tag) or b"").decode().splitlines()
    if "tests" not in listed:
        raise UserError(f"{tag} has no folder tests: there is nothing to run")
    archive = git.run("archive", "--format=zip", tag, *(name for name in kept if name in listed))
    with zipfile.ZipFile(io.BytesIO(archive)) as files_of_tag:
        files_of_tag.extractall(into)


def _run_tests(here: Service, folder: Path, tag: str) -> tuple[list[tuple[str, str]], int]:
    """Return the failed tests with the first line of the reason, and the number of tests."""
    sources = os.pathsep.join(str(parent) for parent in {each.parent for each in here.packages})
    report = folder / "report.xml"
    done = subprocess.run(
        [here.python, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": sources},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    cases = list(xml.parse(report).iter("testcase")) if report.is_file() else []
    if not cases:
        last = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()][-1:]
        raise UserError(f"the tests of {tag} can't be run: {''.join(last)}")
    failures = []
    for case in cases:
        for result in [*case.iterfind("failure"), *case.iterfind("error")]:
            name = ".".join(filter(None, [case.get("classname"), case.get("name")]))
            text = result.get("message") or result.text or ""
            reason = next(iter(text.strip().splitlines()), "").strip()[:200]
            # What only is to be recorded breaks no customer.
            if not re.search(r": record it( \(|$)", reason):
                failures.append((name, reason))
    return failures, len(cases)
