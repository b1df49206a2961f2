"""A changed policy reaches a service: by `tpgen update`, and by the `copier update` of bots."""

import json
import re
from datetime import date, timedelta
from pathlib import Path

import pytest
import yaml

from tests.hooks import once, renew
from tests.processes import Outcome
from tests.rendering import Service
from tests.updating import Pair, at, copy, made, releases, tree

LATER = date.today() + timedelta(days=30)
NUMBERS = "questions/policy.yml"
POLICY = "template/service/tests/policy/"
CASE = f'''
    @pytest.mark.required_from("{LATER}")
    async def test_answers_are_not_cached(
        self,
        client: httpx.AsyncClient,
        url: str,
        key: dict[str, str],
        valid_request: Mapping[str, Any],
    ) -> None:
        response = await self.send(client, url, key, **valid_request)
        assert response.headers.get("cache-control") == "no-store"

    async def test_422_on_a_malformed_request('''
KIND = """
[kinds.job]
help = "a background job"
sources = ["jobs/{name}.py"]
methods = ["run"]

[[kinds.job.tests]]
path = "tests/unit/jobs/test_{name}.py"
skeleton = "job.py.j2"
suites = ["job.JobSuite"]
"""
JOB_SUITE = f'''"""Required cases of a background job."""

from typing import Any

import pytest
from pytest_tpgen.suites import Suite, placeholder


@pytest.mark.required_from("{LATER}")
class JobSuite(Suite):
    """State `job`."""

    job: Any = placeholder("job = Sweep()")

    async def test_twice_does_no_more_than_once(self) -> None:
        assert [await self.job.run(), await self.job.run()] == [True, False]
'''
JOB_SKELETON = """{{ component.make().imports | join("\\n") }}
from tests.policy.suites.job import JobSuite
class Test{{ component.class_name }}(JobSuite):
    job = {{ component.make().call }}
"""
JOB = '''"""Sweeping."""


class Sweep:
    """A job."""

    async def run(self) -> bool:
        """Do it."""
        return False
'''
EXEMPTION = f"""
[[tool.tpgen.exemptions]]
rule = "TPG205"
path = "tests/unit/**"
reason = "the worker has no event yet"
issue = "#12"
until = {LATER}
"""


@pytest.fixture
def pair(first: Pair, tmp_path: Path) -> Pair:
    """A template and a service of this test's own."""
    return first.copy(tmp_path)


@pytest.fixture
def plain(small: Pair, tmp_path: Path) -> Pair:
    """The same without the starter."""
    return small.copy(tmp_path)


def updated(pair: Pair) -> str:
    """Release and update, which leaves nothing to a person; give what `tpgen update` says.

    Plain `copier update` brings the same files.
    """
    pair.release()
    by_copier = pair.update("copier")
    assert by_copier.code == 0, by_copier.text
    expected = tree(pair.service.path)
    pair.service.run("sh", "-c", "git reset --quiet --hard && git clean --quiet -fd")
    done = pair.update()
    assert done.code == 0, done.text
    assert tree(pair.service.path) == expected
    assert yaml.safe_load(pair.read(".copier-answers.yml"))["_commit"] == "v2.0.0"
    assert 'rev: "v2.0.0"' in pair.read(".pre-commit-config.yaml")
    pair.service.git("add", "--all")
    pair.service.git("commit", "--quiet", "--no-verify", "-m", "update")
    return done.text


def checked(pair: Pair) -> list[str]:
    """Code, level and path of what the new check finds."""
    said = pair.theirs("check", "--format=json")
    assert said.code in (0, 1), said.text
    found = json.loads(said.text)["findings"]
    return sorted(f"{one['code']} {one['level']} {one['path']}" for one in found)


def suite(pair: Pair, rendered: Service, *arguments: str) -> Outcome:
    """Run the suite of the service as it is now."""
    done = Service(pair.service.path, rendered.environment).pytest("-q", *arguments)
    assert done.code == 0, done.text
    return done


def test_a_number(pair: Pair, rendered: Service) -> None:
    """In all files that say it, and in the words of the policy."""
    pair.replace(NUMBERS, "new_code: 85", "new_code: 90")
    pair.replace(NUMBERS, "flaky_days: 14", "flaky_days: 7")
    said = updated(pair)
    assert "new_code = 90" in pair.read("tests/policy/policy.toml")
    assert "target: 90%" in pair.read("codecov.yml")
    assert "New code in a pull request is covered to 90 %, file by file. Until now: 85." in said
    assert "A flaky test is fixed or removed within 7 days. Until now: 14." in said
    assert checked(pair) == []
    suite(pair, rendered, "tests/unit")


