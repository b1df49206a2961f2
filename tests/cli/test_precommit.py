"""What runs before a commit, run for real: pre-commit and prek, in a service from a tagged template.

GitHub can't be reached from everywhere, so git is told of repositories here that have the hooks
and the tags of the rendered config, and take the same tools from PyPI. The config is unchanged.
"""

import gzip
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from tests.hooks import (
    Repository,
    live_key,
    once,
    path_with,
    recorder,
    reported,
    repository,
    template,
)
from tests.processes import clean_environment
from tests.rendering import Service

TAG = "v0.1.0"
TOOLS = ("pre-commit", "prek")
# What stands in for a repository of hooks: the package of its tools at PyPI, which uv installs
# once, and its hooks as upstream has them. gitleaks has an environment of its own, as upstream's,
# since a hook of the service takes the binary from there.
UPSTREAM = {
    "astral-sh/ruff-pre-commit": (
        "ruff",
        """
- {id: ruff-check, name: ruff check, entry: ruff check --force-exclude, language: system,
   types_or: [python, pyi, jupyter], require_serial: true}
- {id: ruff-format, name: ruff format, entry: ruff format --force-exclude, language: system,
   types_or: [python, pyi, jupyter], require_serial: true}
""",
    ),
    "pre-commit/pre-commit-hooks": (
        "pre-commit-hooks",
        """
- {id: check-added-large-files, name: check for added large files, language: system,
   entry: check-added-large-files, stages: [pre-commit, pre-push, manual]}
- {id: check-merge-conflict, name: check for merge conflicts, language: system,
   entry: check-merge-conflict, types: [text]}
- {id: check-toml, name: check toml, entry: check-toml, language: system, types: [toml]}
- {id: check-yaml, name: check yaml, entry: check-yaml, language: system, types: [yaml]}
""",
    ),
    "gitleaks/gitleaks": (
        "",
        """
- {id: gitleaks, name: Detect hardcoded secrets, language: python, pass_filenames: false,
   entry: gitleaks git --pre-commit --redact --staged --verbose}
""",
    ),
}

HOOKS = {
    "no key in the commit",
    "no mock, even with a noqa comment",
    "ruff check",
    "ruff format",
    "check for added large files",
    "check for merge conflicts",
    "check toml",
    "check yaml",
    "tpgen check",
    "the tests that are not slow",
}


def stand_in(path: Path, hooks: str, tag: str) -> None:
    """A repository of hooks; gitleaks' installs the binary of our environment."""
    path.mkdir(parents=True)
    (path / ".pre-commit-hooks.yaml").write_text(hooks)
    if path.name == "gitleaks":
        (path / "setup.py").write_text(
            "from setuptools import setup\n"
            "setup(name='gitleaks', version='0', py_modules=[], scripts=['gitleaks'])\n"
        )
        recorder(path / "gitleaks")
    repository(path).git("tag", tag)


def install_tools(requirements: Sequence[str], folder: Path) -> None:
    """Install commands from PyPI into a folder that may be moved afterwards."""
    subprocess.run(["uv", "venv", "--quiet", "--relocatable", str(folder)], check=True)
    install = ["uv", "pip", "install", "--quiet", "--python", str(folder / "bin/python")]
    subprocess.run([*install, *requirements], check=True)


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
        wanted = []
        for name, (package, hooks) in UPSTREAM.items():
            tag = tags[f"https://github.com/{name}"]
            stand_in(folder / name, hooks, tag)
            wanted += [f"{package}=={tag.removeprefix('v')}"] if package else []
        install_tools(wanted, folder / "tools")
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
        "GIT_CONFIG_GLOBAL": str(machine / "home/.gitconfig"),
        "PATH": path_with(machine / "tools/bin"),
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
    assert "no key in the commit" not in passed(said)
    assert live_key() not in said


def test_a_live_key_in_an_archive_is_blocked(service: Repository, tmp_path: Path) -> None:
    data = gzip.compress(f'KEY = "{live_key()}"\n'.encode())
    blocked(service, {"tests/data.gz": data}, SKIP="fast-tests,tpgen-check")
    assert reported(tmp_path / "reports") == {("tp-live-key", "tests/data.gz")}


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


def test_what_is_gone_is_found_by_the_hook_of_ci(tool: str, service: Repository) -> None:
    """The hook before a commit is given the files that are left."""
    service.git("rm", "--quiet", "codecov.yml")
    done = service.run(tool, "run", "--all-files", "tpgen-check")
    assert done.code == 0, done.text
    done = service.run(tool, "run", "--hook-stage", "manual", "tpgen-check-all")
    assert done.code == 1, done.text
    assert "codecov.yml is gone" in done.text


@pytest.mark.parametrize("comment", ["", "  # noqa: TID251"])
def test_a_mock_is_blocked_by_ruff(comment: str, service: Repository) -> None:
    """No comment lets it through."""
    files: dict[str, str | bytes] = {
        "tests/unit/test_m.py": f"from unittest import mock{comment}\n"
    }
    said = blocked(service, files, SKIP="fast-tests,tpgen-check")
    assert said.count("is banned") == 1
    assert "no mock, even with a noqa comment" not in passed(said)


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


