"""`make release`: version, changelog, tag and policy page agree, or it refuses."""

import re
import shutil
import sys
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import copier
import pytest
import yaml
from maintainer import policy_page, release, wheel
from maintainer.policy_page import Page, Policy
from maintainer.versions import CHANGELOG, LOCK, NUMBERS, PAGE, PLACES, PROJECT, RELEASED
from tpgen.core.errors import UserError
from tpgen.core.git import Git
from tpgen.update.answers import Answers
from tpgen.update.template import Template

from tests.conftest import ROOT
from tests.hooks import Repository, once, template

# A third of a second each.
FEW = release.COMBINATIONS[:1]
CHANGES = "# Changelog\n\n## Unreleased\n\n- News.\n\n## 0.1.0 (2026-11-27)\n\n- All.\n"
RELEASED_CHANGES = """\
# Changelog

## Unreleased

## 0.2.0 ({})

- News.

## 0.1.0 (2026-11-27)

- All.
"""
ROUTES = "tests/policy/suites/route.py"
FIRST = "    async def test_401_without_a_key"
CASE = f"    async def test_429_over_the_limit(self) -> None:\n        pass\n\n{FIRST}"
Change = Callable[[Repository], object]


def make(path: Path) -> None:
    """A repository of the template as it is now: 0.1.0 is released, and something is to be."""
    made = template(path, "v0.1.0")
    for name in dict(PLACES):
        made.write({name: (ROOT / name).read_text()})
    for name, pattern in PLACES:
        text = re.sub(pattern, r"\g<1>0.1.0\g<3>", (path / name).read_text())
        made.write({name: re.sub('engine: ".*"', 'engine: ">=0.1,<1"', text)})
    shutil.copy(ROOT / ".gitignore", path)
    made.git("config", "user.name", "A Person")
    made.git("config", "user.email", "person@example.com")
    assert made.commit({CHANGELOG: CHANGES}).code == 0


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return once(tmp_path_factory, "to-release", make)


@pytest.fixture
def source(prepared: Path, tmp_path: Path) -> Repository:
    """Such a repository, of this test's own."""
    shutil.copytree(prepared, tmp_path / "tpgen", symlinks=True)
    return Repository(tmp_path / "tpgen")


