"""Where a service installs pytest-tpgen from: git, an index, or a wheel that it commits."""

import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.hooks import Repository, once, template
from tests.processes import Outcome, clean_environment
from tests.rendering import Service, use_our_engine
from tests.updating import COPIER

TAG = "v1.2.3"
# The installers other than uv that docs/engine-source.md tells about.
INSTALLERS = ("pip>=26", "poetry>=2.4,<3", "pdm>=2.29,<3", "hishel<2")
# Poetry asks PyPI's older API first, which some mirrors don't have.
POETRY = """
[[tool.poetry.source]]
name = "simple"
url = "https://pypi.org/simple/"
priority = "primary"
"""


@pytest.fixture(scope="session")
def template_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This template in a repository with a tag and one more commit, and beside it without git."""

    def make(folder: Path) -> None:
        source = template(folder / "tpgen", TAG)
        source.git("commit", "--quiet", "--allow-empty", "--message", "between releases")
        ignored = shutil.ignore_patterns(".git")
        shutil.copytree(source.path, folder / "without-git", ignore=ignored)

    return once(tmp_path_factory, "engine-source", make)


@pytest.fixture
def source(template_folder: Path) -> Repository:
    """The template's repository."""
    return Repository(template_folder / "tpgen")


def copy(source: str, to: Path, *options: str) -> Path:
    """Render a service from an address."""
    done = Repository(to.parent).run(
        *COPIER, "copy", "--quiet", "--defaults", *options, source, str(to)
    )
    assert done.code == 0, done.text
    return to


def pin(folder: Path) -> str:
    """Return the line of `pyproject.toml` that requires the engine."""
    [line] = re.findall(
        r'^    "pytest-tpgen.*$', (folder / "pyproject.toml").read_text(), re.MULTILINE
    )
    return str(line)


def in_folder(folder: Path, *command: object) -> Outcome:
    """Run a command that must succeed."""
    done = Repository(folder, {"UV_CACHE_DIR": cache_of_uv()}).run(*map(str, command))
    assert done.code == 0, done.text
    return done


def cache_of_uv() -> str:
    return subprocess.check_output(["uv", "cache", "dir"], text=True).strip()


def locked(folder: Path, *options: object) -> str:
    """Lock a service with uv, and return what the lock file says of the engine."""
    in_folder(folder, "uv", "lock", "--quiet", *options)
    text = (folder / "uv.lock").read_text()
    [found] = re.findall(r'^\[\[package\]\]\nname = "pytest-tpgen"\n(?:.+\n)+', text, re.MULTILINE)
    return str(found)


def engine_alone(folder: Path) -> None:
    """Leave out the other requirements: resolving them takes time and shows nothing about ours."""
    file = folder / "pyproject.toml"
    text = re.sub(r"(?ms)^dependencies = \[.*?^\]", "dependencies = []", file.read_text())
    text = re.sub(r"(?ms)^dev = \[.*?^\]", 'dev = [{ include-group = "policy" }]', text)
    file.write_text(text)


def installed(python: Path) -> Path:
    """Return where an environment has the engine."""
    command = [str(python), "-c", "import pytest_tpgen; print(pytest_tpgen.__file__)"]
    return Path(subprocess.check_output(command, text=True).strip())


@pytest.mark.parametrize("options", [(), ("--vcs-ref=HEAD",)], ids=["a tag", "between tags"])
def test_git_is_pinned_to_the_full_commit(
    options: Iterable[str], source: Repository, tmp_path: Path
) -> None:
    """A name such as v1.2.3-1-g0123abc, which Copier records between tags, can't be fetched."""
    folder = copy(f"git+{source.path.as_uri()}", tmp_path / "service", *options)
    ref = "HEAD" if options else TAG
    commit, name = source.git("rev-parse", ref), source.git("describe", "--tags", ref)
    assert re.search(rf"@ git\+file:///.*@{commit}#subdirectory=.*\",  # {name}$", pin(folder))
    assert f"#{commit}" in locked(folder)


