"""TPG502: a rendered configuration that no longer agrees with the policy."""

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from tpgen.check.file import File
from tpgen.check.project import ANSWERS, Project
from tpgen.check.rule import ProjectRule
from tpgen.core.finding import Finding

# A message, and a text in whose line the fault is.
Fault = tuple[str, str]
ENGINE = "pytest-tpgen"
MOCKS = ("unittest.mock", "mock", "pytest_mock")
HOOKS = {
    "gitleaks": "no key is committed",
    "ruff-check": "no mock is imported",
    "ruff-format": "the files are formatted",
    "tpgen-check": "the policy's prohibitions hold",
    "check-added-large-files": "no dump is committed",
    "check-merge-conflict": "no merge marker is committed",
}


def check(project: Project) -> Iterator[Finding]:
    """Each place of a configuration that says other than tests/policy/policy.toml."""
    # A policy that says nothing of coverage is older than these files.
    if "coverage" not in project.policy:
        return
    for path, look in CONFIGS.items():
        if project.is_asked(path):
            yield from _of_file(project, path, look)
    yield from _refused(project)
    if project.asked is None:
        yield from _of_workflows(project)


def _of_file(project: Project, path: str, look: "Look") -> Iterator[Finding]:
    file = project.file(path)
    if file is None:
        yield from _gone(project, path)
        return
    try:
        content = tomllib.loads(file.text) if path.endswith(".toml") else _yaml(file.text)
    except ValueError as error:
        yield file.finding(1, f"{path} can't be read: {' '.join(str(error).split())}")
        return
    for message, needle in look(project, content if isinstance(content, dict) else {}):
        yield file.finding(_line(file, needle), f"{message}{_since(project, path)}")


def _gone(project: Project, path: str) -> Iterator[Finding]:
    commit = project.template_commit[:10]
    if project.git and commit and project.git.show(commit, path) is None:
        # This version of the template has it no more, or elsewhere.
        return
    advice = f"`git checkout {commit} -- {path}` brings it back" if commit else "bring it back"
    yield Finding(path, 1, 1, f"{path} is gone, which the template brought: {advice}")


def _since(project: Project, path: str) -> str:
    """Return the command that shows what was edited since the last update, if anything was."""
    commit = project.template_commit[:10]
    if not (project.git and commit and project.git.changed(commit, path)):
        return ""
    return f"; `git diff {commit} -- {path}` shows what was edited"


def _yaml(text: str) -> Any:
    import yaml

    try:
        return yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from None


def _line(file: File, needle: str) -> int:
    return next((n for n, line in enumerate(file.lines, 1) if needle in line), 1)


def _at(content: Any, *keys: str | bool) -> Any:
    """What stands below these keys; None where nothing does."""
    for key in keys:
        content = content.get(key) if isinstance(content, dict) else None
    return content


def _codecov(project: Project, content: Mapping[str, Any]) -> Iterator[Fault]:
    status = _at(content, "coverage", "status")
    target, drop = project.number("coverage", "new_code", 85), project.number("coverage", "drop", 2)
    if not _is_percent(_at(status, "patch", "default", "target"), target):
        yield f"the target of a patch is not {target}%, as the policy asks", "patch:"
    if not _is_percent(_at(status, "project", "default", "threshold"), drop):
        yield f"the coverage may drop by other than {drop}%", "threshold:"
    if _at(status, "project", "default", "informational") or _at(
        status, "patch", "default", "informational"
    ):
        yield "a status that is informational blocks nothing", "informational:"


def _is_percent(given: Any, number: float) -> bool:
    return re.fullmatch(rf"{number:g}(\.0*)?%?", str(given)) is not None


def _pyproject(project: Project, content: Mapping[str, Any]) -> Iterator[Fault]:
    lint = _at(content, "tool", "ruff", "lint") or {}
    banned = _at(lint, "flake8-tidy-imports", "banned-api") or {}
    for name in MOCKS:
        if name not in banned:
            yield f"ruff does not ban {name} any more", "banned-api"
    chosen = [*(_at(lint, "select") or []), *(_at(lint, "extend-select") or [])]
    if not any("TID251".startswith(one) or one == "ALL" for one in chosen):
        yield "ruff does not select TID251, which bans mocks", "extend-select"
    for ignored in _ignored(lint):
        if "TID251".startswith(ignored):
            yield f"ruff ignores {ignored}, and so the ban of mocks: take it out", f'"{ignored}"'
    pytest = _at(content, "tool", "pytest") or {}
    plugins = _at(pytest, "required_plugins") or _at(pytest, "ini_options", "required_plugins")
    words = plugins if isinstance(plugins, list) else str(plugins).split()
    if not any(re.match(rf"{ENGINE}\b(?!-)", str(word)) for word in words):
        yield f"pytest does not require {ENGINE}, which runs the policy", "required_plugins"


def _ignored(lint: Mapping[str, Any]) -> Iterator[str]:
    for key in ("ignore", "extend-ignore"):
        yield from _at(lint, key) or []
    for key in ("per-file-ignores", "extend-per-file-ignores"):
        for codes in (_at(lint, key) or {}).values():
            yield from codes