def test_another_postgres(pair: Pair, rendered: Service) -> None:
    pair.replace(NUMBERS, "postgres:15", "postgres:16")
    updated(pair)
    assert 'image = "postgres:16"' in pair.read("tests/policy/policy.toml")
    assert checked(pair) == []
    suite(pair, rendered, "tests/integration/test_schema.py")


def test_a_new_case(pair: Pair, rendered: Service) -> None:
    """It warns until its day in the suite, and the update says whom it hits."""
    suite_file = f"{POLICY}suites/route.py"
    pair.replace(suite_file, "\n    async def test_422_on_a_malformed_request(", CASE)
    said = updated(pair)
    assert f"An API route: answers are not cached. Required from {LATER} (in " in said
    hit = ["POST /v1/agents", "GET /v1/agents/{agent_id}", "POST /v1/chat/completions"]
    assert [route for route in hit if f"route {route}" not in said] == []
    assert checked(pair) == []
    told = suite(pair, rendered, "tests/integration/api", "-k", "not_cached").text
    assert f"will fail from {LATER} on (in " in told
    assert "days): tests/integration/api/test_agents.py" in told
    assert "xfailed" in told


def test_a_day_that_is_moved_and_taken_away(plain: Pair) -> None:
    """From when on a case is required is said each time; not at once without a word."""
    suite_file = f"{POLICY}suites/route.py"
    plain.replace(suite_file, "\n    async def test_422_on_a_malformed_request(", CASE)
    updated(plain)
    sooner = date.today() + timedelta(days=20)
    for release, day in {"v3.0.0": str(sooner), "v4.0.0": ""}.items():
        text = (plain.source.path / suite_file).read_text()
        mark = f'@pytest.mark.required_from("{day}")' if day else "# at once"
        marked = re.sub(r"@pytest.mark.required_from\(.*\)", mark, text)
        plain.source.write({suite_file: marked})
        plain.release(release)
        done = plain.tpgen("update")
        plain.service.commit({}, "--no-verify")
        means = f"Until now from {LATER} on. Required from {day} (in"
        if not day:
            means = f"Until now from {sooner} on. Required at once."
        assert f"changed   An API route: answers are not cached. {means}" in done.text


def test_a_renamed_suite(pair: Pair) -> None:
    """It asks the same of the same components; the check says what to import now, and no more."""
    for file in (pair.source.path / POLICY).rglob("*"):
        if file.is_file() and "StepSuite" in (text := file.read_text()):
            file.write_text(text.replace("StepSuite", "StageSuite"))
    said = updated(pair)
    [hit] = set(re.findall(r"new       A pipeline step: .*\n +(.*)\n", said))
    assert hit == "step detect_pii"
    assert checked(pair) == [
        "TPG302 error src/gateway/pipeline/steps/detect_pii.py",
        "TPG503 error tests/unit/pipeline/steps/test_detect_pii.py",
    ]


def test_a_new_suite_of_one_class_for_a_whole_kind(plain: Pair) -> None:
    """It is about no component, so none is listed."""
    for file in (plain.source.path / POLICY).rglob("*"):
        if file.is_file() and "AppSuite" in (text := file.read_text()):
            file.write_text(text.replace("AppSuite", "RoutesSuite"))
    said = updated(plain)
    hit = re.findall(r"new       An API route: .*\n +(.*)\n", said)
    assert hit and set(hit) == {"No test class has it."}


def test_a_new_kind(pair: Pair, rendered: Service) -> None:
    """A component that the service has lacks the suite of it: a warning until its day."""
    pair.service.write({"src/gateway/jobs/__init__.py": "", "src/gateway/jobs/sweep.py": JOB})
    pair.service.commit({}, "--no-verify")
    file = "# Add the kinds of this service below this line"
    pair.replace(f"{POLICY}policy.toml.jinja", f"\n{file}", f"{KIND}\n{file}")
    pair.source.write(
        {f"{POLICY}suites/job.py": JOB_SUITE, f"{POLICY}skeletons/job.py.j2": JOB_SKELETON}
    )
    said = updated(pair)
    assert "new       A background job.\n            job sweep\n" in said
    assert f"twice does no more than once. Required from {LATER}" in said
    assert "TPG302 warning src/gateway/jobs/sweep.py" in checked(pair)
    written = pair.theirs("job", "sweep")
    assert "wrote    tests/unit/jobs/test_sweep.py" in written.text, written.text
    assert "TPG302" not in str(checked(pair))
    assert "xfailed" in suite(pair, rendered, "tests/unit/jobs").text


