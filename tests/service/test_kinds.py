"""Kinds of components: a team's own kind works like one of the template."""

import re
from pathlib import Path

import pytest

from tests.checking import check, findings, repository, tpgen
from tests.rendering import Service

OWN = """
[kinds.job]
help = "a nightly job"
sources = ["jobs/{name}.py"]
methods = ["work"]
source = "job_source.py.j2"

[[kinds.job.tests]]
path = "tests/unit/jobs/test_{name}.py"
skeleton = "job.py.j2"
suites = ["jobs.JobCases"]

[kinds.load]
help = "the load test of a route"
introspect = "route"

[[kinds.load.tests]]
path = "tests/integration/load/test_{name}.py"
skeleton = "load.py.j2"
suites = ["jobs.LoadCases"]
"""
# Their names do not end in "Suite": nothing depends on what a suite is called.
SUITES = '''
"""Required cases of jobs and load tests."""

from typing import Any

from pytest_tpgen.suites import Suite, placeholder


class JobCases(Suite):
    """The cases of a job."""

    result: Any = placeholder("result = 7")

    def make_job(self) -> Any:
        """Return the job."""
        return self.fill_in("def make_job(self): return MyJob()")

    def test_works(self) -> None:
        assert self.make_job().work() == self.result


class LoadCases(Suite):
    """The cases of a load test."""

    method: Any = placeholder('method = "GET"')
    path: Any = placeholder('path = "/v1/agents"')

    def test_bears_load(self) -> None:
        assert self.method and self.path
'''
JOB = '''"""The job {{ name }}."""

from pytest_tpgen.suites import placeholder

from tests.policy.suites.jobs import JobCases
{% set made = component.make() %}
{{ made.imports | join("\\n") }}


class Test{{ component.class_name }}(JobCases):
    result = placeholder("result = 7")

    def make_job(self) -> {{ component.class_name }}:
        return {{ made.call }}
{% set _ = exempt("test_works", "an example") %}
'''
SOURCE = '''"""The job {{ name }}."""


class {{ component.class_name }}:
    """A job."""

    def work(self) -> int:
        """Return the result."""
        return 7
'''
LOAD = '''"""The load of {{ name }}."""

from tests.policy.suites.jobs import LoadCases


class {{ route.class_name }}Load(LoadCases):
    method = "{{ method }}"
    path = "{{ path }}"
'''
POLICY = "tests/policy/policy.toml"
TEST = "tests/unit/jobs/test_sum_up.py"


@pytest.fixture
def own(service: Service) -> Service:
    """A service with two kinds of its own."""
    text = (service.path / POLICY).read_text()
    service.write(
        {
            POLICY: text + OWN,
            "tests/policy/suites/jobs.py": SUITES,
            "tests/policy/skeletons/job.py.j2": JOB,
            "tests/policy/skeletons/job_source.py.j2": SOURCE,
            "tests/policy/skeletons/load.py.j2": LOAD,
        }
    )
    return service


def missing(service: Service) -> list[str]:
    found = check(repository(service.path), "TPG302")
    return sorted(one.message.partition(" has no ")[0] for one in found)


def test_a_kind_of_the_team_is_scaffolded_checked_and_run(own: Service) -> None:
    done = own.tpgen("job", "sum_up", "--with-source")
    assert done.code == 0, done.text
    assert f"wrote    {TEST}" in done.text
    assert "to fill  tests/unit/jobs/test_sum_up.py:" in done.text
    assert 'case = "TestSumUpJob.test_works"' in done.text
    text = (own.path / TEST).read_text()
    assert "    # Required cases of JobCases (tests/policy/suites/jobs.py):\n" in text
    assert "    #   test_works\n" in text
    own.write({TEST: text.replace('placeholder("result = 7")', "7")})
    assert own.pytest("-q", TEST).count("passed") == 1
    again = own.tpgen("job", "sum_up").text
    assert again.startswith(f"there    {TEST}\n")
    exemption = re.findall(r"\[\[tool\.tpgen\.exempt\]\]\n.*\n.*\n", again)[0]
    settings = (own.path / "pyproject.toml").read_text()
    own.write({"pyproject.toml": f"{settings}\n{exemption}"})
    assert own.tpgen("job", "sum_up").text.startswith("job sum_up has all of its tests\n")
    assert [one for one in missing(own) if "job" in one] == []
    own.write({TEST: "def test_nothing() -> None:\n    assert 1 + 1 == 2\n"})
    assert [one for one in missing(own) if "job" in one] == ["job sum_up"]


def test_a_route_kind_of_the_team_has_tests_of_its_own(own: Service) -> None:
    """The class of a RouteSuite about the same route does not stand for them."""
    assert "load GET /v1/agents" in missing(own)
    done = own.tpgen("load", "GET", "/v1/agents")
    assert "wrote    tests/integration/load/test_agents.py" in done.text, done.text
    assert "load GET /v1/agents" not in missing(own)
    assert own.pytest("-q", "tests/integration/load/test_agents.py").count("passed") == 1


OLD = """
[kinds.job]
help = "a nightly job"
reads = "source"
sources = ["jobs/{name}.py"]

[kinds.job.tests]
"tests/unit/jobs/test_{name}.py" = "job.py.j2"
"""
NEW = """
tests = [
  { path = "tests/unit/jobs/test_{name}.py", skeleton = "job.py.j2", suites = [] },
]
"""


def test_a_kind_of_an_older_release_is_refused_with_the_keys_of_a_new_one(tmp_path: Path) -> None:
    repository(tmp_path, {POLICY: OLD, "src/it/__init__.py": ""})
    done = tpgen(tmp_path, "job", "sum_up")
    assert done.code == 2
    assert done.err.startswith(
        f"tpgen: {POLICY}:4: `reads` of [kinds.job] is unknown: the keys are"
    )
    head = OLD.partition("\n[kinds.job.tests]")[0].replace("reads", "introspect")
    files = {POLICY: head + NEW, "src/it/__init__.py": ""}
    assert findings(tmp_path / "new", files) == []
