"""`tpgen update` moves the pin of the engine, and the lock file with it."""

import json
import os
import zipfile
from hashlib import sha256
from pathlib import Path

import pytest

from tests.hooks import path_with, release, repository
from tests.updating import Pair, copy, tree

COMMANDS = {
    "uv.lock": "uv lock --upgrade-package pytest-tpgen",
    "poetry.lock": "poetry update --lock pytest-tpgen",
    "pdm.lock": "pdm lock",
}
VENDOR = "template/service/{% if engine_source == 'wheel' %}vendor{% endif %}"
WHEEL = "pytest_tpgen-{}-py3-none-any.whl"


@pytest.fixture
def pair(small: Pair, tmp_path: Path) -> Pair:
    """A service with a lock file, and a template that has a newer release."""
    made = small.copy(tmp_path)
    locked(made, "uv.lock")
    made.release()
    return made


def locked(pair: Pair, name: str) -> None:
    assert pair.service.commit({name: "old\n"}, "--no-verify").code == 0


def tool(folder: Path, name: str, script: str) -> str:
    """The PATH with a tool that runs a script."""
    (folder / "tools").mkdir(exist_ok=True)
    (folder / "tools" / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / "tools" / name).chmod(0o755)
    return path_with(folder / "tools")


@pytest.mark.parametrize("name", COMMANDS)
def test_pin_and_lock_move_together(name: str, pair: Pair, tmp_path: Path) -> None:
    pair.service.git("mv", "--force", "uv.lock", f"renamed-{name}")
    locked(pair, name)
    tool_name, _, words = COMMANDS[name].partition(" ")
    script = f'test "$*" = "{words}" && test -z "$UV_LOCKED" && grep v2.0.0 pyproject.toml > {name}'
    path = tool(tmp_path, tool_name, script)
    done = pair.tpgen("update", PATH=path, UV_LOCKED="1")
    assert done.code == 0, done.text
    pin = next(line for line in pair.read("pyproject.toml").splitlines() if "@ git+" in line)
    assert pin.endswith('",  # v2.0.0')
    assert pair.source.git("rev-parse", "v2.0.0") in pin
    assert pair.read(name).strip() == pin.strip()
    assert f"M  {name}" in pair.service.git("status", "--short")
    assert f"`{COMMANDS[name]}` wrote {name}." in done.text


@pytest.mark.parametrize("option", ["--dry-run", "--check"])
def test_nothing_is_locked_unless_something_is_written(
    option: str, pair: Pair, tmp_path: Path
) -> None:
    done = pair.tpgen("update", option, PATH=tool(tmp_path, "uv", "echo new > uv.lock"))
    assert done.code == (option == "--check"), done.text
    assert pair.service.git("status", "--short") == ""
    assert ("`uv lock --upgrade-package" in done.text) == (option == "--dry-run")


