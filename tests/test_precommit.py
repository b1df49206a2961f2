"""What runs before a commit, run for real: pre-commit and prek, in a service from a tagged template.

GitHub can't be reached from everywhere, so git is told of repositories here that have the hooks
and the tags of the rendered config, and install the same tools from PyPI. The config is unchanged.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.hooks import Repository, live_key, once, recorder, reported, repository, template
from tests.service import Service, clean_environment

TAG = "v0.1.0"
TOOLS = ("pre-commit", "prek")
# What stands in for a repository of hooks: what it installs, and its hooks as upstream has them.
PYPI = {
    "astral-sh/ruff-pre-commit": (
        ["ruff=={version}"],
        """
- {id: ruff-check, name: ruff check, entry: ruff check --force-exclude, language: python,
   types_or: [python, pyi, jupyter], require_serial: true}
- {id: ruff-format, name: ruff format, entry: ruff format --force-exclude, language: python,
   types_or: [python, pyi, jupyter], require_serial: true}
""",
    ),
    "pre-commit/pre-commit-hooks": (
        ["pre-commit-hooks=={version}"],
        """
- {id: check-added-large-files, name: check for added large files, language: python,
   entry: check-added-large-files, stages: [pre-commit, pre-push, manual]}
- {id: check-merge-conflict, name: check for merge conflicts, language: python,
   entry: check-merge-conflict, types: [text]}
- {id: check-toml, name: check toml, entry: check-toml, language: python, types: [toml]}
- {id: check-yaml, name: check yaml, entry: check-yaml, language: python, types: [yaml]}
""",
    ),
    "gitleaks/gitleaks": (
        [],
        """
- {id: gitleaks, name: Detect hardcoded secrets, language: python, pass_filenames: false,
   entry: gitleaks git --pre-commit --redact --staged --verbose}
""",
    ),
}

HOOKS = {
    "no key in what is committed",
    "no mock, by any comment",
    "ruff check",
    "ruff format",
    "check for added large files",
    "check for merge conflicts",
    "check toml",
    "check yaml",
    "tpgen check",
    "the tests that are not slow",
}


def stand_in(path: Path, requirements: list[str], hooks: str, tag: str) -> None:
    """A repository of hooks that come from PyPI; gitleaks' is the binary of our environment."""
    path.mkdir(parents=True)
    (path / ".pre-commit-hooks.yaml").write_text(hooks)
    (path / "setup.py").write_text(
        "from setuptools import setup\n"
        f"setup(name='stand-in-{path.name}', version='0', py_modules=[], install_requires={requirements},\n"
        f"      scripts={['gitleaks'] if path.name == 'gitleaks' else []})\n"
    )
    if path.name == "gitleaks":
        recorder(path / "gitleaks")
    repository(path).git("tag", tag)


