"""A small service with a policy, whose tests run on the engine of this environment."""

import sys
from collections.abc import Mapping
from pathlib import Path

from tests.engine.environments import run

POLICY = """
[postgres]
image = "{image}"
[engine]
requires = ">=0"
[slow]
seconds = 5.0
[layers.unit]
io = false
[layers.integration]
io = true
"""
CONFTEST = """
import asyncio
import asyncpg
import pytest
from sqlalchemy import MetaData
from pytest_tpgen import servers
from pytest_tpgen.fixtures import databases, sandbox
from pytest_tpgen.schema import Schema

STATEMENT = ""

@pytest.fixture(scope="session")
def pg_container(pytestconfig):
    return servers.start(pytestconfig)

@pytest.fixture(scope="session")
def schema():
    def migrate(url):
        asyncio.run(execute(url.replace("+asyncpg", ""), STATEMENT))
    return Schema(MetaData(), migrate)

async def execute(url, statement):
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()

@pytest.fixture
async def db(sandbox):
    async with sandbox.session() as session:
        yield session
"""
# What a run of the tests must not take from our own shell.
OWN = {"HOMEBREW_PREFIX": "", "DOCKER_CONFIG": "/nowhere", "XDG_RUNTIME_DIR": "/nowhere"}
NO_DOCKER = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}


class Tree:
    """A service of files in a folder.

    Args:
        path: where it is made.
        image: the policy's Postgres image.
    """

    def __init__(self, path: Path, image: str = "postgres:15") -> None:
        self.path = path
        self.write(
            {
                "pytest.ini": "[pytest]\nasyncio_mode = auto\naddopts = --import-mode=importlib\n"
                "asyncio_default_fixture_loop_scope = session\n"
                "asyncio_default_test_loop_scope = session\n",
                "tests/policy/policy.toml": POLICY.format(image=image),
                "tests/conftest.py": CONFTEST,
            }
        )

    def write(self, files: Mapping[str, str]) -> None:
        """Write files, by their path in the service."""
        for name, text in files.items():
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def pytest(self, *arguments: str, **variables: str) -> tuple[int, str]:
        """Return the exit code and the output of its tests, without Docker unless it is named."""
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
        return run(*command, cwd=self.path, **{**OWN, **NO_DOCKER, **variables})

    def start(self, source: str, *command: str, **variables: str) -> tuple[int, str]:
        """Run a command on a throw-away Postgres, without Docker unless it is named."""
        own = {**OWN, **NO_DOCKER, "TEST_POSTGRES": source}
        call = [sys.executable, "-m", "pytest_tpgen.postgres", *(command or ["true"])]
        return run(*call, cwd=self.path, **{**own, **variables})