def test_a_service_from_git_runs_its_tests(source: Repository, tmp_path: Path) -> None:
    folder = copy(f"git+{source.path.as_uri()}", tmp_path / "service")
    in_folder(folder, "uv", "sync", "--quiet")
    service = Service(folder, folder / ".venv")
    assert installed(folder / ".venv/bin/python").is_relative_to(folder)
    done = service.run("pytest", "tests/unit")
    assert done.code == 0, done.text
    # docs/engine-source.md, "Working on the engine from a service".
    use_our_engine(folder / ".venv")
    assert not installed(folder / ".venv/bin/python").is_relative_to(folder)
    assert service.run("pytest", "tests/unit").code == 0


def test_index_is_pinned_to_the_version(source: Repository, tmp_path: Path) -> None:
    """The index is here a folder of wheels, as `make release` leaves one."""
    address = f"git+{source.path.as_uri()}"
    folder = copy(address, tmp_path / "service", "--data=engine_source=index")
    [wheel] = source.path.glob("template/service/*vendor*/*.whl")
    version = wheel.name.split("-")[1]
    assert pin(folder) == f'    "pytest-tpgen[docker,embedded]=={version}",'
    assert not (folder / "vendor").exists()
    assert f'version = "{version}"' in locked(folder, "--find-links", wheel.parent)


def test_a_template_without_git_gives_its_wheel(template_folder: Path, tmp_path: Path) -> None:
    folder = copy(str(template_folder / "without-git"), tmp_path / "service")
    [wheel] = (folder / "vendor").iterdir()
    found = locked(folder)
    assert f'source = {{ path = "vendor/{wheel.name}" }}' in found
    assert "sha256:" in found


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("git", "engine_source: git needs a template in a git repository with an absolute"),
        ("pypi", 'engine_source: "pypi" must be git, index or wheel'),
    ],
)
def test_a_source_that_cannot_be_is_one_line(
    answer: str, reason: str, template_folder: Path, tmp_path: Path
) -> None:
    command = [*COPIER, "copy", "--quiet", "--defaults", f"--data=engine_source={answer}"]
    done = Repository(tmp_path).run(*command, str(template_folder / "without-git"), "service")
    assert (done.code, len(done.text.splitlines())) == (1, 1), done.text
    assert reason in done.text
    assert not (tmp_path / "service").exists()


def test_a_wheel_that_the_template_lacks_is_one_line(template_folder: Path, tmp_path: Path) -> None:
    lacking = tmp_path / "template"
    ignored = shutil.ignore_patterns("*.whl")
    shutil.copytree(template_folder / "without-git", lacking, ignore=ignored)
    done = Repository(tmp_path).run(*COPIER, "copy", "--quiet", "--defaults", "template", "service")
    assert (done.code, len(done.text.splitlines())) == (1, 1), done.text
    assert re.search(r"this template has no pytest_tpgen-\S+\.whl: run `make wheel`", done.text)


