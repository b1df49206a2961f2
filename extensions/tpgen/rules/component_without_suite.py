"""TPG302: a component without a suite of its kind."""

from collections.abc import Iterator

from tpgen.check import requirements
from tpgen.check.project import Project
from tpgen.check.rule import ProjectRule
from tpgen.core.finding import Finding, Level
from tpgen.source.cases import until


def check(project: Project) -> Iterator[Finding]:
    """Yield a finding at the class or route of each component, with the command that fixes it."""
    if not project.is_service:
        return
    packages = [path.relative_to(project.root).as_posix() for path in project.service.packages]
    code = tuple(f"{package}/" for package in packages)
    if project.asked is not None and not any(path.startswith(code) for path in project.asked):
        return
    for missing in requirements.missing(project):
        component = missing.component
        message = (
            f"{component.title} has no {missing.what}: `{component.command}` writes it, and "
            "`pytest --census` records which cases pass"
        )
        if component.command.endswith(" PATH"):
            message += "; PATH is its path in the app, whose prefix can't be read from the source"
        if missing.required_from:
            message += f"; required from {until(missing.required_from)}"
        level: Level = "warning" if missing.required_from else "error"
        yield Finding(component.path, component.line, 1, message, level=level)


STEP = {
    "tests/policy/policy.toml": """\
[kinds.step]
help = "a pipeline step"
sources = ["steps/{name}.py"]
methods = ["run"]
tests = [{path = "tests/test_{name}.py", skeleton = "x.j2", suites = ["step.StepSuite"]}]
""",
    "tests/policy/suites/step.py": "class StepSuite: ...\n",
    "src/gateway/__init__.py": "",
    "src/gateway/steps/detect_pii.py": "class DetectPII:\n    def run(self, ctx): ...\n",
}
RULE = ProjectRule(
    code="TPG302",
    name="component-without-suite",
    section="What to test: for pipeline steps, for API routes, for vault providers",
    why="A test class inherits the required cases from a suite. Without such a class, nobody "
    "notices that the cases of a component are missing.",
    fix="Run the command that the finding names, and replace the placeholders that it writes.",
    check=check,
    bad=STEP,
    good={
        **STEP,
        "tests/test_detect_pii.py": "from tests.policy.suites.step import StepSuite\n\n\n"
        "class TestDetectPII(StepSuite):\n    message = 'write to jane@example.com'\n",
    },
)
