"""Renovate opens the pull requests of an update: its config is valid, and what it runs works."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT
from tests.hooks import Repository, path_with
from tests.processes import Outcome
from tests.service.test_docs import BLOCK, blocks
from tests.updating import COPIER, Pair, tree

BIN = Path(sys.executable).parent
CONFIG = ".github/renovate.json"
ANSWERS = ".copier-answers.yml"
PAGE = ROOT / "docs/fleet.md"
NUMBERS = "questions/policy.yml"
# The default of the manager's `managerFilePatterns`, as lib/modules/manager/copier/index.ts has it.
COPIERS_FILES = re.compile(r"(^|/)\.copier-answers(\..+)?\.ya?ml")
# What lib/modules/manager/copier/artifacts.ts runs in the folder of the answers.
RENOVATES = ["update", "--skip-answered", "--defaults", "--answers-file", ANSWERS, "--vcs-ref"]


def ours() -> Any:
    """The config that a service receives."""
    return json.loads((ROOT / "template/service" / CONFIG).read_text())


def configs() -> dict[str, str]:
    """The text of each config that we show: the service's and those of the page."""
    shown = [text for _, language, text in blocks(PAGE) if language == "json"]
    return {
        "template": (ROOT / "template/service" / CONFIG).read_text(),
        **{f"page-{number}": text for number, text in enumerate(shown, 1)},
    }


