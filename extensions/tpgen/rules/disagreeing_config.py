"""TPG502: a rendered configuration that no longer agrees with the policy."""

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tpgen.check.file import File
from tpgen.check.project import ANSWERS, Project
from tpgen.check.rule import ProjectRule
from tpgen.core.finding import Finding
from tpgen.core.service import POLICY

# A message, and a text in whose line the fault is.
Fault = tuple[str, str]
HOOKS = {
    "gitleaks": "no key is committed",
    "ruff-check": "no mock is imported",
    "tpgen-check": "the policy's prohibitions hold",
    "check-added-large-files": "no dump is committed",
    "check-merge-conflict": "no merge marker is committed",
}


def check(project: Project) -> Iterator[Finding]:
    """Yield each line of a configuration that disagrees with tests/policy/policy.toml."""
    # A policy without coverage is older than these files.
    if "coverage" not in project.policy:
        return
    for path, faults in CONFIGS.items():
        if not project.is_asked(path):
            continue
        file = project.file(path)
        if file is None:
            git, commit = project.git, project.template_commit[:10]
            # Not every version of the template has the file, or has it there.
            if git and commit and git.show(commit, path) is not None:
                message = f"{path} is gone: `git checkout {commit} -- {path}` restores it"
                yield Finding(path, 1, 1, message)
            continue
        try:
            content = _content(file)
        except ValueError as error:
            yield file.finding(
                1, f"{path} can't be read: {' '.join(str(error).split())}; correct it"
            )
            continue
        for message, needle in faults(project, content):
            lines = [number for number, line in enumerate(file.lines, 1) if needle in line]
            yield file.finding(lines[0] if lines else 1, message)
    answers = project.file(ANSWERS) if project.is_asked(ANSWERS) else None
    for number, line in enumerate(answers.lines if answers else [], 1):
        # With this line, Renovate offers no other update.
        if line.startswith("#copier updated"):
            message = (
                "Copier refused this update, and Renovate left nothing else of it: remove the "
                "line, and run `tpgen update`"
            )
            yield Finding(ANSWERS, number, 1, message)


def _content(file: File) -> Any:
    if file.path.endswith(".toml"):
        return tomllib.loads(file.text)
    import yaml

    try:
        return yaml.load(file.text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from None


def _at(content: Any, *keys: str) -> Any:
    for key in keys:
        content = content.get(key) if isinstance(content, dict) else None
    return content


def _codecov(project: Project, content: Any) -> Iterator[Fault]:
    status = _at(content, "coverage", "status")
    target, drop = project.number("coverage", "new_code", 85), project.number("coverage", "drop", 2)
    if str(_at(status, "patch", "default", "target")).rstrip("%") != f"{target:g}":
        yield f"the target of a patch is not {target}%, as in the policy", "patch:"
    if str(_at(status, "project", "default", "threshold")).rstrip("%") != f"{drop:g}":
        yield f"the coverage may drop by other than {drop}%", "threshold:"
    if any(_at(status, name, "default", "informational") for name in ("project", "patch")):
        yield "a status that is informational blocks nothing", "informational:"


def _pyproject(_project: Project, content: Any) -> Iterator[Fault]:
    pytest = _at(content, "tool", "pytest")
    plugins = _at(pytest, "required_plugins") or _at(pytest, "ini_options", "required_plugins")
    if not re.search(r"\bpytest-tpgen\b(?!-)", str(plugins)):
        yield "pytest does not require pytest-tpgen, which runs the policy", "required_plugins"


def _pre_commit(_project: Project, content: Any) -> Iterator[Fault]:
    hooks = [hook for repo in _at(content, "repos") or [] for hook in _at(repo, "hooks") or []]
    hooks = [hook for hook in hooks if _at(hook, "stages") != ["manual"]]
    for name, purpose in HOOKS.items():
        if name not in {_at(hook, "id") for hook in hooks}:
            yield f"the hook {name} is gone, by which {purpose}", "repos:"
    if not any("pytest" in str(_at(hook, "entry")) for hook in hooks):
        yield "no hook runs the fast tests (`pytest -m 'not slow'`)", "repos:"


CONFIGS: Mapping[str, Callable[[Project, Any], Iterator[Fault]]] = {
    "codecov.yml": _codecov,
    "pyproject.toml": _pyproject,
    ".pre-commit-config.yaml": _pre_commit,
}
NUMBERS = "[coverage]\nnew_code = 85\ndrop = 2\n"
CODECOV = """\
coverage:
  status:
    project: {default: {target: auto, threshold: 2%}}
    patch: {default: {target: 85%}}
"""
RULE = ProjectRule(
    code="TPG502",
    name="disagreeing-config",
    section="Coverage: target > 85% on new code; a drop of more than 2% blocks merge",
    why="A lower target or a removed hook changes the policy of one service, and nobody decided "
    "that. Whether CI runs each required case is for `tpgen census` to say, by what ran.",
    fix="Write what the finding says. `tpgen update` would not: it keeps what was edited or "
    "removed by hand. `git log -p .copier-answers.yml` has the commits in which the template "
    "wrote the files.",
    check=check,
    bad={str(POLICY): NUMBERS, "codecov.yml": CODECOV.replace("85%", "60%")},
    good={str(POLICY): NUMBERS, "codecov.yml": CODECOV},
)
