"""What may be answered, and what a wrong answer gets: one line, and nothing written."""

import keyword
import os
import subprocess
import sys
from pathlib import Path

import copier
import pytest
import yaml
from pytest_copie.plugin import Copie

from tests.conftest import ROOT
from tests.rendering import Service, render

WRONG = {
    "package=class": "package: class is a Python keyword",
    "package=json": "package: json would shadow a module of the standard library",
    "package=httpx": "package: httpx would shadow a package that the service or its tests import",
    "package=Upper": 'package: "Upper" must be a lowercase letter',
    "package=my-service": 'package: "my-service" must be a lowercase letter',
    "package=../up": 'package: "../up" must be a lowercase letter',
    "package=": 'package: "" must be a lowercase letter',
    "package=a23456789012345678901234567890x": "must be a lowercase letter",
    "name=../up": 'name: "../up" must be a letter',
    "name=/etc": 'name: "/etc" must be a letter',
    "name=42": 'name: "42" must be a letter',
    'description=say "hello"': "description: give one line",
    "description=two\nlines": "description: give one line",
    "api_prefix=v1": 'api_prefix: "v1" is not a path',
    "api_prefix=/v1/": 'api_prefix: "/v1/" is not a path',
    "api_prefix=/../v1": 'api_prefix: "/../v1" is not a path',
    "key_prefix=T P": 'key_prefix: "T P" must be 2 to 10',
    "pipeline=maybe": 'pipeline: "maybe" must be yes or no',
    "vault=2": 'vault: "2" must be yes or no',
    "frontent=yes": 'there is no question "frontent"; there are project, name, package',
}


def copy(to: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `copier copy` as a person does."""
    command = ["copier", "copy", "--defaults", "--quiet", "--vcs-ref=HEAD"]
    return subprocess.run(  # noqa: PLW1510
        [*command, *arguments, str(ROOT), str(to)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )


def refusal(to: Path, *arguments: str) -> str:
    """The one line of a copy that is refused and writes nothing."""
    done = copy(to, *arguments)
    said = [line for line in done.stderr.splitlines() if "No git tags found" not in line]
    assert done.returncode == 1
    assert len(said) == 1, done.stderr
    assert not to.exists()
    return said[0]


@pytest.mark.parametrize("answer", WRONG)
def test_a_wrong_answer_gets_one_line_and_writes_nothing(answer: str, tmp_path: Path) -> None:
    assert WRONG[answer] in refusal(tmp_path / "copy", "--data", answer)


@pytest.mark.parametrize("name", ["README.md", "src/gateway/app.py", "tests/conftest.py"])
def test_a_file_in_the_way_is_named_and_kept(name: str, tmp_path: Path) -> None:
    mine = tmp_path / name
    mine.parent.mkdir(parents=True, exist_ok=True)
    mine.write_text("mine\n")
    done = copy(tmp_path)
    assert done.returncode == 1
    assert f"{mine} already exists: choose an empty folder, or pass --overwrite" in done.stderr
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [mine]
    assert mine.read_text() == "mine\n"


def test_a_folder_with_other_files_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "LICENSE").write_text("mine\n")
    assert copy(tmp_path).returncode == 0
    assert (tmp_path / "tests/conftest.py").exists()


def test_plain_copier_needs_no_trust(tmp_path: Path) -> None:
    """pytest-copie trusts every template; this is what a person's Copier does."""
    copier.run_copy(str(ROOT), tmp_path / "s", defaults=True, unsafe=False, vcs_ref="HEAD")
    assert (tmp_path / "s/tests/conftest.py").exists()


def test_every_question_has_a_default_a_help_line_and_a_check() -> None:
    for name in ("service", "parts"):
        for question in yaml.safe_load((ROOT / f"questions/{name}.yml").read_text()).values():
            assert question["default"] is not None
            assert question["help"].endswith(("?", ")"))
            assert question["type"] == "bool" or "validator" in question


def test_the_answers_are_kept_for_an_update(copie: Copie) -> None:
    folder = render(copie, name="Über Pay", vault=False)
    answers = yaml.safe_load((folder / ".copier-answers.yml").read_text())
    assert answers["name"] == "Über Pay"
    assert answers["vault"] is False
    assert "wrong_answer" not in answers


def test_no_name_that_python_or_the_service_imports_is_free(rendered: Service) -> None:
    reserved = (ROOT / "questions/reserved.jinja").read_text()
    (site,) = (rendered.environment / "lib").glob("python*/site-packages")
    modules = [path for path in site.iterdir() if (path / "__init__.py").exists()]
    installed = {path.stem for path in [*modules, *site.glob("*.py")]}
    names = {*sys.stdlib_module_names, *keyword.kwlist, *keyword.softkwlist, *installed}
    possible = {name for name in names if name.isidentifier() and name[0].isalpha()}
    taken = {name for name in possible if name == name.lower()} - {"gateway"}
    assert {name for name in taken if repr(name) not in reserved} == set()


def test_a_template_that_no_update_would_find_is_told(tmp_path: Path) -> None:
    """A path counts from where `copier copy` ran; an address and a whole path do not."""
    command = ["copier", "copy", "--defaults", "--vcs-ref=HEAD"]
    for source, is_told in ((os.path.relpath(ROOT, tmp_path), True), (str(ROOT), False)):
        done = subprocess.run(
            [*command, source, str(tmp_path / f"told-{is_told}")],
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
        )
        assert ("set `_src_path` in .copier-answers.yml" in done.stderr) is is_told, done.stderr