def test_a_renamed_file(pair: Pair, rendered: Service) -> None:
    """What a person imports of it is named by the check."""
    mine = "from tests.policy.slow import SECONDS\n\nMINE = SECONDS\n"
    assert pair.service.commit({"tests/limits.py": mine}, "--no-verify").code == 0
    pair.source.git("mv", f"{POLICY}slow.py", f"{POLICY}watch.py")
    updated(pair)
    assert not (pair.service.path / "tests/policy/slow.py").exists()
    assert checked(pair) == ["TPG503 error tests/limits.py"]
    assert "the policy has no tests.policy.slow.SECONDS" in pair.theirs("check").text
    suite(pair, rendered, "tests/unit")


def test_a_rename_that_the_policy_knows(plain: Pair) -> None:
    """The update names the service's own files first, and `tpgen check --fix` corrects them."""
    mine = "from tests.policy import slow\n\nMINE = slow.SECONDS  # mine\n"
    assert plain.service.commit({"tests/limits.py": mine}, "--no-verify").code == 0
    plain.source.git("mv", f"{POLICY}slow.py", f"{POLICY}watch.py")
    table = "[names]  # of two new names the second one is for the bodies of functions\n"
    moved = '"tests.policy.slow" = "tests.policy.watch"\n'
    plain.replace("extensions/tpgen/moved.toml", table, f"{table}{moved}")
    said = updated(plain)
    assert said.index("  fix       tests/limits.py: 1 place\n") < said.index("The files:")
    assert "next: `tpgen check --fix`, " in said
    assert plain.theirs("check", "--fix").code == 0
    assert plain.read("tests/limits.py") == mine.replace("slow", "watch")


def test_a_rule_that_is_gone(plain: Pair) -> None:
    """The check asks to remove an exemption from it."""
    text = plain.read("pyproject.toml") + EXEMPTION
    assert plain.service.commit({"pyproject.toml": text}, "--no-verify").code == 0
    plain.source.git("rm", "--quiet", "extensions/tpgen/rules/sleep_in_test.py")
    plain.replace("extensions/tpgen/check/registry.py", '    "sleep_in_test",\n', "")
    updated(plain)
    assert checked(plain) == ["TPG002 error pyproject.toml"]
    assert "is from a rule that no longer exists: remove it" in plain.theirs("check").text
    assert "TPG205 (no longer a rule)" in plain.theirs("exemptions").text


def test_a_new_question(plain: Pair) -> None:
    """Its default is taken, and printed."""
    question = "\nregion:\n  type: str\n  default: eu\n  help: Where does it run?\n"
    questions = plain.source.path / "questions/service.yml"
    questions.write_text(questions.read_text() + question)
    readme = plain.source.path / f"{POLICY}README.md"
    (readme.rename(readme.with_name("README.md.jinja"))).open("a").write("Runs in {{ region }}.\n")
    said = updated(plain)
    assert "new       region: eu, the default; `--data region=VALUE` overrides it" in said
    assert yaml.safe_load(plain.read(".copier-answers.yml"))["region"] == "eu"
    assert "Runs in eu." in plain.read("tests/policy/README.md")


def test_a_starter_is_left_alone(pair: Pair) -> None:
    """What the template changes of it, adds to it or renames of it is for new services."""
    before = tree(pair.service.path)
    for name in ("tests/conftest.py.jinja", "README.md.jinja", "tests/policy/README.md"):
        file = pair.source.path / "template/service" / name
        file.write_text(file.read_text() + "\n# of the template\n")
    pair.replace(
        "template/service/tests/unit/test_openai.py.jinja",
        "\nimport pytest\n",
        "\n\nimport pytest\n",
    )
    pair.source.git(
        "rm",
        "--quiet",
        "-r",
        "template/service/tests/contract",
        "template/service/tests/__init__.py",
    )
    pair.source.write({"template/service/src/{{ package }}/more.py": "MORE = 1\n"})
    pair.source.git(
        "mv", "template/service/tests/factories.py.jinja", "template/service/tests/rows.py.jinja"
    )
    updated(pair)
    after = tree(pair.service.path)
    changed = {name for name in before.keys() | after if before.get(name) != after.get(name)}
    changes = {".copier-answers.yml", ".pre-commit-config.yaml", "pyproject.toml"}
    changes |= {"tests/policy/README.md"}
    assert changed == changes


def edit_starters(pair: Pair) -> set[str]:
    """A line in every starter file of the person's; give the lines."""
    mine = set()
    for number, name in enumerate(pair.service.git("ls-files", "src", "tests").split("\n")):
        path = pair.service.path / name
        if name.startswith("tests/policy/") or path.suffix != ".py":
            continue
        mine.add(f"# mine {number}")
        path.write_text(path.read_text() + f"# mine {number}\n")
    return mine