def cache_of_uv() -> str:
    """Where uv keeps packages, so that prek with a home of its own loads none anew."""
    done = subprocess.run(["uv", "cache", "dir"], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture(scope="session")
def machine(rendered: Service, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the stand-ins, this template under a tag, and the homes of the tools.

    The workers share it, so that each tool installs each hook once.
    """
    config = yaml.safe_load((rendered.path / ".pre-commit-config.yaml").read_text())
    tags = {repo["repo"]: repo.get("rev", "") for repo in config["repos"]}

    def make(folder: Path) -> None:
        for name, (requirements, hooks) in PYPI.items():
            tag = tags[f"https://github.com/{name}"]
            wanted = [line.format(version=tag.removeprefix("v")) for line in requirements]
            stand_in(folder / name, wanted, hooks, tag)
        template(folder / "template", TAG)
        (folder / "home").mkdir()

    return once(tmp_path_factory, "machine", make)


@pytest.fixture(scope="session")
def upstream(machine: Path, rendered: Service) -> dict[str, str]:
    """The environment in which git finds the stand-ins, and the tools their homes."""
    (machine / "home/.gitconfig").write_text(
        f'[url "{machine.as_uri()}/"]\n    insteadOf = https://github.com/\n'
    )
    return {
        "HOME": str(machine / "home"),
        "PRE_COMMIT_HOME": str(machine / "pre-commit"),
        "PREK_HOME": str(machine / "prek"),
        "UV_CACHE_DIR": cache_of_uv(),
        "PIP_CACHE_DIR": str(Path.home() / ".cache/pip"),
        "PIP_NO_COMPILE": "1",
        # The fast tests, those without a Postgres, in the environment that `rendered` has.
        "PYTEST_ADDOPTS": "tests/unit",
        "UV_NO_SYNC": "1",
        "UV_PROJECT_ENVIRONMENT": str(rendered.environment),
    }


@pytest.fixture(scope="session")
def source(machine: Path) -> Path:
    """This template in a repository with a tag."""
    return machine / "template"


@pytest.fixture(scope="session")
def copied(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A service as `copier copy` gives it."""
    folder = tmp_path_factory.mktemp("copied") / "service"
    copier = [sys.executable, "-m", "copier", "copy", "--defaults", "--quiet"]
    subprocess.run([*copier, f"git+{source.as_uri()}", folder], check=True, env=clean_environment())
    return folder


@pytest.fixture(scope="session", params=TOOLS)
def tool(request: pytest.FixtureRequest) -> str:
    """The program that runs the hooks."""
    return str(request.param)


@pytest.fixture
def service(tool: str, copied: Path, upstream: dict[str, str], tmp_path: Path) -> Repository:
    """A service in a repository, with the tool's git hook."""
    shutil.copytree(copied, tmp_path / "service")
    (tmp_path / "reports").mkdir()
    variables = {"PYTHONPATH": "src", "GITLEAKS_REPORTS": str(tmp_path / "reports")}
    made = repository(tmp_path / "service", **upstream, **variables)
    done = made.run(tool, "install")
    assert done.code == 0, done.text
    return made


def blocked(service: Repository, files: dict[str, str | bytes], **variables: str) -> str:
    """Commit, which must not succeed; give what was said."""
    before = service.git("rev-parse", "HEAD")
    done = service.commit(files, **variables)
    assert done.code != 0, done.text
    assert service.git("rev-parse", "HEAD") == before
    return done.text


def passed(text: str) -> set[str]:
    """The names of the hooks that passed."""
    return {line.partition("..")[0] for line in text.splitlines() if line.endswith("Passed")}


def test_the_first_commit_of_a_service_goes_through(
    service: Repository, source: Path, tmp_path: Path
) -> None:
    """Every hook ran on every file, tpgen's from the tag of the template."""
    service.git("update-ref", "-d", "HEAD")
    done = service.commit({})
    assert done.code == 0, done.text
    assert passed(done.text) == HOOKS
    assert reported(tmp_path / "reports") == set()
    config = yaml.safe_load((service.path / ".pre-commit-config.yaml").read_text())
    revisions = {repo["repo"]: repo.get("rev") for repo in config["repos"]}
    assert revisions[source.as_uri()] == TAG


def test_a_clean_commit_goes_through(service: Repository) -> None:
    """Only the hooks of the kinds of files in it have anything to do."""
    done = service.commit({"src/gateway/clean.py": "CLEAN = 1\n"})
    assert done.code == 0, done.text
    assert passed(done.text) == HOOKS - {"check toml", "check yaml"}


@pytest.mark.parametrize("name", ["src/gateway/key.py", "tests/unit/test_key.py"])
def test_a_live_key_is_blocked(name: str, service: Repository, tmp_path: Path) -> None:
    """In tests/ as in src/; rule and file are those of gitleaks' report."""
    said = blocked(service, {name: f'KEY = "{live_key()}"\n'}, SKIP="fast-tests,tpgen-check")
    assert reported(tmp_path / "reports") == {("tp-live-key", name)}
    assert "no key in what is committed" not in passed(said)
    assert live_key() not in said


def test_a_key_behind_the_hooks_back_is_found(
    tool: str, service: Repository, tmp_path: Path
) -> None:
    """What the hook can't see, the hook that CI runs does."""
    name = "src/gateway/key.py"
    done = service.commit({name: f'KEY = "{live_key()}"\n'}, "--no-verify")
    assert done.code == 0, done.text
    assert service.commit({name: ""}, "--no-verify").code == 0
    done = service.run(tool, "run", "--all-files", "gitleaks")
    assert done.code == 0, done.text
    done = service.run(tool, "run", "--hook-stage", "manual", "gitleaks-all")
    assert done.code == 1, done.text
    assert reported(tmp_path / "reports") == {("tp-live-key", name)}


@pytest.mark.parametrize("comment", ["", "  # noqa: TID251"])
def test_a_mock_is_blocked_by_ruff(comment: str, service: Repository) -> None:
    """No comment lets it through."""
    files: dict[str, str | bytes] = {
        "tests/unit/test_m.py": f"from unittest import mock{comment}\n"
    }
    said = blocked(service, files, SKIP="fast-tests,tpgen-check")
    assert "TID251" in said
    assert "no mock, by any comment" not in passed(said)


def test_a_slow_test_does_not_run_and_a_fast_one_that_fails_blocks(service: Repository) -> None:
    """Both fail, if they are run."""
    slow = "import pytest\n\n\n@pytest.mark.slow\ndef test_slow() -> None:\n    assert not 1\n"
    skip = "gitleaks,ruff-check,ruff-mocks,ruff-format,tpgen-check"
    done = service.commit({"tests/unit/test_slow.py": slow}, SKIP=skip)
    assert done.code == 0, done.text
    fast = "def test_fast() -> None:\n    assert not 1\n"
    said = blocked(service, {"tests/unit/test_fast.py": fast}, SKIP=skip)
    assert "test_fast.py::test_fast" in said
    assert "test_slow.py::test_slow" not in said


def test_markers_of_an_update_are_blocked(service: Repository) -> None:
    """`copier update` leaves them where there is no merge."""
    text = "<<<<<<< before updating\nA\n=======\nB\n>>>>>>> after updating\n"
    said = blocked(service, {"docs/notes.md": text}, SKIP="fast-tests,tpgen-check,gitleaks")
    assert "check for merge conflicts" not in passed(said)
    assert "docs/notes.md" in said