@pytest.fixture(scope="session")
def made(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A service with all parts, as the template renders it."""

    def render(path: Path) -> None:
        known = Answers(str(prepared), "HEAD", release.PARTS)
        Template(str(prepared), Git(prepared)).render("HEAD", known, path)

    return once(tmp_path_factory, "released-policy", render)


@dataclass(frozen=True)
class Service:
    """A service whose policy a test may change, and the policy that it had."""

    path: Path
    before: Policy

    def replace(self, name: str, old: str, new: str) -> None:
        text = (self.path / name).read_text()
        assert old in text
        (self.path / name).write_text(text.replace(old, new, 1))

    @property
    def overnight(self) -> list[str]:
        return policy_page.overnight(self.before, policy_page.read(self.path))


@pytest.fixture
def service(made: Path, tmp_path: Path) -> Service:
    shutil.copytree(made / "tests/policy", tmp_path / "service/tests/policy")
    return Service(tmp_path / "service", policy_page.read(made))


def state(source: Repository) -> str:
    """All that a release may write."""
    return source.git("for-each-ref") + source.git("status", "--porcelain", "--branch")


def refused(
    source: Repository,
    version: str = "0.2.0",
    combinations: Sequence[Mapping[str, bool]] = FEW,
) -> str:
    """Return why a release is refused, which leaves no trace."""
    before = state(source)
    with pytest.raises(UserError) as error:
        release.release(source.path, version, combinations)
    assert state(source) == before
    return str(error.value)


def nothing(source: Repository) -> None:
    """Leave it as it is."""


def replacing(name: str, old: str, new: str) -> Change:
    """What replaces a text once, and commits that."""

    def change(source: Repository) -> None:
        text = (source.path / name).read_text()
        assert old in text
        assert source.commit({name: text.replace(old, new, 1)}).code == 0

    return change


def without(name: str) -> Change:
    """What removes a file, and commits that."""

    def change(source: Repository) -> None:
        (source.path / name).unlink()
        assert source.commit({}).code == 0

    return change


REFUSED: dict[str, tuple[Change, str, str]] = {
    "a v": (nothing, "v0.2.0", "'v0.2.0' is not a version to release: write it like 0.2.0"),
    "local": (nothing, "0.2.0+local", "is not a version to release"),
    "spelling": (nothing, "0.2.0-rc1", "is not a version to release"),
    "development": (nothing, "0.2.0.dev0", "is not a version to release"),
    "afterwards": (nothing, "0.2.0.post1", "is not a version to release"),
    "no version": (nothing, "", "is not a version to release"),
    "tree": (lambda one: one.write({"new.txt": ""}), "0.2.0", "not committed: new.txt; commit"),
    "branch": (lambda one: one.git("switch", "-c", "work"), "0.2.0", "this is the branch work"),
    "no branch": (lambda one: one.git("switch", "--detach"), "0.2.0", "a detached HEAD"),
    "the last": (nothing, "0.1.0", "the tag v0.1.0 exists already"),
    "older": (nothing, "0.0.9", "0.0.9 is older than v0.1.0, the newest tag"),
    "tagged": (lambda one: one.git("tag", "v0.2.0"), "0.2.0", "the tag v0.2.0 exists already"),
    "pre-release": (lambda one: one.git("tag", "v1.0.0rc1"), "0.2.0", "older than v1.0.0rc1"),
    "project": (replacing(PROJECT, '"0.1.0"', '"0.3.0"'), "0.2.0", "older than 0.3.0, which py"),
    "no tag": (lambda one: one.git("tag", "--delete", "v0.1.0"), "0.2.0", "`git fetch --tags`"),
    "no section": (replacing(CHANGELOG, "## Unreleased", "## Soon"), "0.2.0", "## Unreleased`"),
    "no line": (replacing(CHANGELOG, "- News.\n", ""), "0.2.0", "no line below `## Unreleased`"),
    "no news": (replacing(CHANGELOG, "- News.", "### Fixed"), "0.2.0", "no line below `## Unre"),
    "page": (
        replacing(PAGE, "Version 0.1.0.", "0.1.0"),
        "0.2.0",
        "docs/policy.md must state the version once",
    ),
    "lock": (
        replacing(LOCK, 'name = "tpgen"', 'name = "x"'),
        "0.2.0",
        "uv.lock must state the version once",
    ),
    "locked engine": (
        replacing(LOCK, 'name = "pytest-tpgen"\nversion', 'name = "x"\nversion'),
        "0.2.0",
        "uv.lock must state the version once",
    ),
    "engine": (
        replacing(NUMBERS, '">=0.1,<1"', '">=0.1,<0.2"'),
        "0.2.0",
        'questions/policy.yml states `engine: ">=0.1,<0.2"`, which does not admit 0.2.0',
    ),
    "no page": (without(PAGE), "0.2.0", "docs/policy.md can't be read"),
    "another type": (
        replacing("questions/parts.yml", "vault:\n  type: bool", "vault:\n  type: str"),
        "0.2.0",
        "vault: was of the type bool and is str",
    ),
    "a question less": (
        replacing("questions/service.yml", "description:", "summary:"),
        "0.2.0",
        "description: is gone",
    ),
    "a suite with a syntax error": (
        replacing(
            "template/service/tests/policy/suites/schema.py", "import pytest\n", "import (\n"
        ),
        "0.2.0",
        "tests/policy/suites/schema.py",
    ),
    "a skeleton of one combination": (
        replacing(
            "template/service/Makefile.jinja",
            "\n",
            "\n{% if not vault and not pipeline %}{{ nothing_of_that_name }}{% endif %}\n",
        ),
        "0.2.0",
        "a service with pipeline=false, vault=false, frontend=true can't be made",
    ),
    "template": (
        replacing("copier.yml", "_answers_file:", "_answers_file"),
        "0.2.0",
        "a service of HEAD has no policy: Copier can't render the template",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refuses(source: Repository, name: str) -> None:
    change, version, said = REFUSED[name]
    change(source)
    assert said in refused(source, version, release.COMBINATIONS if "combination" in name else FEW)


def test_a_folder_that_is_no_clone(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a clone of the template"):
        release.release(tmp_path, "0.2.0")


def test_the_version_stands_everywhere(source: Repository, tmp_path: Path) -> None:
    """In each file, in the wheel, in the tag, and in the services that Copier makes."""
    locked = (source.path / LOCK).read_text()

    said = release.release(source.path, "0.2.0", FEW)

    assert said.endswith("next: git push --atomic origin main v0.2.0")
    assert source.git("status", "--porcelain") == ""
    assert source.git("log", "-1", "--format=%s") == "Release 0.2.0"
    changed = source.git("diff", "--name-only", "HEAD~1").splitlines()
    built = f"{wheel.FOLDER}/pytest_tpgen-0.2.0-py3-none-any.whl"
    assert set(changed) >= {CHANGELOG, *dict(PLACES), built}
    assert [path.name for path in (source.path / wheel.FOLDER).iterdir()] == [Path(built).name]
    assert source.git("cat-file", "-t", "v0.2.0") == "tag"
    assert source.git("rev-parse", "v0.2.0^{commit}") == source.git("rev-parse", "main")
    assert versions(source.path) == {"0.2.0"}
    assert (source.path / CHANGELOG).read_text() == RELEASED_CHANGES.format(date.today())
    # uv itself takes the lock for right, and would write the same.
    assert source.run("uv", "lock", "--check", "--offline").code == 0
    assert (source.path / LOCK).read_text() != locked

    copier.run_copy(f"git+file://{source.path}", tmp_path / "service", defaults=True, quiet=True)
    answers = yaml.safe_load((tmp_path / "service/.copier-answers.yml").read_text())
    assert answers["_commit"] == "v0.2.0"


@pytest.mark.parametrize(
    ("hook", "script"),
    [
        ("pre-commit", "echo no release on Fridays >&2; exit 1"),
        # The commit passes, the tag does not.
        ("reference-transaction", "if grep refs/tags/v0.1.0 >&2; then exit 1; fi"),
    ],
)
def test_a_hook_refuses(source: Repository, hook: str, script: str) -> None:
    """All is as before."""
    make_first(source)
    path = source.path / ".git/hooks" / hook
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    said = refused(source, "0.1.0")
    assert said.startswith("the release failed, and was taken back: ")
    assert "Fridays" in said or "refs/tags/v0.1.0" in said


def test_the_first_release_has_nothing_to_compare_with(source: Repository) -> None:
    """Also where its version stands in `pyproject.toml` already."""
    make_first(source)
    assert "released 0.1.0" in release.release(source.path, "0.1.0", FEW)


def make_first(source: Repository) -> None:
    source.git("tag", "--delete", "v0.1.0")
    replacing(CHANGELOG, "## 0.1.0 (2026-11-27)", "")(source)


def test_a_changed_number_is_said_on_the_page(source: Repository) -> None:
    """The new sentence is wanted first, then the old one is not."""
    replacing(NUMBERS, "new_code: 85", "new_code: 90")(source)
    new = "New code in a pull request is covered to 90 %, file by file."
    said = refused(source)
    assert said.startswith("docs/policy.md lacks what the policy requires")
    assert said.splitlines()[2:] == [new]

    replacing(PAGE, "## Coverage", f"## Coverage\n\n{new}")(source)
    said = refused(source)
    assert said.startswith("docs/policy.md says what was right at v0.1.0 and is not any more")
    assert said.splitlines()[2:] == [new.replace("90", "85")]


def test_a_new_case_without_a_day(source: Repository) -> None:
    replacing(f"template/service/{ROUTES}", FIRST, CASE)(source)
    title = "For an API route:"
    assert refused(source).splitlines()[2:] == [title, "- 429 over the limit"]
    replacing(PAGE, f"{title}\n", f"{title}\n\n- 429 over the limit: slow down\n")(source)
    said = refused(source)
    assert said.startswith("these cases would fail in services too soon")
    assert "RouteSuite.test_429_over_the_limit in tests/policy/suites/route.py, without a" in said


def test_a_new_case_that_is_announced(source: Repository) -> None:
    """The changelog may say that a case is required at once."""
    replacing(f"template/service/{ROUTES}", FIRST, CASE)(source)
    title = "For an API route:"
    replacing(PAGE, f"{title}\n", f"{title}\n\n- 429 over the limit: slow down\n")(source)
    assert "name its test in backticks below a line `Required at once:`" in refused(source)
    news = "- News.\n\nRequired at once:\n\n- `test_429_over_the_limit`: slow down\n"
    replacing(CHANGELOG, "- News.\n", news)(source)
    assert "released 0.2.0" in release.release(source.path, "0.2.0", FEW)


@pytest.mark.parametrize("name", ["test_429_over_the_limit", "RouteSuite.test_429_over_the_limit"])
def test_a_case_is_announced_by_its_name(service: Service, name: str) -> None:
    service.replace(ROUTES, FIRST, CASE)
    now = policy_page.read(service.path)
    assert policy_page.overnight(service.before, now, {name}) == []
    assert policy_page.overnight(service.before, now, {f"Other.{name}"}) != []


def test_the_command_is_that_of_the_docs(source: Repository) -> None:
    shutil.copy(ROOT / "Makefile", source.path)
    assert "make release VERSION=0.2.0" in (ROOT / "docs/release.md").read_text()
    said = source.run("make", "--dry-run", "release", "VERSION=0.2.0").text
    assert "run --frozen python -m maintainer.release 0.2.0\n" in said


def test_it_runs_as_a_module(source: Repository) -> None:
    """On the repository that it lies in."""
    extensions = str(source.path / "extensions")
    done = source.run(sys.executable, "-m", "maintainer.release", "0.1.0", PYTHONPATH=extensions)
    assert done.code == 2
    assert done.text == "release: the tag v0.1.0 exists already: release a later version\n"


@pytest.mark.parametrize("ahead", [None, 13, 14, 40])
def test_a_new_case_is_given_two_weeks(service: Service, ahead: int | None) -> None:
    service.replace(ROUTES, FIRST, marked(ahead) + CASE)
    said = ["RouteSuite", "IdempotentRouteSuite"] if ahead in (None, 13) else []
    assert [line.partition(".")[0] for line in service.overnight] == said[:1]


def test_a_mark_without_a_day_is_none(service: Service) -> None:
    service.replace(ROUTES, FIRST, '    @pytest.mark.required_from("soon")\n' + CASE)
    assert len(service.overnight) == 1


def test_a_case_that_comes_by_a_new_base(service: Service) -> None:
    """A class between two suites brings its cases to those who inherit from the second."""
    between = f"class Limits(PublicRouteSuite):\n{CASE.removesuffix(FIRST)}\n\n"
    service.replace(
        ROUTES, "class RouteSuite(PublicRouteSuite)", between + "class RouteSuite(Limits)"
    )
    assert [line.partition(" ")[0] for line in service.overnight] == [
        "Limits.test_429_over_the_limit"
    ]


@pytest.mark.parametrize(("old", "new", "hit"), [(9, None, 1), (9, 5, 1), (5, 9, 0), (-9, None, 0)])
def test_a_promised_day_is_kept(service: Service, old: int, new: int | None, hit: int) -> None:
    service.replace(ROUTES, FIRST, marked(old) + CASE)
    promised = Service(service.path, policy_page.read(service.path))
    service.replace(ROUTES, marked(old) + CASE, marked(new) + CASE)
    assert len(promised.overnight) == hit


KIND = """

[kinds.job]
help = "a background job"
sources = ["jobs/{name}.py"]

[[kinds.job.tests]]
path = "tests/unit/jobs/test_{name}.py"
skeleton = "job.py.j2"
suites = ["job.JobSuite"]
"""


@pytest.mark.parametrize(
    ("suite", "said"),
    [
        ("class JobSuite:\n    def test_runs(self): ...\n", ["JobSuite.test_runs"]),
        ("@MARK\nclass JobSuite:\n    def test_runs(self): ...\n", []),
        ("class JobSuite:\n    @MARK\n    def test_runs(self): ...\n", []),
    ],
)
def test_a_new_kind_is_given_two_weeks(service: Service, suite: str, said: list[str]) -> None:
    new_kind(service, suite)
    assert [line.partition(" ")[0] for line in service.overnight] == said


def test_a_new_kind_without_a_case_of_its_own(service: Service) -> None:
    new_kind(service, "@MARK\nclass JobSuite: ...\n")
    with pytest.raises(UserError, match="the suite JobSuite, new for a background job, states no"):
        assert service.overnight


def test_another_name_of_a_kind_hits_nobody(service: Service) -> None:
    file = service.path / "tests/policy/policy.toml"
    file.write_text(file.read_text().replace("kinds.vault", "kinds.store"))
    assert service.overnight == []


def new_kind(service: Service, suite: str) -> None:
    with (service.path / "tests/policy/policy.toml").open("a") as file:
        file.write(KIND)
    skeleton = service.path / "tests/policy/skeletons/job.py.j2"
    skeleton.write_text("class Test{{ component.class_name }}(JobSuite):\n    pass\n")
    mark = marked(14).strip().removeprefix("@")
    text = "import pytest\n\n\n" + suite.replace("MARK", mark)
    (service.path / "tests/policy/suites/job.py").write_text(text)


def test_this_repository_agrees(made: Path) -> None:
    """The page says all of the policy as it is here, and all say the same version."""
    assert Page((ROOT / PAGE).read_text()).missing(policy_page.read(made)) == []
    assert len(versions(ROOT)) == 1


def test_the_policy_can_be_read_in_one_sitting(made: Path) -> None:
    files = [path for path in (made / "tests/policy").rglob("*") if path.is_file()]
    assert sum(len(path.read_text().splitlines()) for path in files) <= 1_200


def test_the_wheel_is_that_of_the_sources(tmp_path: Path) -> None:
    """Else services that take the wheel would run another engine than the others."""
    for folder in (wheel.ENGINE, wheel.FOLDER):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    [held] = (ROOT / wheel.FOLDER).glob("*.whl")
    assert contents(wheel.build(tmp_path)) == contents(held), "run `make wheel`"


def contents(archive: Path) -> dict[str, bytes]:
    """The files of a wheel, without what another release of hatchling writes."""
    with zipfile.ZipFile(archive) as opened:
        names = [name for name in opened.namelist() if not name.endswith(("/WHEEL", "/RECORD"))]
        read = {name: opened.read(name) for name in names}
    version = re.compile(rb"^Metadata-Version: .*\n")
    return {name: version.sub(b"", content, count=1) for name, content in read.items()}


def test_the_same_sources_give_the_same_wheel(source: Repository) -> None:
    first = wheel.build(source.path)
    before = first.read_bytes()
    assert wheel.build(source.path).read_bytes() == before
    replacing(f"{wheel.ENGINE}/pytest_tpgen/slow.py", "import", "import  ")(source)
    assert wheel.build(source.path).read_bytes() != before


def versions(folder: Path) -> set[str]:
    """The versions that the files of a repository state."""
    last = RELEASED.search((folder / CHANGELOG).read_text())
    found = [re.findall(pattern, (folder / path).read_text()) for path, pattern in PLACES]
    return {last[1] if last else "", *(version for places in found for _, version, _ in places)}


def marked(ahead: int | None) -> str:
    """The mark of a case that is required so many days from now."""
    if ahead is None:
        return ""
    return f'    @pytest.mark.required_from("{date.today() + timedelta(days=ahead)}")\n'
