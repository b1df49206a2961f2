"""The sdists and wheels of both packages, used as users use them: without the clone."""

import re
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from packaging.metadata import Metadata

from tests.conftest import ROOT
from tests.hooks import once
from tests.processes import Outcome, clean_environment
from tests.rendering import Service

MOCKED = {"test_a.py": "from unittest import mock\n\n\ndef test_a():\n    assert mock\n"}
MOST_PACKAGES, MOST_MEGABYTES = 8, 15
Run = Callable[..., Outcome]


def run(*command: str | Path, cwd: Path = ROOT, **variables: str) -> Outcome:
    """Run a command, with nothing of the clone on its path."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**clean_environment(), **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return Outcome(done.returncode, done.stdout)


def succeed(*command: str | Path, cwd: Path = ROOT) -> str:
    done = run(*command, cwd=cwd)
    assert done.code == 0, done.text
    return done.text


def install(folder: Path, *requirements: str | Path) -> Path:
    """Make an environment, and return the folder of its commands."""
    succeed("uv", "venv", "--quiet", folder)
    succeed("uv", "pip", "install", "--quiet", "--python", folder, *requirements)
    return folder / "bin"


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sdists of tpgen and pytest-tpgen, and the wheels that are built from them."""

    def build(folder: Path) -> None:
        for project in (ROOT, ROOT / "extensions/pytest-tpgen"):
            succeed("uv", "build", "--quiet", "--out-dir", folder, project)

    return once(tmp_path_factory, "packages", build)


