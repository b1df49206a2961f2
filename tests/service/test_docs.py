"""The docs do what they say: they are carried out, and the README is what CI runs."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
from maintainer import wheel
from packaging.version import Version

from tests.conftest import ROOT
from tests.hooks import PERSON, Repository, release, repository, template
from tests.processes import clean_environment
from tests.rendering import Service, replace_once

SHOP = ROOT / "tests/samples/shop"
ENGINE = version("pytest-tpgen")
NEWER = f"{Version(ENGINE).base_version}.99"
# A fenced block, and the file that the line before it names.
BLOCK = re.compile(r"(?:^`([^`\n]+)`\n)?^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path) -> Iterator[tuple[str, str, str]]:
    """Give file, language and text of each block of a page."""
    yield from BLOCK.findall(page.read_text())


def apply(diff: str, file: Path) -> None:
    """Change the one place that a diff shows."""
    lines = diff.splitlines(keepends=True)
    old = "".join(line[1:] for line in lines if line[0] in " -")
    new = "".join(line[1:] for line in lines if line[0] in " +")
    replace_once(file.parent, file.name, old, new)


class Reader:
    """Somebody who does what a page says, in a folder and a shell."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # A clone as it is once this is released: Copier takes the newest tag of ours.
        self.template = template(folder.with_name(f"{folder.name}-tpgen"), "v99.0.0")
        self.tools = folder / "tools"
        self.said = ""

    def sh(self, text: str) -> None:
        env = clean_environment()
        env |= {**PERSON, "TPGEN": str(self.template.path), "TEST_POSTGRES": "embedded"}
        env |= {"UV_TOOL_DIR": str(self.tools), "UV_TOOL_BIN_DIR": str(self.tools / "bin")}
        env["PATH"] = f"{self.tools / 'bin'}{os.pathsep}{env['PATH']}"
        done = subprocess.run(
            ["bash", "-ec", f"{text}\npwd"],
            check=False,
            cwd=self.folder,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        self.said = done.stdout + done.stderr
        assert done.returncode == 0, self.said
        self.folder = Path(done.stdout.splitlines()[-1])

    def do(self, file: str, language: str, text: str) -> None:
        path = self.folder / file
        if language == "sh":
            self.sh(text)
        elif language == "text":
            assert [line for line in text.splitlines() if line not in self.said] == [], self.said
        elif language == "diff":
            apply(text, path)
        elif language == "append":
            path.write_text(path.read_text() + text)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


@pytest.mark.parametrize("page", ["tutorial", "components", "update", "new-sdk"])
def test_a_page_is_carried_out(page: str, tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    for block in blocks(ROOT / f"docs/{page}.md"):
        reader.do(*block)


def foreign_service(path: Path) -> None:
    """Make a repository of a service that was not rendered from this template."""
    for file in filter(Path.is_file, SHOP.rglob("*")):
        made = path / file.relative_to(SHOP).with_suffix("")
        made.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, made)
    repository(path)


def newer_policy_and_engine(source: Repository) -> None:
    """Release the template with another number in its policy and another version of its engine."""
    for file, old, new in (
        ("questions/policy.yml", "new_code: 85", "new_code: 90"),
        ("questions/policy.yml", f'engine_version: "{ENGINE}"', f'engine_version: "{NEWER}"'),
        (
            "extensions/pytest-tpgen/pyproject.toml",
            f'\nversion = "{ENGINE}"',
            f'\nversion = "{NEWER}"',
        ),
    ):
        replace_once(source.path, file, old, new)
    wheel.build(source.path)
    release(source, "v99.1.0")


def test_a_service_of_others_is_wired_and_updated(tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    foreign_service(tmp_path / "shop")
    for file, language, text in blocks(ROOT / "docs/wiring.md"):
        if text.startswith("tpgen update"):
            newer_policy_and_engine(reader.template)
        reader.do(file, language, text.replace("VERSION", ENGINE))
    shop = tmp_path / "shop"
    assert {path.name for path in shop.iterdir() if not path.name.startswith(".")} == {
        *("pyproject.toml", "shop", "tests", "uv.lock", "vendor"),
    }
    assert [path.name for path in shop.glob("vendor/*")] == [
        f"pytest_tpgen-{NEWER}-py3-none-any.whl"
    ]


def test_each_recipe_for_a_mock_runs(service: Service) -> None:
    """Before and after; what is written after passes the checks of a service."""
    files = {file: text for file, _, text in blocks(ROOT / "docs/replacing-a-mock.md")}
    service.write(files)
    tests = [file for file in files if "/test_" in file]
    done = service.pytest("-n0", *tests)
    assert done.code == 0, done.text
    assert done.count("passed") == 16
    after = [file for file in files if not file.startswith("before")]
    assert len(tests) == 10 and len(after) == 10
    for command in (["ruff", "check"], ["ruff", "format", "--check"], ["mypy"]):
        done = service.run(*command, *after)
        assert done.code == 0, done.text
    done = service.tpgen("check", *after)
    assert done.code == 0, done.text


def test_ci_runs_the_commands_of_the_readme() -> None:
    commands = [
        text.strip() for _, language, text in blocks(ROOT / "README.md") if language == "sh"
    ]
    ours = [command for command in commands if command.startswith("make")]
    assert ours == ["make demo", "make test"]
    ci = (ROOT / ".ci/run").read_text()
    assert [command for command in ours if not re.search(rf"^{command}$", ci, re.MULTILINE)] == []


def test_every_link_leads_somewhere() -> None:
    for page in [ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.md")]:
        for target in re.findall(r"\]\((?!http)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
