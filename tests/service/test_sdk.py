"""A rendered SDK: its suite, the check, the gate and updates; and it calls a rendered service."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hooks import Repository, repository, template
from tests.rendering import Service
from tests.serving import Running, serving
from tests.updating import at, copy
from tests.updating import tree as files_of

PACKAGE = "src/gateway_sdk"
AGENT = f"{PACKAGE}/agent.py"
COVERED = ("--census", "--cov", "--cov-context=test", "--cov-report=term")


@pytest.fixture
def own(sdk: Service, tmp_path: Path) -> Service:
    """An SDK of this test's own."""
    return sdk.copy(tmp_path / "sdk")


def test_the_suite_covers_the_sdk_without_a_postgres(own: Service) -> None:
    """Nothing of a database is installed: the policy has no [postgres]."""
    packages = {path.name for path in own.environment.glob("lib/python*/site-packages/*")}
    assert "griffe" in packages
    assert packages.isdisjoint({"asyncpg", "factory", "filelock", "sqlalchemy"})
    done = own.run("pytest", "-pno:cacheprovider", "--cov", "--cov-report=term")
    assert (done.code, done.count("failed")) == (0, 0), done.text
    assert done.count("passed") > 70
    assert "postgres" not in done.text
    assert "TOTAL" in done.text
    assert "100%" in next(line for line in done.text.splitlines() if line.startswith("TOTAL"))


def test_check_finds_nothing(own: Service) -> None:
    repository(own.path)
    done = own.tpgen("check")
    assert (done.code, done.text.partition(";")[0]) == (0, "no findings"), done.text


CHANGED = '''\
    def rename(self, label: str) -> str:
        """Return another label."""
        return label or "none"

    @property
    def is_closed'''


def test_the_gate_asks_for_a_test_over_http(own: Service) -> None:
    """For a line of a client that no test runs, and for one that only a unit test runs."""
    made = repository(own.path)
    own.replace(AGENT, "    @property\n    def is_closed", CHANGED)
    assert own.tpgen("sdk", "Agent").code == 0
    assert made.commit({}).code == 0
    assert gate(own) == {"TPG601", "TPG604"}
    unit = "\n\ndef test_rename() -> None:\n    assert agent_of(Upstream()).rename('a') == 'a'\n"
    with (own.path / "tests/unit/test_agent.py").open("a") as file:
        file.write(unit)
    assert made.commit({}).code == 0
    assert gate(own) == {"TPG604"}


def gate(own: Service) -> set[str]:
    """The rules that the gate finds broken since the first commit."""
    done = own.run("pytest", "-pno:cacheprovider", *COVERED)
    assert done.code == 0, done.text
    first = Repository(own.path).git("rev-list", "--max-parents=0", "HEAD")
    said = own.tpgen("gate", "--base", first).text
    return set(re.findall(r"TPG\d+", said))


@pytest.fixture(scope="module")
def running(rendered: Service) -> Iterator[Running]:
    """A service on a Postgres, behind HTTP."""
    with serving(rendered, "another") as running:
        yield running


CALLS = """\
import asyncio
import os
from uuid import uuid4

from gateway_sdk import (
    Agent,
    AsyncAgent,
    AuthenticationError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
)

URL, KEY, STRANGER = (os.environ[name] for name in ("AGENT_URL", "AGENT_KEY", "STRANGER"))


def failure(call):
    try:
        call()
    except Exception as error:
        return type(error), str(error)


with Agent(KEY, base_url=URL) as agent:
    new = agent.create_agent("reporter")
    others = [agent.create_agent(f"other {number}").id for number in range(100)]
    listed = [each.id for each in agent.list_agents()]
    assert len(listed) == len(set(listed)) == 102, len(listed)
    assert {new.id, *others} < set(listed)
    assert agent.read_agent(new.id).created_at == new.created_at
    assert failure(lambda: agent.create_agent(""))[0] is InvalidRequestError
    assert failure(lambda: agent.chat("hi", model="m", temperature=3)) == (
        InvalidRequestError,
        "422: body.temperature: Input should be less than or equal to 2",
    )
    # The service has no streams: it says so, and the SDK does not try again.
    kind, said = failure(lambda: next(agent.stream("hi", model="m")))
    assert (kind, "streaming is not supported" in said) == (InvalidRequestError, True), said
    try:
        agent.read_agent(uuid4())
    except NotFoundError as error:
        assert (error.status, str(error)) == (404, "404: there is no such agent")
    else:
        raise AssertionError("there is such an agent")

with Agent(new.key, base_url=URL) as reporter:
    assert reporter.chat("write to jane@example.com", model="m").text == "write to [email]"

with Agent(STRANGER, base_url=URL) as stranger:
    assert failure(lambda: stranger.read_agent(new.id)) == (
        PermissionDeniedError,
        "403: this agent belongs to another tenant",
    )

with Agent("tp_test_unknown", base_url=URL) as unknown:
    bad = (AuthenticationError, "401: a valid API key is needed")
    assert failure(lambda: unknown.chat("hi", model="m")) == bad
    assert failure(lambda: next(unknown.stream("hi", model="m"))) == bad


async def main():
    async with AsyncAgent(KEY, base_url=URL) as agent:
        replies = [agent.chat("hi", model="m", idempotency_key="k") for _ in range(3)]
        assert len({reply.text for reply in await asyncio.gather(*replies)}) == 1
        try:
            await agent.chat("something else", model="m", idempotency_key="k")
        except Exception as error:
            assert error.status == 409, error


asyncio.run(main())
print("all calls are as expected")
"""


