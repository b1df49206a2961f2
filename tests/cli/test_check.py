"""`tpgen check` reads whatever lies there, says what it could not read, and never breaks."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tpgen.check import engine, project, registry
from tpgen.check.project import Project
from tpgen.check.rule import FileRule, ProjectRule
from tpgen.core.finding import Finding
from tpgen.core.git import Git
from tpgen.report import json as as_json
from tpgen.report import text

from tests.checking import check, findings, git, repository, tpgen, write
from tests.conftest import ROOT

SLEEPS = "import time\n\n\ndef test_waits(job):\n    time.sleep(1)\n    assert job\n"
FOUND = "tests/test_job.py:5:5 TPG205"
CALL = b"import time\ntime.sleep(1)\n"
UNREADABLE = {
    "a syntax error": CALL + b"\ndef test_a(:\n",
    "null bytes": CALL + b"x = 1\0\n",
    "an encoding that is none": b"# -*- coding: nope -*-\n" + CALL,
    "no text": b"\xff\xfe\xff" + CALL + b"\x80",
    "too many brackets": CALL + b"(" * 10_000,
    "too deep an expression": CALL + b"x = " + b"-" * 100_000 + b"1\n",
    "half a character": CALL + b"x = '\xc3'\n",
}


@pytest.fixture(autouse=True)
def nothing_of_the_runner(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what GitHub and pre-commit set out of the tests."""
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_BASE_REF", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("content", ["def x(:\n", "x = 1\n".encode("utf-16")])
def test_a_broken_test_file_is_a_finding_whatever_it_holds(
    content: str | bytes, tmp_path: Path
) -> None:
    """Also if no rule looks at it, since no rule could find anything in it."""
    found = findings(tmp_path, {"tests/test_x.py": content})
    assert re.fullmatch(r"tests/test_x.py:\d+:1 TPG001", found[0])


@pytest.mark.parametrize("what", UNREADABLE)
def test_what_is_no_python_is_a_finding_and_the_rest_is_checked(what: str, tmp_path: Path) -> None:
    tree: dict[str, str | bytes] = {"tests/test_a.py": UNREADABLE[what]}
    found = findings(tmp_path, {**tree, "tests/test_job.py": SLEEPS}, select="TPG205")
    assert re.fullmatch(r"tests/test_a.py:\d+:1 TPG001", found[0])
    assert found[1:] == [FOUND]


def test_a_chain_that_is_deep_but_python_is_looked_at(tmp_path: Path) -> None:
    """Or said not to be: no rule breaks on it."""
    chain = "import time\nx = time" + ".sleep(1)" * 3_000 + "\n"
    here = repository(tmp_path, {"tests/test_a.py": chain, "tests/test_job.py": SLEEPS})
    found = check(here, "TPG2")
    assert all("broke here" not in one.message for one in found)
    assert FOUND.split(":")[0] in {one.path for one in found}


def test_of_a_very_large_file_the_beginning_is_looked_at(tmp_path: Path) -> None:
    """50 MB, and a note that says so, which fails nothing."""
    here = repository(tmp_path)
    with (tmp_path / "tests.json").open("wb") as file:
        file.truncate(50 * 1024 * 1024)
    write(tmp_path, {"tests/test_big.py": b"x = 1\n" * (9 * 1024 * 1024)})
    found = check(project.find(here.root, []), "TPG205,TPG001")
    assert [(one.path, one.level) for one in found] == [("tests/test_big.py", "note")]
    assert "only the first 5 MB were checked" in found[0].message
    said = tpgen(tmp_path, "check", "--select=TPG205,TPG403,TPG001")
    assert "left out: the rest of files over 5 MB: 2" in said.out


def test_a_very_large_file_of_python_is_not_called_broken(tmp_path: Path) -> None:
    """Half of it can't be parsed, though the whole can."""
    repository(tmp_path, {"tests/test_big.py": SLEEPS + f'x = """{"a" * 6_000_000}"""\n'})
    said = tpgen(tmp_path, "check", "--select=TPG205")
    assert said.out.splitlines() == [
        "tests/test_big.py:1:1: TPG001 note: only the first 5 MB were checked",
        "0 errors, 0 warnings, 1 note; 1 file checked; left out: the rest of files over 5 MB: 1",
    ]


def links(root: Path) -> dict[str, str]:
    """Odd things that lie in `tests`, each with what is said of it."""
    (root / "outside.py").write_text(SLEEPS)
    (root / "here/tests").mkdir(parents=True)
    tests = root / "here/tests"
    (tests / "test_loop.py").symlink_to("test_loop.py")
    (tests / "test_gone.py").symlink_to("nowhere.py")
    (tests / "test_out.py").symlink_to(root / "outside.py")
    (tests / "test_round").symlink_to(".")
    (tests / "test_folder.py").mkdir()
    os.mkfifo(tests / "test_pipe.py")
    (tests / "test_job.py").write_text(SLEEPS)
    broken = "broken symbolic link"
    return {
        "test_loop.py": broken,
        "test_gone.py": broken,
        "test_pipe.py": "it can't be read (it is not a regular file)",
    }


@pytest.mark.parametrize("in_git", [True, False])
def test_links_and_pipes(in_git: bool, tmp_path: Path) -> None:
    """What a link leads to is not looked at, neither outside nor in a circle; a pipe isn't read."""
    said = links(tmp_path)
    root = tmp_path / "here"
    if in_git:
        said.pop("test_pipe.py")  # git lists none
        repository(root)
    else:
        write(root, {"pyproject.toml": ""})
    found = check(project.find(root, []), "TPG205")
    notes = {one.path.removeprefix("tests/"): one.message for one in found if one.level == "note"}
    assert notes == {name: f"{text}: it was not checked" for name, text in said.items()}
    assert [one.path for one in found if one.code == "TPG205"] == ["tests/test_job.py"]


def test_a_rule_that_reads_a_pipe_by_itself_does_not_wait(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert Project(tmp_path).file("pipe") is None
    assert Project(tmp_path).file(".") is None


def test_a_file_that_the_disk_does_not_give(tmp_path: Path) -> None:
    """Here one of the kernel's, which lies there like any other."""
    if not Path("/proc/self/mem").exists():
        pytest.skip("there is no /proc here")
    here = Project(Path("/proc/self"), frozenset(["mem"]))
    assert [(one.path, one.level) for one in check(here, "TPG403")] == [("mem", "note")]


def test_a_file_that_is_a_folder_now(tmp_path: Path) -> None:
    """Of one that is in the index, what lies there instead is looked at."""
    here = repository(tmp_path, {"tests/test_a.py": SLEEPS})
    (tmp_path / "tests/test_a.py").unlink()
    write(tmp_path, {"tests/test_a.py/test_job.py": SLEEPS})
    assert [one.path for one in check(here, "TPG205")] == ["tests/test_a.py/test_job.py"]


def test_a_rule_of_the_project_that_parses_what_is_none(tmp_path: Path) -> None:
    """A finding at that file; the other rules go on."""

    def reads(here: Project) -> Iterator[Finding]:
        file = here.file("tests/helper.py")
        assert file
        yield file.finding(file.tree, "never")

    rule = ProjectRule(
        code="TPG302",
        name="a-reader",
        section="",
        why="",
        fix="",
        bad={},
        good={},
        check=reads,
    )
    here = repository(tmp_path, {"tests/helper.py": "x = (\n", "tests/test_job.py": SLEEPS})
    found = engine.run(here, [rule, *registry.selected(["TPG205"], [])]).findings
    assert [(one.path, one.code) for one in found] == [
        ("tests/helper.py", "TPG001"),
        ("tests/test_job.py", "TPG205"),
    ]


def test_a_file_that_went_after_it_was_listed(tmp_path: Path) -> None:
    here = repository(tmp_path, {"tests/test_a.py": SLEEPS, "tests/test_job.py": SLEEPS})
    assert "tests/test_a.py" in here.files
    (tmp_path / "tests/test_a.py").unlink()
    assert [one.path for one in check(here, "TPG205")] == ["tests/test_job.py"]
    asked = project.find(tmp_path, ["tests/test_job.py"])
    (tmp_path / "tests/test_job.py").unlink()
    assert [(one.level, one.line) for one in check(asked)] == [("note", 1)]


def test_files_that_go_while_they_are_read(tmp_path: Path) -> None:
    """Another process removes them one after the other."""
    tree = {f"tests/test_{number}.py": SLEEPS for number in range(250)}
    here = repository(tmp_path, tree)
    with subprocess.Popen(["rm", "-rf", str(tmp_path / "tests")]) as other:
        found = check(here, "TPG205")
    assert other.returncode == 0
    assert {one.code for one in found} <= {"TPG205"}


NAMES = [
    "test_new\nline.py",
    "test_sp ace.py",
    "test_quo'te\".py",
    "test_per%cent,comma:colon.py",
    os.fsdecode(b"test_no\xffutf8.py"),
    "test_\033[31mred.py",
    "test_é日.py",
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("form", ["text", "json", "sarif", "github"])
def test_names_of_files(form: str, name: str, tmp_path: Path) -> None:
    """Each finding stays on its line, in each format, and no name moves a terminal's cursor."""
    repository(tmp_path, {f"tests/{name}": SLEEPS})
    said = tpgen(tmp_path, "check", "--format", form, "--select", "TPG205")
    assert said.code == 1, said.err
    if form in ("text", "github"):
        assert len(said.out.split("\n")) == (4 if form == "text" else 3)
    if form == "text":
        assert "\033" not in said.out


def without_git(root: Path) -> Path:
    write(root, {"tests/test_job.py": SLEEPS, ".venv/lib/test_b.py": SLEEPS})
    return root


def without_commits(root: Path) -> Path:
    write(
        root, {"tests/test_job.py": SLEEPS, ".gitignore": "ignored/", "ignored/test_b.py": SLEEPS}
    )
    git(root, "init", "--quiet")
    return root


def a_worktree(root: Path) -> Path:
    repository(root / "first", before={"tests/test_job.py": SLEEPS})
    git(root / "first", "worktree", "add", "--quiet", str(root / "second"))
    return root / "second"


def a_submodule(root: Path) -> Path:
    """Seen from around it: what it holds is another project's."""
    repository(root / "inner", before={"tests/test_b.py": SLEEPS})
    repository(root / "outer", {"tests/test_job.py": SLEEPS})
    allowed = ["-c", "protocol.file.allow=always"]
    git(root / "outer", *allowed, "submodule", "--quiet", "add", str(root / "inner"), "tests/inner")
    return root / "outer"


def a_bare_one(root: Path) -> Path:
    git(root, "init", "--quiet", "--bare")
    return without_git(root)


PLACES = [without_git, without_commits, a_worktree, a_submodule, a_bare_one]


@pytest.mark.parametrize("place", PLACES)
def test_with_and_without_git(place: Callable[[Path], Path], tmp_path: Path) -> None:
    """The project's own files are looked at, and no others."""
    root = place(tmp_path)
    said = tpgen(root, "check", "--select", "TPG2")
    assert (said.code, said.err) == (1, "")
    assert re.findall(r"^[\w/]+", said.out, re.MULTILINE)[:-1] == ["tests/test_job"]


def test_all_rules_in_a_repository_without_commits(tmp_path: Path) -> None:
    said = tpgen(without_commits(tmp_path), "check")
    assert "broke here" not in said.out + said.err
    assert said.code == 1


def test_without_the_command_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository(tmp_path, {"tests/test_job.py": SLEEPS})
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    assert tpgen(tmp_path, "check").code == 1


def test_a_repository_of_somebody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Git says what to do; nothing is checked as if there were no git."""
    repository(tmp_path, {"tests/test_job.py": SLEEPS})
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    said = tpgen(tmp_path, "check")
    assert (said.code, "safe.directory" in said.err) == (2, True), said.err


@pytest.mark.parametrize(
    "paths",
    [["tests"], ["tests/test_job.py", "./tests/test_job.py", "tests"], ["."], ["tests/../tests"]],
)
def test_paths(paths: list[str], tmp_path: Path) -> None:
    """However they are typed, and however often, a file is looked at once."""
    repository(tmp_path, {"tests/test_job.py": SLEEPS, "more/test_b.py": "def test_b(): assert 1"})
    said = tpgen(tmp_path, "check", "--select=TPG205", *paths)
    assert said.out.splitlines()[0].startswith("tests/test_job.py:5:5: TPG205 ")
    assert said.out.splitlines()[-1].startswith("1 error, 0 warnings, 0 notes; ")


def test_an_absolute_path_by_way_of_a_link(tmp_path: Path) -> None:
    repository(tmp_path / "here", {"tests/test_job.py": SLEEPS})
    (tmp_path / "link").symlink_to("here")
    for folder in ("here", "link"):
        typed = str(tmp_path / folder / "tests/test_job.py")
        assert tpgen(tmp_path / "here", "check", "--select=TPG205", typed).code == 1


@pytest.mark.parametrize(("typed", "reason"), [("nope", "does not exist"), ("../x", "is not in")])
def test_a_path_that_is_none(typed: str, reason: str, tmp_path: Path) -> None:
    repository(tmp_path / "here", {"tests/test_job.py": SLEEPS})
    (tmp_path / "x").touch()
    said = tpgen(tmp_path / "here", "check", typed)
    assert (said.code, said.out) == (2, "")
    assert reason in said.err


def test_a_place_is_told_from_where_one_is(tmp_path: Path) -> None:
    """So that a terminal opens it; programs get the path from the top."""
    repository(tmp_path, {"src/tests/test_job.py": SLEEPS, "src/deep/x.txt": ""})
    for folder, place in {"src": "tests/", "src/deep": "../tests/", "src/tests": ""}.items():
        said = tpgen(tmp_path / folder, "check", "--select=TPG205")
        assert said.out.startswith(f"{place}test_job.py:5:5: ")
    said = tpgen(tmp_path / "src", "check", "--select=TPG205", "--format=github")
    assert said.out.startswith("::error file=src/tests/test_job.py,")


def test_a_service_below_the_top_is_placed_for_github_from_the_top(tmp_path: Path) -> None:
    repository(
        tmp_path, {"a/tests/policy/policy.toml": "", "a/tests/unit/test_job.py": SLEEPS, "b": ""}
    )
    said = tpgen(tmp_path / "a", "check", "--select=TPG205", "--format=github")
    assert said.out.startswith("::error file=a/tests/unit/test_job.py,")
    said = tpgen(tmp_path / "a", "check", "--select=TPG205", "--format=json")
    assert '"path": "tests/unit/test_job.py"' in said.out


def test_a_submodule_is_another_project(tmp_path: Path) -> None:
    """It is counted, and a path in it is refused: it has a policy and settings of its own."""
    root = a_submodule(tmp_path)
    assert "left out: other Git repositories: 1" in tpgen(root, "check", "--select=TPG205").out
    for typed in ("tests/inner", "tests/inner/tests", "tests/inner/tests/test_b.py"):
        said = tpgen(root, "check", typed)
        assert (said.code, said.out) == (2, "")
        assert "belongs to another Git repository: `cd tests/inner`" in said.err
    assert tpgen(root / "tests/inner", "check", "--select=TPG205").code == 1


def test_a_submodule_that_is_not_checked_out(tmp_path: Path) -> None:
    """Its folder is empty, as after a clone."""
    git(tmp_path, "clone", "--quiet", str(a_submodule(tmp_path)), "clone")
    git(tmp_path / "outer", "commit", "--quiet", "-m", "a submodule")
    git(tmp_path, "clone", "--quiet", str(tmp_path / "outer"), "second")
    said = tpgen(tmp_path / "second", "check", "tests/inner")
    assert (said.code, "another Git repository" in said.err) == (2, True)


def test_what_a_sparse_checkout_leaves_out_is_counted(tmp_path: Path) -> None:
    repository(tmp_path, before={"a/tests/test_a.py": SLEEPS, "b/tests/test_b.py": SLEEPS})
    git(tmp_path, "sparse-checkout", "set", "a")
    said = tpgen(tmp_path, "check", "--select=TPG205")
    assert [line.split(":")[0] for line in said.out.splitlines()[:-2]] == ["a/tests/test_a.py"]
    assert said.out.endswith("1 file checked; left out: files outside the sparse checkout: 1\n")
    write(tmp_path, {"b/tests/test_b.py": SLEEPS})
    assert "2 errors" in tpgen(tmp_path, "check", "--select=TPG205").out


def test_a_repository_in_the_folder_is_counted(tmp_path: Path) -> None:
    repository(tmp_path, {"tests/test_job.py": SLEEPS})
    repository(tmp_path / "clone", {"tests/test_b.py": SLEEPS})
    said = tpgen(tmp_path, "check", "--select=TPG205")
    assert said.out.endswith("1 file checked; left out: other Git repositories: 1\n")


BROKEN_POLICY = {
    "tests/policy/suites/step.py": "class StepSuite:\n    def test_a(self:\n",
    "tests/policy/policy.toml": "[slow\nseconds = 1.0\n",
    "tests/policy/README.md": f"one\n{'<' * 7} HEAD\n",
    "tests/policy/skeletons/step.py.j2": f"one\n{'>' * 7} theirs\n",
}


@pytest.mark.parametrize("path", BROKEN_POLICY)
def test_a_broken_file_of_the_policy_is_an_error(path: str, tmp_path: Path) -> None:
    """Conflict markers, and what can't be parsed, though no other rule looks at the policy."""
    here = repository(tmp_path, {path: BROKEN_POLICY[path], "tests/test_a.py": ""})
    found = check(here, "TPG001")
    assert [(one.path, one.code, one.level) for one in found] == [(path, "TPG001", "error")]


def test_what_may_well_be_right_is_a_warning(tmp_path: Path) -> None:
    """It is shown, in each format, and fails nothing."""
    here = repository(tmp_path, {"tests/test_a.py": SLEEPS})
    (sleeps,) = registry.selected(["TPG205"], ["TPG0"])
    assert isinstance(sleeps, FileRule)
    doubtful = replace(sleeps, check=lambda file: [file.finding(1, "perhaps", confidence="low")])
    result = engine.run(here, [doubtful])
    assert [(one.level, one.confidence) for one in result.findings] == [("warning", "low")]
    assert text.render(result).splitlines()[0].endswith("TPG205 warning: perhaps")
    assert '"confidence": "low"' in as_json.render(result)


def test_words_that_name_rules() -> None:
    """Codes in any case, their beginnings, names; and what is left out."""
    every = set(registry.all_rules())
    engines = {code for code in every if code.startswith("TPG0")}

    def codes(select: list[str], ignore: list[str]) -> set[str]:
        return {rule.code for rule in registry.selected(select, ignore)}

    assert codes([], []) == every
    assert codes(["tpg205"], []) == codes(["sleep-in-test"], []) == engines | {"TPG205"}
    assert codes(["TPG"], ["TPG2"]) == {code for code in every if not code.startswith("TPG2")}


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["check", "--select", "sleep-in-tests"], "is it sleep-in-test?"),
        (["check", "--ignore", "TPG2005"], "is it TPG2"),
        (["check", "--select", "TPG9"], "no rule begins with TPG9"),
        (["check", "--select", ","], "--select names no rule"),
        (["check", "--ignore", "TPG"], "no rule is left to run"),
        (["explain", "slep-in-test"], "is it sleep-in-test?"),
        (["check", "--base", "nope"], "there is no revision nope"),
    ],
)
def test_words_that_name_none(arguments: list[str], hint: str, tmp_path: Path) -> None:
    repository(tmp_path, before={"tests/test_job.py": SLEEPS})
    said = tpgen(tmp_path, *arguments)
    assert (said.code, said.out, hint in said.err) == (2, "", True), said.err