def edit_policy(pair: Pair) -> set[str]:
    """A line at the end of every file of the template's."""
    mine = set()
    for number, name in enumerate(pair.service.git("ls-files").split("\n")):
        path = pair.service.path / name
        if name.startswith(("src/", "tests/")) and not name.startswith("tests/policy/"):
            continue
        if name not in {"README.md", ".copier-answers.yml"}:
            mine.add(f"# mine {number}")
            path.write_text(path.read_text() + f"# mine {number}\n")
    return mine


def remove_and_move(pair: Pair) -> set[str]:
    """Starters that are gone, or elsewhere, with a line of the person's."""
    pair.service.git(
        "rm", "--quiet", "-r", "tests/contract", "src/gateway/static", "--ignore-unmatch"
    )
    pair.service.git("mv", "tests/unit/test_openai.py", "tests/unit/test_upstream.py")
    moved = pair.service.path / "tests/unit/test_upstream.py"
    moved.write_text(moved.read_text() + "# mine\n")
    return {"# mine"}


def scaffold(pair: Pair) -> set[str]:
    """A component, with its tests."""
    done = pair.theirs("step", "detect_keys", "--with-source")  # as released then
    assert done.code == 0, done.text
    return {"class TestDetectKeys(StepSuite):", "class DetectKeys:"}


def reformat(pair: Pair) -> set[str]:
    """Another formatter's hand: narrow lines and single quotes, everywhere."""
    args = ["--line-length=60", "--config=format.quote-style='single'"]
    done = pair.service.run("ruff", "format", "--quiet", *args, ".")
    assert done.code == 0, done.text
    return set()


def edit_starters_and_more(pair: Pair) -> set[str]:
    """All that a person may do to the starter."""
    return remove_and_move(pair) | scaffold(pair) | edit_starters(pair)


# Files of the template that are elsewhere since a release, with what a person wrote in them.
MOVED = {"tests/policy/secrets.sh": ".github/secrets.sh"}
LIVES = [edit_policy, reformat, edit_starters_and_more]


@pytest.fixture(scope="session", params=releases())
def released(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """This template as it was released, and a service from it: `copy` it."""
    version, commit = request.param, releases()[request.param]
    return at(once(tmp_path_factory, version, lambda folder: made(folder, f"v{version}", commit)))


@pytest.mark.parametrize("way", ["tpgen", "copier"])
def test_from_every_release_untouched(released: Pair, way: str, tmp_path: Path) -> None:
    """Equal to a fresh copy, but for the starter files, which are the person's."""
    pair = released.copy(tmp_path)
    renew(pair.source, "v99.0.0")
    done = pair.update(way)
    assert done.code == 0, done.text
    copy(pair.source, tmp_path / "fresh")
    mine, fresh = tree(pair.service.path), tree(tmp_path / "fresh")
    starters = ("src/", "tests/", "README.md")
    owned = {one for one in fresh if not one.startswith(starters) or "/policy/" in one}
    assert {one: mine.get(one) for one in owned} == {one: fresh[one] for one in owned}
    assert {one for one in mine if one.startswith("tests/policy/")} <= owned


@pytest.mark.parametrize("live", LIVES, ids=lambda live: live.__name__)
def test_from_every_release_after_a_life(released: Pair, live: object, tmp_path: Path) -> None:
    """Every line of the service is there afterwards, or in a conflict that is reported."""
    pair = released.copy(tmp_path)
    before = tree(pair.service.path)
    wrote = live(pair)  # type: ignore[operator]
    pair.service.commit({}, "--no-verify")
    mine = {
        name: set(content.splitlines()) - set(before.get(name, b"").splitlines())
        for name, content in tree(pair.service.path).items()
    }
    renew(pair.source, "v99.0.0")
    done = pair.tpgen("update", "--json")
    assert done.code in (0, 1), done.text
    said = json.loads(done.text[done.text.index("{") :])
    merged = said["merged"]
    assert said["needs_a_person"] == (done.code == 1)
    after = tree(pair.service.path)
    everywhere = b"\n".join(after.values())
    assert all(line.encode() in everywhere for line in wrote)
    now = {name: after.get(name, after.get(MOVED.get(name, ""), b"")) for name in mine}
    assert {name for name in mine if mine[name] - set(now[name].splitlines())} == set()
    marked = {name for name, content in after.items() if b"\n>>>>>>> " in content}
    assert marked == set(merged["conflicts"])