def test_calls_a_rendered_service(own: Service, running: Running) -> None:
    """SDK → HTTP → service → Postgres: agents and chat, errors, and bad keys."""
    own.write({"calls.py": CALLS})
    key, stranger = running.keys
    done = own.run("python", "calls.py", AGENT_URL=running.url, AGENT_KEY=key, STRANGER=stranger)
    assert (done.code, done.text) == (0, "all calls are as expected\n")


def test_the_contract_tests_hold_for_a_rendered_service(own: Service, running: Running) -> None:
    """The nightly run; without its variables it fails, and plain pytest leaves it out."""
    given = {"AGENT_URL": running.url, "AGENT_KEY": running.key, "AGENT_MODEL": "m"}
    done = own.run("pytest", "-pno:cacheprovider", "tests/contract", **given)
    assert (done.code, done.count("passed")) == (0, 7), done.text
    done = own.run("pytest", "-pno:cacheprovider", "tests/contract", **{**given, "AGENT_KEY": ""})
    assert done.code == 1
    assert "set AGENT_KEY" in done.text


@pytest.mark.parametrize("way", ["tpgen", "copier"])
def test_an_update_keeps_what_belongs_to_the_sdk(way: str, tmp_path: Path) -> None:
    """A new number of the policy arrives; starter files stay as they are, or stay deleted."""
    source = template(tmp_path / "tpgen", "v1.0.0")
    copy(source, tmp_path / "service", "--data", "project=sdk")
    repository(tmp_path / "service")
    pair = at(tmp_path)
    assert pair.tpgen("drift").text == "no file of the template differs from v1.0.0\n"
    mine = {
        AGENT: "MINE = 1\n",
        "tests/unit/test_agent.py": "# mine\n",
        "tests/unit/test_new.py": "# mine\n",
        "CHANGELOG.md": "mine\n",
        "README.md": "mine\n",
        "Makefile": pair.read("Makefile") + "\nmine:\n",
    }
    (pair.service.path / f"{PACKAGE}/models.py").unlink()
    assert pair.service.commit({**mine}, "--no-verify").code == 0
    pair.replace("questions/policy.yml", "new_code: 85", "new_code: 90")
    starter = source.path / "template/sdk/src/{{ package }}/agent.py"
    starter.write_text(starter.read_text() + "# of the template\n")
    pair.replace("template/service/Makefile.jinja", "run ruff and mypy", "run ruff, then mypy")
    pair.release()
    before = files_of(pair.service.path)
    done = pair.update(way)
    assert done.code == 0, done.text
    after = files_of(pair.service.path)
    changed = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    assert changed == {
        ".copier-answers.yml",
        ".pre-commit-config.yaml",
        "Makefile",
        "codecov.yml",
        "pyproject.toml",
        "tests/policy/policy.toml",
    }
    assert "new_code = 90" in pair.read("tests/policy/policy.toml")
    assert pair.read("Makefile").endswith("\nmine:\n")
    assert "ruff, then mypy" in pair.read("Makefile")
    assert pair.tpgen("drift").code == 1
    assert "Makefile:" in pair.tpgen("drift").text