FAILURES = {
    "uv": ("echo broken > uv.lock; echo error: no network >&2; exit 2", "failed: error: no networ"),
    "pdm": ("", "it can't run here: No such file or directory"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_lock_that_fails(name: str, pair: Pair, tmp_path: Path) -> None:
    """The lock file is as it was, and the command comes first in the list."""
    script, reason = FAILURES[name]
    if not script:
        pair.service.git("rm", "--quiet", "uv.lock")
        locked(pair, "pdm.lock")
    path = tool(tmp_path, "uv", script)
    pair.service.git("mv", "codecov.yml", "mine.yml")  # one more thing to look at
    pair.service.git("commit", "--quiet", "--no-verify", "-m", "move")
    done = pair.tpgen("update", PATH=path)
    assert done.code == 1, done.text
    _, _, to_do = done.text.partition("must look at:\n")
    assert to_do.startswith(f"  lock      `{COMMANDS[f'{name}.lock']} && git add {name}.lock`: ")
    assert reason in to_do.splitlines()[0]
    assert pair.read(f"{name}.lock") == "old\n"


def test_a_conflict_in_the_line_of_the_pin(pair: Pair, tmp_path: Path) -> None:
    text = pair.read("pyproject.toml").replace("[docker,embedded]", "[docker]")
    assert pair.service.commit({"pyproject.toml": text}, "--no-verify").code == 0
    done = pair.tpgen("update", "--json", PATH=tool(tmp_path, "uv", "echo new > uv.lock"))
    assert done.code == 1, done.text
    merged = json.loads(done.text[done.text.index("{") :])["merged"]
    assert merged["unlocked"] == "once pyproject.toml is settled"
    assert merged["conflicts"] == ["pyproject.toml"]
    assert pair.read("uv.lock") == "old\n"
    pair.service.run("sh", "-c", "git reset --quiet --hard && git clean --quiet -fd")
    said = pair.tpgen("update", PATH=tool(tmp_path, "uv", "echo new > uv.lock")).text
    assert "of the line of pytest-tpgen take the template's, the lower one" in said


def test_dependencies_of_a_persons_own(pair: Pair, tmp_path: Path) -> None:
    """They stand beside the pin, wherever their order in the alphabet puts them."""
    text = pair.read("pyproject.toml")
    for line in ('    "pytest-xdist', '    "mypy', '    "httpx', '    "ruff'):
        name = line.strip().strip('"')
        text = text.replace(line, f'    "{name}-mine>=1",\n{line}', 1)
    assert pair.service.commit({"pyproject.toml": text}, "--no-verify").code == 0
    done = pair.tpgen("update", PATH=tool(tmp_path, "uv", "echo new > uv.lock"))
    assert done.code == 0, done.text
    assert pair.read("pyproject.toml").count("-mine>=1") == 4


def test_a_lock_that_is_interrupted(pair: Pair, tmp_path: Path) -> None:
    """Git brings everything back, as the message said."""
    before = tree(pair.service.path)
    script = "echo broken > uv.lock; kill -INT $PPID; sleep 5"
    done = pair.tpgen("update", PATH=tool(tmp_path, "uv", script))
    assert done.code == 130, done.text
    pair.service.run("sh", "-c", "git reset --hard && git clean -fd")
    assert tree(pair.service.path) == before


@pytest.mark.parametrize("engine_source", ["index", "wheel"])
def test_other_sources_of_the_engine(engine_source: str, small: Pair, tmp_path: Path) -> None:
    """Version and wheel move, and neither is drift."""
    pair = small.copy(tmp_path)
    service = repository(tmp_path / "other")
    copy(pair.source, service.path, "-d", f"engine_source={engine_source}", "--overwrite")
    assert service.commit({}, "--no-verify").code == 0
    other = Pair(pair.source, service)
    assert other.tpgen("drift").code == 0

    [wheel] = (pair.source.path / VENDOR).iterdir()
    version = wheel.name.split("-")[1]
    wheel.rename(wheel.with_name(WHEEL.format("0.3.9")))
    numbers = pair.source.path / "questions/policy.yml"
    numbers.write_text(numbers.read_text().replace(f'"{version}"', '"0.3.9"'))
    release(pair.source, "v2.0.0")

    done = other.tpgen("update")
    assert done.code == 0, done.text
    assert "pytest-tpgen[docker,embedded]==0.3.9" in other.read("pyproject.toml")
    wheels = [WHEEL.format("0.3.9")] if engine_source == "wheel" else []
    vendor = service.path / "vendor"
    assert (os.listdir(vendor) if vendor.exists() else []) == wheels
    assert other.tpgen("drift").code == 0


def test_a_wheel_of_the_same_name(small: Pair, tmp_path: Path) -> None:
    """Between releases the version stays: the lock follows the content."""
    source = small.copy(tmp_path).source
    service = repository(tmp_path / "other")
    copy(source, service.path, "-d", "engine_source=wheel", "--overwrite")
    assert service.run("uv", "lock", "--quiet").code == 0
    assert service.commit({}, "--no-verify").code == 0
    [wheel] = (source.path / VENDOR).iterdir()
    require(wheel, "tomli-w")
    release(source, "v2.0.0")

    done = Pair(source, service).tpgen("update")
    assert done.code == 0, done.text
    locked = (service.path / "uv.lock").read_text()
    assert sha256(wheel.read_bytes()).hexdigest() in locked
    assert 'name = "tomli-w"' in locked
    assert "M  uv.lock" in service.git("status", "--short")


def require(wheel: Path, name: str) -> None:
    """Add a dependency to a wheel."""
    with zipfile.ZipFile(wheel) as file:
        content = {one: file.read(one) for one in file.namelist()}
    [metadata] = [one for one in content if one.endswith("/METADATA")]
    line = f"Requires-Dist: {name}\nRequires-Dist:".encode()
    content[metadata] = content[metadata].replace(b"Requires-Dist:", line, 1)
    with zipfile.ZipFile(wheel, "w") as file:
        for one, data in content.items():
            file.writestr(one, data)