@pytest.fixture(scope="session")
def installers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the commands pip, poetry and pdm."""

    def make(folder: Path) -> None:
        subprocess.run(["uv", "venv", "--quiet", "--relocatable", folder], check=True)
        install = ["uv", "pip", "install", "--quiet", "--python", str(folder / "bin/python")]
        subprocess.run([*install, *INSTALLERS], check=True)

    return once(tmp_path_factory, "installers", make) / "bin"


@pytest.fixture
def from_git(source: Repository, tmp_path: Path) -> Path:
    """A service whose engine comes from git, and that requires nothing else."""
    folder = copy(f"git+{source.path.as_uri()}", tmp_path / "git")
    engine_alone(folder)
    return folder


@pytest.fixture
def from_wheel(template_folder: Path, tmp_path: Path) -> Path:
    """A service whose engine is a wheel, and that requires nothing else."""
    folder = copy(str(template_folder / "without-git"), tmp_path / "wheel")
    engine_alone(folder)
    return folder


def pip(installers: Path, folder: Path, *arguments: str, env: Path) -> Outcome:
    """Install with pip into a new environment, without what the engine itself requires."""
    subprocess.run(["uv", "venv", "--quiet", env], check=True, env=clean_environment())
    # A wheel that pip built before from the same commit would pass for one with a right hash.
    options = ["--quiet", "--no-cache-dir", "--no-deps"]
    command = [installers / "pip", "--python", env / "bin/python", "install", *options]
    return Repository(folder).run(*map(str, command), *arguments)


def test_pip_installs_from_git(installers: Path, from_git: Path, tmp_path: Path) -> None:
    done = pip(installers, from_git, "--group", "dev", env=tmp_path / "env")
    assert done.code == 0, done.text
    assert installed(tmp_path / "env/bin/python")


def test_pip_installs_a_wheel(installers: Path, from_wheel: Path, tmp_path: Path) -> None:
    """It doesn't read uv's table of sources, so it is told where the wheel is."""
    done = pip(
        installers, from_wheel, "--find-links=vendor", "--group", "dev", env=tmp_path / "env"
    )
    assert done.code == 0, done.text
    assert installed(tmp_path / "env/bin/python")


def exported(folder: Path) -> str:
    """Return what `uv export` says of the engine, with its hashes."""
    in_folder(folder, "uv", "export", "--quiet", "--no-emit-project", "-o", "all.txt")
    text = (folder / "all.txt").read_text()
    [found] = re.findall(r"^\S*pytest.tpgen.*\n(?: +--hash.*\n)*", text, re.MULTILINE)
    (folder / "engine.txt").write_text(found)
    return str(found)


def test_pip_checks_the_hash_of_a_wheel(installers: Path, from_wheel: Path, tmp_path: Path) -> None:
    """A wheel that somebody exchanged is refused."""
    assert "--hash=sha256:" in exported(from_wheel)
    arguments = ("--require-hashes", "-r", "engine.txt")
    done = pip(installers, from_wheel, *arguments, env=tmp_path / "env")
    assert done.code == 0, done.text
    assert installed(tmp_path / "env/bin/python")
    [wheel] = (from_wheel / "vendor").iterdir()
    wheel.write_bytes(wheel.read_bytes() + b"changed")
    done = pip(installers, from_wheel, *arguments, env=tmp_path / "other")
    assert done.code == 1
    assert "DO NOT MATCH THE HASHES" in done.text


def test_pip_refuses_git_where_hashes_are_required(
    installers: Path, from_git: Path, tmp_path: Path
) -> None:
    exported(from_git)
    done = pip(installers, from_git, "--require-hashes", "-r", "engine.txt", env=tmp_path / "env")
    assert done.code == 1
    assert "we don't have a way to hash version control repositories" in done.text


def append(folder: Path, text: str) -> None:
    with (folder / "pyproject.toml").open("a") as file:
        file.write(text)


def wheel_for(installer: str, folder: Path) -> str:
    """Return the lines that docs/engine-source.md gives for an installer, for this wheel."""
    page = (Path(__file__).parents[2] / "docs/engine-source.md").read_text()
    [lines] = re.findall(
        rf"^```toml\n(\[+tool\.{installer}\..*?)^```$", page, re.MULTILINE | re.DOTALL
    )
    [wheel] = (folder / "vendor").iterdir()
    return "\n" + re.sub(r"pytest_tpgen-\S+\.whl", wheel.name, lines)


@pytest.mark.parametrize("way", ["git", "wheel"])
def test_poetry_locks_it(way: str, installers: Path, request: pytest.FixtureRequest) -> None:
    folder: Path = request.getfixturevalue(f"from_{way}")
    append(folder, POETRY + (wheel_for("poetry", folder) if way == "wheel" else ""))
    in_folder(folder, installers / "poetry", "lock", "--quiet")
    text = (folder / "poetry.lock").read_text()
    [found] = re.findall(
        r'^\[\[package\]\]\nname = "pytest-tpgen"\n(?:.*\n)+?(?=\n\[\[)', text, re.MULTILINE
    )
    if way == "wheel":
        assert "sha256:" in found
    else:
        [commit] = re.findall(r"@([0-9a-f]{40})#", pin(folder))
        assert f'resolved_reference = "{commit}"' in found


def test_pdm_locks_a_wheel(installers: Path, from_wheel: Path) -> None:
    """From git it does so over HTTPS and SSH; it misreads the `file://` address of a test."""
    append(from_wheel, wheel_for("pdm", from_wheel))
    in_folder(from_wheel, installers / "pdm", "lock", "--quiet")
    [wheel] = (from_wheel / "vendor").iterdir()
    assert f'{{file = "{wheel.name}", hash = "sha256:' in (from_wheel / "pdm.lock").read_text()