@pytest.fixture(scope="session")
def base(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an environment with the wheel of tpgen, without extras."""
    [wheel] = built.glob("tpgen-*.whl")
    return once(tmp_path_factory, "base", lambda folder: [install(folder, wheel)])


@pytest.fixture
def tpgen(base: Path, tmp_path: Path) -> Run:
    def tpgen(*arguments: str, cwd: Path = tmp_path) -> Outcome:
        # The folder was moved after it was made: its scripts name the old one.
        return run(base / "bin/python", "-P", "-m", "tpgen", *arguments, cwd=cwd)

    return tpgen


def contents(archive: Path) -> set[str]:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return set(wheel.namelist())
    with tarfile.open(archive) as sdist:
        return {member.name.partition("/")[2] for member in sdist}


def test_contents_of_tpgen(built: Path) -> None:
    [wheel], [sdist] = built.glob("tpgen-*.whl"), built.glob("tpgen-*.tar.gz")
    held = contents(wheel)
    data = {"tpgen/moved.toml", "tpgen/py.typed", "tpgen/census/run.schema.json"}
    assert data | {"tpgen/census/page.html"} <= held
    info = {path for path in held if ".dist-info/" in path}
    assert any(path.endswith("/licenses/LICENSE") for path in info)
    assert all(path.startswith("tpgen/") for path in held - info), held - info
    assert {path.partition("/")[0] for path in contents(sdist)} == {
        *(".gitignore", "CHANGELOG.md", "LICENSE", "PKG-INFO", "README.md"),
        *("extensions", "pyproject.toml"),
    }
    assert not any("maintainer" in path for path in contents(sdist))


def test_contents_of_the_engine(built: Path) -> None:
    [wheel], [sdist] = built.glob("pytest_tpgen-*.whl"), built.glob("pytest_tpgen-*.tar.gz")
    held = contents(wheel)
    assert "pytest_tpgen/py.typed" in held
    assert all(path.startswith(("pytest_tpgen/", "pytest_tpgen-")) for path in held)
    assert {"LICENSE", "README.md", "pytest_tpgen/plugin.py"} <= contents(sdist)
    licences = {path.read_bytes() for path in ROOT.glob("**/extensions/pytest-tpgen/LICENSE")}
    assert licences == {(ROOT / "LICENSE").read_bytes()}


@pytest.mark.parametrize("name", ["tpgen", "pytest_tpgen"])
def test_metadata(name: str, built: Path) -> None:
    """What a package index refuses, and what its page shows."""
    [wheel] = built.glob(f"{name}-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        [path] = [path for path in archive.namelist() if path.endswith(".dist-info/METADATA")]
        metadata = Metadata.from_email(archive.read(path), validate=True)
    assert (metadata.license_expression, metadata.license_files) == ("MIT", ["LICENSE"])
    assert metadata.description_content_type == "text/markdown"
    assert metadata.description and metadata.summary and metadata.keywords
    assert "Typing :: Typed" in (metadata.classifiers or [])


def test_size_of_what_the_hook_installs(base: Path) -> None:
    packages = [*base.glob("lib/*/site-packages/*.dist-info")]
    size = sum(path.stat().st_size for path in base.glob("lib/**/*") if path.suffix != ".pyc")
    assert len(packages) <= MOST_PACKAGES, packages
    assert size <= MOST_MEGABYTES * 1_000_000


def test_commands_without_an_extra(tpgen: Run, tmp_path: Path) -> None:
    for path, text in MOCKED.items():
        (tmp_path / path).write_text(text)
    assert re.fullmatch(r"tpgen \d+\.\d+\.\d+\n", tpgen("--version").text)
    assert tpgen("--help").code == 0
    found = tpgen("check")
    assert (found.code, "test_a.py:1:" in found.text) == (1, True), found.text
    assert tpgen("explain", "TPG101").code == 0
    assert tpgen("exemptions").code == 0
    assert "tpgen" in tpgen("completion", "bash").text
    assert "nothing to undo" in tpgen("undo").text


def test_a_fix_without_an_extra(tpgen: Run, service: Service) -> None:
    """Without ruff the imports are not sorted, and the fix is made."""
    service.write(
        {"tests/unit/test_old.py": "import sys\nfrom tests.policy.http import Upstream\n"}
    )
    assert not (service.path / ".venv").exists()
    done = tpgen("check", "--fix", "--select", "TPG503", cwd=service.path)
    assert done.code == 0, done.text
    text = (service.path / "tests/unit/test_old.py").read_text()
    assert text == "import sys\nfrom pytest_tpgen.upstream import Upstream\n"


def test_census_without_an_extra(tpgen: Run, service: Service) -> None:
    service.pytest("--census", "tests/unit")
    found = tpgen("census", "--html", "census.html", cwd=service.path)
    assert found.code == 1, found.text
    assert (service.path / "census.html").is_file()


NEEDS = {
    "step detect_keys": "scaffold",
    "route POST /v1/agents": "scaffold",
    "factory Agent": "scaffold",
    "update --check": "update",
    "drift": "update",
    "new shop --template gh:team/tpgen": "update",
}


@pytest.mark.parametrize("line", NEEDS)
def test_a_command_without_its_extra(line: str, tpgen: Run, service: Service) -> None:
    """One sentence, with the command that installs it; nothing is written."""
    before = {path: path.stat().st_mtime_ns for path in service.path.rglob("*") if path.is_file()}
    done = tpgen(*line.split(), cwd=service.path)
    said = rf"tpgen: this command needs \w+, which the extra `{NEEDS[line]}` of tpgen installs: "
    said += r"`uv pip install --python \S+ 'tpgen\[all\] @ file://\S+'` installs all extras\n"
    assert done.code == 2
    assert re.fullmatch(said, done.text), done.text
    after = {path: path.stat().st_mtime_ns for path in service.path.rglob("*") if path.is_file()}
    assert {path for path in after if before.get(path) != after[path]} == set()


def test_completion_without_an_extra(base: Path, service: Service) -> None:
    """It offers nothing, and prints nothing into the line that is being typed."""
    line = "tpgen route GET /v"
    variables = {"_ARGCOMPLETE": "1", "COMP_LINE": line, "COMP_POINT": str(len(line))}
    answer = service.path / "answer"
    variables["_ARGCOMPLETE_STDOUT_FILENAME"] = str(answer)
    done = run(base / "bin/python", "-m", "tpgen", cwd=service.path, **variables)
    assert (done.code, done.text, answer.read_text()) == (0, "", "")


def test_a_missing_module_that_no_extra_has(base: Path, tmp_path: Path) -> None:
    """Is a fault of tpgen."""
    script = (
        "import sys; from tpgen.cli.main import main; "
        "sys.modules['tpgen.check.registry'] = None; sys.exit(main(['explain']))"
    )
    done = run(base / "bin/python", "-c", script, cwd=tmp_path)
    assert (done.code, "this is a fault of tpgen" in done.text) == (3, True), done.text


def test_the_command_that_a_tool_is_told(
    built: Path, tmp_path: Path, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An installation by `uv tool install` gets all extras by the command of the message."""
    [wheel] = built.glob("tpgen-*.whl")
    monkeypatch.setenv("UV_TOOL_DIR", str(tmp_path / "tools"))
    monkeypatch.setenv("UV_TOOL_BIN_DIR", str(tmp_path / "bin"))
    succeed("uv", "tool", "install", "--quiet", wheel)
    tpgen = tmp_path / "bin/tpgen"
    done = run(tpgen, "step", "detect_keys", cwd=service.path)
    [command] = re.findall("`(uv tool install [^`]+)`", done.text)
    succeed("sh", "-c", command, cwd=tmp_path)
    said = succeed(tpgen, "step", "detect_keys", cwd=service.path)
    assert "wrote    tests/unit/pipeline/steps/test_detect_keys.py" in said


def test_the_engine_from_its_wheel(built: Path, tmp_path: Path) -> None:
    """pytest runs with it, and writes a run record."""
    [wheel] = built.glob("pytest_tpgen-*.whl")
    commands = install(tmp_path / "environment", wheel)
    project = tmp_path / "project"
    project.mkdir()
    (project / "test_a.py").write_text("def test_a():\n    assert True\n")
    succeed(commands / "pytest", "-q", "--census", cwd=project)
    assert [*(project / ".tpgen").glob("run-*.json")]
