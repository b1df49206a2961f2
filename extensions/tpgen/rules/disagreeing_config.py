"""TPG502: a rendered configuration that no longer agrees with the policy."""

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
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
    """Yield each line of a configuration that disagrees with tests/policy/policy.toml."""
    # A policy without coverage is older than these files.
    if "coverage" not in project.policy:
        return
    for path, look in CONFIGS.items():
        if project.is_asked(path):
            yield from _of_file(project, path, look)
    for path in filter(WORKFLOW.fullmatch, project.checked):
        yield from _of_file(project, path, _workflow)
    yield from _refused(project)


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
    git, commit = project.git, project.template_commit[:10]
    advice = "restore it"
    if git and commit:
        if git.show(commit, path) is None:
            # This version of the template does not have it, or has it elsewhere.
            return
        advice = f"`git checkout {commit} -- {path}` restores it"
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


def _at(content: Any, *keys: str) -> Any:
    """Return the value below these keys; None if there is none."""
    for key in keys:
        content = content.get(key) if isinstance(content, dict) else None
    return content


def _codecov(project: Project, content: Mapping[str, Any]) -> Iterator[Fault]:
    patch = _at(content, "coverage", "status", "patch", "default")
    whole = _at(content, "coverage", "status", "project", "default")
    target, drop = project.number("coverage", "new_code", 85), project.number("coverage", "drop", 2)
    if not _is_percent(_at(patch, "target"), target):
        yield f"the target of a patch is not {target}%, as in the policy", "patch:"
    if not _is_percent(_at(whole, "threshold"), drop):
        yield f"the coverage may drop by other than {drop}%", "threshold:"
    if _at(whole, "informational") or _at(patch, "informational"):
        yield "a status that is informational blocks nothing", "informational:"


def _is_percent(given: Any, number: float) -> bool:
    return re.fullmatch(rf"{number:g}(\.0*)?%?", str(given)) is not None


def _pyproject(project: Project, content: Mapping[str, Any]) -> Iterator[Fault]:
    lint = _at(content, "tool", "ruff", "lint") or {}
    banned = _at(lint, "flake8-tidy-imports", "banned-api") or {}
    for name in MOCKS:
        if name not in banned:
            yield f"ruff does not ban {name}", "banned-api"
    chosen = [*(_at(lint, "select") or []), *(_at(lint, "extend-select") or [])]
    if not any("TID251".startswith(code) or code == "ALL" for code in chosen):
        yield "ruff does not select TID251, which bans mocks", "extend-select"
    for ignored in _ignored(lint):
        if "TID251".startswith(ignored):
            yield f"ruff ignores {ignored}, and so the ban of mocks: remove it", f'"{ignored}"'
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
    hooks = [hook for repo in _at(content, "repos") or [] for hook in _at(repo, "hooks") or []]
    committed = [hook for hook in hooks if _at(hook, "stages") != ["manual"]]
    for name, purpose in HOOKS.items():
        if name not in {_at(hook, "id") for hook in committed}:
            yield f"the hook {name} is gone, by which {purpose}", "repos:"
    if not any("pytest" in str(_at(hook, "entry")) for hook in committed):
        yield "no hook runs the fast tests (`pytest -m 'not slow'`)", "repos:"


def _workflow(project: Project, content: Mapping[Any, Any]) -> Iterator[Fault]:
    # In YAML 1.1 `on` is true.
    if "pull_request_target" in str(content.get("on", content.get(True))):
        message = "pull_request_target hands the service's secrets to a fork's code"
        yield f"{message}: use pull_request", "pull_request_target"


def _refused(project: Project) -> Iterator[Finding]:
    """Yield the line that Renovate leaves if Copier refused: with it, no update is offered."""
    file = project.file(ANSWERS) if project.is_asked(ANSWERS) else None
    for number, line in enumerate(file.lines if file else (), 1):
        if file and line.startswith("#copier updated"):
            message = "Copier refused this update, and Renovate left nothing else of it"
            yield file.finding(number, f"{message}: remove the line, and run `tpgen update`")


Look = Callable[[Project, Mapping[str, Any]], Iterator[Fault]]
CONFIGS: Mapping[str, Look] = {
    "codecov.yml": _codecov,
    "pyproject.toml": _pyproject,
    ".pre-commit-config.yaml": _pre_commit,
}
WORKFLOW = re.compile(r"\.github/workflows/.*\.ya?ml")
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
}

RULE = ProjectRule(
    code="TPG502",
    name="disagreeing-config",
    section="Coverage: target > 85% on new code; a drop of more than 2% blocks merge",
    why="A lower target or a removed hook changes the policy of one service, and nobody decided "
    "that. Whether CI runs each required case is for `tpgen census` to say, by what ran.",
    fix="Write what the finding says. `tpgen update` would not: it keeps what was edited or "
    "removed by hand. Git has what the template wrote, in the commit that the finding names.",
    check=check,
    bad={**GOOD, "codecov.yml": GOOD["codecov.yml"].replace("85%", "60%")},
    good=GOOD,
)