RUNS_GIT = """
import subprocess
from pathlib import Path


def test_git(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    for command in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "-m", "theirs"]):
        subprocess.run(["git", "-C", str(tmp_path), *command], check=True)
    assert (tmp_path / ".git/HEAD").exists()
"""


@pytest.mark.parametrize("options", [[], ["--all"], ["--", "tests/unit/test_git.py"]])
def test_a_test_that_runs_git_leaves_the_repository_alone(
    options: list[str], service: Repository, tmp_path: Path
) -> None:
    """From a linked work tree git tells hooks the repository and its index by absolute paths."""
    service.git("worktree", "add", "--quiet", str(tmp_path / "linked"), "-b", "linked")
    linked = Repository(tmp_path / "linked", service.variables)
    before = service.git("config", "--list", "--local")
    linked.write({"tests/unit/test_git.py": RUNS_GIT})
    linked.git("add", "--all")
    skip = "gitleaks,ruff-check,ruff-mocks,ruff-format"
    done = linked.run("git", "commit", "-m", "ours", *options, SKIP=skip)
    assert done.code == 0, done.text
    assert {"the tests that are not slow", "tpgen check"} <= passed(done.text)
    assert linked.git("log", "--format=%s") == "ours\nchange"
    assert linked.git("show", "--name-only", "--format=") == "tests/unit/test_git.py"
    assert service.git("config", "--list", "--local") == before
    assert linked.git("status", "--short") == service.git("status", "--short") == ""


def test_the_fast_tests_change_no_lock_file(rendered: Service, tmp_path: Path) -> None:
    """Where `uv lock` was forgotten after a change of the version, the hook says it."""
    config = yaml.safe_load((rendered.path / ".pre-commit-config.yaml").read_text())
    hooks = [hook for repo in config["repos"] for hook in repo["hooks"]]
    [entry] = [hook["entry"] for hook in hooks if hook["id"] == "fast-tests"]
    project = '[project]\nname = "mine"\nversion = "{}"\nrequires-python = ">=3.11"\n'
    mine = repository(tmp_path / "mine", UV_OFFLINE="1")
    mine.write({"pyproject.toml": project.format("1.0")})
    assert mine.run("uv", "lock").code == 0
    lock = (mine.path / "uv.lock").read_bytes()
    assert "lock" not in mine.run(*shlex.split(entry)).text
    mine.write({"pyproject.toml": project.format("2.0")})
    done = mine.run(*shlex.split(entry))
    assert done.code != 0
    assert "run `uv lock`" in done.text
    assert (mine.path / "uv.lock").read_bytes() == lock


def test_markers_of_an_update_are_blocked(service: Repository) -> None:
    """`copier update` leaves them where there is no merge."""
    text = "<<<<<<< before updating\nA\n=======\nB\n>>>>>>> after updating\n"
    said = blocked(service, {"docs/notes.md": text}, SKIP="fast-tests,tpgen-check,gitleaks")
    assert "check for merge conflicts" not in passed(said)
    assert "docs/notes.md" in said


def test_each_of_several_services_is_checked(
    tool: str, copied: Path, source: Path, upstream: dict[str, str], tmp_path: Path
) -> None:
    """As docs/ci.md says: prek finds their configs, pre-commit reads the one at the top."""
    for name in ("a", "b"):
        shutil.copytree(copied, tmp_path / "top" / name)
    hooks = f"\n  - repo: {source.as_uri()}\n    rev: {TAG}\n    hooks:\n      - id: tpgen-check\n"
    config = tmp_path / "top/.pre-commit-config.yaml"
    config.write_text("repos:" + (" []\n" if tool == "prek" else hooks))
    skip = "gitleaks,ruff-check,ruff-mocks,ruff-format,fast-tests"
    top = repository(tmp_path / "top", **upstream, SKIP=skip)
    assert top.run(tool, "install").code == 0
    clean, fault = (
        "def test_a() -> None:\n    assert abs(-1) == 1\n",
        "\n\ndef test_b() -> None:\n    assert True\n",
    )
    said = blocked(top, {"a/tests/unit/test_a.py": clean, "b/tests/unit/test_b.py": clean + fault})
    assert "tests/unit/test_b.py:5:1: TPG301" in said
    assert "test_a.py" not in said


def test_the_first_commit_of_an_sdk_goes_through(
    sdk: Service, source: Path, upstream: dict[str, str], tmp_path: Path
) -> None:
    """With the hooks of a service, and its own fast tests."""
    folder = tmp_path / "sdk"
    copier = [sys.executable, "-m", "copier", "copy", "--defaults", "--quiet", "--data=project=sdk"]
    subprocess.run([*copier, f"git+{source.as_uri()}", folder], check=True, env=clean_environment())
    (tmp_path / "reports").mkdir()
    made = repository(
        folder,
        **{**upstream, "UV_PROJECT_ENVIRONMENT": str(sdk.environment)},
        PYTHONPATH="src",
        GITLEAKS_REPORTS=str(tmp_path / "reports"),
    )
    assert made.run("prek", "install").code == 0
    made.git("update-ref", "-d", "HEAD")
    done = made.commit({})
    assert done.code == 0, done.text
    assert passed(done.text) == HOOKS