def check(config: object, folder: Path) -> Outcome:
    """Hold a config against the schema that Renovate publishes and check-jsonschema brings."""
    file = folder / "renovate.json"
    file.write_text(config if isinstance(config, str) else json.dumps(config))
    command = [str(BIN / "check-jsonschema"), "--builtin-schema", "vendor.renovate", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return Outcome(done.returncode, done.stdout + done.stderr)


def unknown(config: Any) -> set[str]:
    """The options that Renovate does not have; its schema lets any name pass."""
    text = files("check_jsonschema").joinpath("builtin_schemas/vendor/renovate.json").read_text()
    schema = json.loads(text)
    rule = schema["definitions"]["packageRules"]["items"]["allOf"][0]["properties"]
    task = schema["definitions"]["postUpgradeTasks"]["allOf"][0]["properties"]
    return set(options(config)) - {"$schema"} - {*schema["properties"], *rule, *task}


def options(config: Any) -> Iterator[str]:
    """All keys, at any depth."""
    if isinstance(config, dict):
        yield from config
    for value in config.values() if isinstance(config, dict) else config:
        if isinstance(value, dict | list):
            yield from options(value)


@pytest.mark.parametrize("name", configs())
def test_a_config_is_valid(name: str, tmp_path: Path) -> None:
    text = configs()[name]
    done = check(text, tmp_path)
    assert done.code == 0, done.text
    assert unknown(json.loads(text)) == set()


@pytest.mark.parametrize("name", configs())
def test_a_description_is_a_list(name: str) -> None:
    """In what a team's services inherit, Renovate takes nothing else, whatever its schema says."""
    found = json.loads(configs()[name])
    rules = found.get("packageRules", [])
    said = [one["description"] for one in (found, *rules) if "description" in one]
    assert [one for one in said if not isinstance(one, list)] == []


@pytest.mark.parametrize(
    ("option", "value"),
    [("enabledManagers", ["copyer"]), ("automerge", "no"), ("inheritConfig", True)],
)
def test_the_schema_refuses_what_is_wrong(option: str, value: object, tmp_path: Path) -> None:
    """So the test above can fail. The last is an option of whoever runs the bot."""
    assert check({**ours(), option: value}, tmp_path).code == 1


def test_a_misspelt_option_is_found() -> None:
    """So the test above can fail."""
    found = ours()
    found["packageRules"][0]["autoMerge"] = False
    assert unknown(found) == {"autoMerge"}


def test_the_engine_is_left_to_the_update() -> None:
    """Else a bot would move the pin without the policy that goes with it."""
    rules = [rule for rule in ours()["packageRules"] if rule.get("enabled") is False]
    assert [rule["matchPackageNames"] for rule in rules] == [["pytest-tpgen"]]
    [text] = [text for _, _, text in blocks(PAGE) if "package-ecosystem" in text]
    [entry] = yaml.safe_load(text)["updates"]
    assert entry["ignore"] == [{"dependency-name": "pytest-tpgen"}]


def test_a_service_receives_it(small: Pair) -> None:
    """As it stands here: nothing in it is Copier's to fill in."""
    assert small.read(CONFIG) == (ROOT / "template/service" / CONFIG).read_text()


def test_only_the_template_is_looked_at() -> None:
    """One pull request, to the newest release; a person merges it, whoever wants it otherwise."""
    assert ours()["enabledManagers"] == ["copier"]
    template, own, _engine = ours()["packageRules"]
    assert template["matchManagers"] == ["copier"]
    # Else a service at 0.1 gets the newest 0.x, not 1.0; and a tag has no date to count from.
    assert (template["separateMajorMinor"], template["minimumReleaseAge"]) == (False, None)
    # GitHub's own would merge conflicts where the check that finds them is not required.
    assert (template["automerge"], template["platformAutomerge"]) == (False, False)
    # pyproject.toml has lines of the template's.
    assert (own["matchManagers"], own["rangeStrategy"]) == (["pep621"], "in-range-only")


@pytest.mark.parametrize("folder", ["", "services/mail/"])
def test_the_answers_are_found(folder: str, small: Pair) -> None:
    """By Renovate's manager, and by our rule for it, which takes this name in any folder."""
    assert (small.service.path / ANSWERS).exists()
    assert COPIERS_FILES.search(f"{folder}{ANSWERS}")
    assert ours()["packageRules"][0]["matchFileNames"] == [f"**/{ANSWERS}"]


@pytest.fixture
def pair(small: Pair, tmp_path: Path) -> Pair:
    """A template and a service of this test's own; new code is to be covered to 90 %."""
    made = small.copy(tmp_path)
    made.replace(NUMBERS, "new_code: 85", "new_code: 90")
    return made


def renovate(pair: Pair, folder: str = ".") -> Outcome:
    """Run what Renovate runs, in a folder of the service; nobody is there to be asked."""
    return Repository(pair.service.path / folder).run(*COPIER, *RENOVATES, "v2.0.0")


def test_its_command_brings_the_new_version(pair: Pair) -> None:
    """The person's files stay; the answers are as Copier writes them."""
    pair.service.commit({"tests/factories.py": "# mine\n"}, "--no-verify")
    pair.release()
    done = renovate(pair)
    assert done.code == 0, done.text
    assert yaml.safe_load(pair.read(ANSWERS))["_commit"] == "v2.0.0"
    assert "new_code = 90" in pair.read("tests/policy/policy.toml")
    changed = pair.service.git("status", "--porcelain").split()[1::2]
    assert changed == [
        ANSWERS,
        ".pre-commit-config.yaml",
        "codecov.yml",
        "pyproject.toml",
        "tests/policy/policy.toml",
    ]


def test_its_command_updates_a_service_in_a_folder(pair: Pair) -> None:
    """One of several: Renovate runs it where the answers are."""
    (pair.service.path / "services").mkdir()
    kept = [".git", "services"]
    moved = [path for path in pair.service.path.iterdir() if path.name not in kept]
    for path in moved:
        path.rename(pair.service.path / "services" / path.name)
    assert pair.service.commit({}, "--no-verify").code == 0
    pair.release()
    done = renovate(pair, "services")
    assert done.code == 0, done.text
    assert "target: 90%" in pair.read("services/codecov.yml")


def test_ci_finds_the_conflicts_that_it_leaves(pair: Pair) -> None:
    """Copier is content with them, and Renovate commits the markers."""
    text = pair.read("codecov.yml").replace("target: 85%", "target: 70%")
    pair.service.commit({"codecov.yml": text}, "--no-verify")
    pair.release()
    assert renovate(pair).code == 0
    assert "<<<<<<< before updating\n" in (conflict := pair.read("codecov.yml"))
    assert ">>>>>>> after updating\n" in conflict
    config = yaml.safe_load(pair.read(".pre-commit-config.yaml"))
    hooks = {hook["id"]: hook for repo in config["repos"] for hook in repo["hooks"]}
    assert hooks["check-merge-conflict"]["args"] == ["--assume-in-merge"]
    assert "prek run --all-files" in pair.read(".github/workflows/tests.yml")


def test_an_answer_that_fits_no_more_is_refused(pair: Pair) -> None:
    """In a line that Renovate puts below its pull request; nothing is written."""
    pair.replace("questions/key_prefix.jinja", "{1,9}", "{3,9}")
    pair.release()
    before = tree(pair.service.path)
    done = renovate(pair)
    assert done.code == 1
    assert 'key_prefix: "tp" must be' in done.text
    assert tree(pair.service.path) == before


@pytest.mark.parametrize("by", ["tpgen", "copier"])
def test_a_question_with_a_new_name_keeps_its_answer(pair: Pair, by: str) -> None:
    """As docs/release.md says: the new one takes its default from the old one."""
    questions = pair.source.path / "questions/service.yml"
    new = 'summary:\n  type: str\n  default: "{{ description }}"\n  help: What does it do?\n'
    questions.write_text(f"{questions.read_text()}\n{new}")
    pair.release()
    answers = yaml.safe_load(pair.read(ANSWERS)) | {"description": "Ours."}
    assert pair.service.commit({ANSWERS: yaml.safe_dump(answers)}, "--no-verify").code == 0
    done = pair.tpgen("update") if by == "tpgen" else renovate(pair)
    assert done.code == 0, done.text
    assert yaml.safe_load(pair.read(ANSWERS))["summary"] == "Ours."


def test_an_edited_file_that_is_gone_from_the_template_goes(pair: Pair) -> None:
    """Why there is no automerge: `tpgen drift` knows it before, and nothing does behind."""
    name = "alembic.ini"
    pair.service.commit({name: pair.read(name) + "# mine\n"}, "--no-verify")
    assert f"{name}:" in pair.tpgen("drift").text
    (pair.source.path / f"template/service/{name}.jinja").unlink()
    pair.release()
    assert renovate(pair).code == 0
    assert not (pair.service.path / name).exists()


def test_the_page_shows_how_far_the_services_are(pair: Pair, tmp_path: Path) -> None:
    """From clones side by side: one that was edited, and one that was not."""
    mail, billing = (Repository(tmp_path / "fleet" / name) for name in ("mail", "billing"))
    for service in (mail, billing):
        pair.service.git("clone", "--quiet", str(pair.service.path), str(service.path))
    text = pair.read("codecov.yml").replace("target: 85%", "target: 70%")
    assert mail.commit({"codecov.yml": text}, "--no-verify").code == 0
    pair.release()
    section = (
        PAGE.read_text()
        .partition("\n## Listing the versions of all services\n")[2]
        .partition("\n## ")[0]
    )
    found = BLOCK.findall(section)
    commands = "".join(text for _, language, text in found if language == "sh")
    if not shutil.which("jq"):
        commands = commands.partition("\njq")[0]
    here = Repository(tmp_path / "fleet")
    done = here.run("bash", "-c", commands, PATH=path_with(BIN))
    assert done.code == 0, done.text
    (line,) = (text for _, language, text in found if language == "text")
    assert line in done.text
    assert "billing/: update available: v1.0.0 → v2.0.0" in done.text

    def said(name: str) -> Any:
        return json.loads((here.path / name).read_text())

    assert said("mail.update.json")["waits"] and said("billing.update.json")["waits"]
    assert [one["path"] for one in said("mail.drift.json")["drift"]] == ["codecov.yml"]
    assert said("billing.drift.json")["drift"] == []