def _pre_commit(project: Project, content: Mapping[str, Any]) -> Iterator[Fault]:
    repos = [one for one in _at(content, "repos") or [] if isinstance(one, dict)]
    hooks = [one for repo in repos for one in repo.get("hooks") or [] if isinstance(one, dict)]
    committed = [one for one in hooks if one.get("stages") != ["manual"]]
    for name, purpose in HOOKS.items():
        if name not in {one.get("id") for one in committed}:
            yield f"the hook {name} is gone, by which {purpose}", "repos:"
    if not any("pytest" in str(one.get("entry")) for one in committed):
        yield "no hook runs the fast tests (`pytest -m 'not slow'`)", "repos:"


def _refused(project: Project) -> Iterator[Finding]:
    """The line that Renovate leaves where Copier refused: with it, no update is offered again."""
    file = project.file(ANSWERS) if project.is_asked(ANSWERS) else None
    for number, line in enumerate(file.lines if file else (), 1):
        if file and line.startswith("#copier updated"):
            message = "Copier refused this update, and Renovate left nothing else of it"
            yield file.finding(number, f"{message}: take the line out, and run `tpgen update`")


def _of_workflows(project: Project) -> Iterator[Finding]:
    """What no workflow does any more; which one shall do it, a service may decide."""
    paths = [one for one in project.files if re.fullmatch(r"\.github/workflows/.*\.ya?ml", one)]
    files = [file for path in paths if (file := project.file(path))]
    commands = [(_events(file), _commands(file)) for file in files]
    for event, command, purpose, tests in WORKFLOWS:
        if not any(one.startswith(tests) for one in project.files):
            continue
        if not any(event in events and re.search(command, run) for events, run in commands):
            on_event = [file.path for file in files if event in _events(file)]
            path = [*on_event, *paths, ".github/workflows/tests.yml"][0]
            since = _since(project, ".github") if paths else "; there is none in .github/workflows"
            message = f"no workflow on {event} {purpose}{since}"
            yield Finding(path, 1, 1, message)
    for file in files:
        if "pull_request_target" in _events(file):
            message = "pull_request_target hands the service's secrets to a fork's code"
            yield file.finding(_line(file, "pull_request_target"), f"{message}: use pull_request")


@lru_cache(maxsize=16)
def _workflow(file: File) -> Any:
    try:
        return _yaml(file.text)
    except ValueError:
        return None


def _events(file: File) -> set[str]:
    # In YAML 1.1 `on` is true.
    given = _at(_workflow(file), True) or _at(_workflow(file), "on") or []
    return {given} if isinstance(given, str) else set(given)


def _commands(file: File) -> str:
    """What the steps of a workflow run."""
    jobs = _at(_workflow(file), "jobs") or {}
    steps = [step for job in jobs.values() for step in _at(job, "steps") or []]
    return "\n".join(str(_at(step, "run") or "") for step in steps)


Look = Callable[[Project, Mapping[str, Any]], Iterator[Fault]]
CONFIGS: Mapping[str, Look] = {
    "codecov.yml": _codecov,
    "pyproject.toml": _pyproject,
    ".pre-commit-config.yaml": _pre_commit,
}
# Event, command, what it is for, and the folder of the tests without which it isn't asked for.
WORKFLOWS = (
    ("pull_request", r"pytest(?!.*not integration)", "runs unit and integration", ""),
    ("schedule", r"pytest.*contract|tests/contract", "runs the contract tests", "tests/contract/"),
)
POLICY = "[coverage]\nnew_code = 85\ndrop = 2\n"
GOOD = {
    "tests/policy/policy.toml": POLICY,
    "codecov.yml": """\
coverage:
  status:
    project:
      default:
        target: auto
        threshold: 2%
    patch:
      default:
        target: 85%
""",
    "pyproject.toml": """\
[tool.pytest]
required_plugins = ["pytest-tpgen"]

[tool.ruff.lint]
extend-select = ["TID"]

[tool.ruff.lint.flake8-tidy-imports.banned-api]
"unittest.mock".msg = "use httpx.MockTransport"
"mock".msg = "use httpx.MockTransport"
"pytest_mock".msg = "use httpx.MockTransport"
""",
    ".pre-commit-config.yaml": "repos:\n  - repo: local\n    hooks:\n"
    + "".join(f"      - id: {name}\n" for name in HOOKS)
    + '      - id: fast-tests\n        entry: uv run pytest -m "not slow"\n',
    ".github/workflows/tests.yml": """\
on: pull_request
jobs:
  tests:
    steps:
      - run: uv run pytest
""",
    ".github/workflows/nightly.yml": """\
on:
  schedule: [{cron: "0 3 * * *"}]
jobs:
  contract:
    steps:
      - run: uv run pytest -m contract
""",
}

RULE = ProjectRule(
    code="TPG502",
    name="disagreeing-config",
    section="Coverage: target > 85% on new code; a drop of more than 2% blocks merge; CI: "
    "everything in CI runs unit + integration on every PR",
    why="A target that somebody lowered, or a hook that somebody took out, is a policy of its own "
    "that nobody decided; the page still says otherwise.",
    fix="Write what the finding says. `copier update` would not: it keeps what was edited or "
    "removed by hand. Git has what the template wrote, in the commit that the finding names.",
    check=check,
    bad={**GOOD, "codecov.yml": GOOD["codecov.yml"].replace("85%", "60%")},
    good=GOOD,
)