def test_what_a_person_excludes_is_not_looked_at(tmp_path: Path) -> None:
    """And the summary says how many files, by what, and why."""
    settings = '[[tool.tpgen.exclude]]\npath = "vendored/**"\nreason = "copied from a library"\n'
    tree = {"vendored/tests/test_job.py": SLEEPS, "pyproject.toml": settings}
    repository(tmp_path, tree)
    left_out = "left out: vendored/** (copied from a library): 1"
    for paths in ([], ["vendored"], ["vendored/tests/test_job.py"]):
        said = tpgen(tmp_path, "check", *paths)
        checked = "0 files" if paths else "1 file"
        assert said.out == f"no findings; {checked} checked; {left_out}\n"


def test_an_index_that_git_cannot_read(tmp_path: Path) -> None:
    repository(tmp_path, {"tests/test_job.py": SLEEPS})
    (tmp_path / ".git/index").write_text("no index")
    said = tpgen(tmp_path, "check")
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith(f"tpgen: git can't list the files of {tmp_path}; git says: ")


def test_git_of_a_folder_in_a_bare_repository(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "--bare")
    assert Git.at(tmp_path) is None


def completed(folder: Path, line: str) -> set[str]:
    """What argcomplete offers for a line, as a shell asks it."""
    answer = folder / "answer"
    variables = {
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(answer),
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
        "_ARGCOMPLETE_IFS": "\n",
    }
    command = [sys.executable, "-m", "tpgen"]
    subprocess.run(command, cwd=folder, env={**os.environ, **variables}, check=False)
    return {word.strip() for word in answer.read_text().split("\n")}


def test_a_shell_completes_rules(tmp_path: Path) -> None:
    """By code and by name, also behind a comma; and files as ever."""
    assert "sleep-in-test" in completed(tmp_path, "tpgen explain sl")
    assert "TPG205" in completed(tmp_path, "tpgen check --select TPG2")
    assert "TPG1,TPG205" in completed(tmp_path, "tpgen check --ignore TPG1,TPG2")


def test_this_project_keeps_the_policy() -> None:
    said = tpgen(ROOT, "check")
    assert said.code == 0, said.out
