"""A policy without `[postgres]` needs nothing that the extra `postgres` installs."""

from pathlib import Path

import pytest

from tests.service.engine.trees import POLICY, Tree, service

# A name that is None in `sys.modules` can't be imported.
BLOCKED = """
import sys

sys.modules.update(dict.fromkeys(["asyncpg", "dotenv", "factory", "filelock", "sqlalchemy"]))
"""
NONE = POLICY.replace('[postgres]\nimage = "postgres:15"\n', "")
TESTS = {
    "tests/unit/test_unit.py": """
        import socket

        async def test_runs(): ...

        def test_reaches_the_network():
            socket.create_connection(("127.0.0.1", 9))
        """,
    "tests/integration/test_integration.py": """
        import asyncio, pytest

        def test_is_marked(request):
            assert request.node.get_closest_marker("integration")

        @pytest.mark.timeout(0.2)
        async def test_takes_too_long():
            await asyncio.sleep(5)
        """,
    "pytest.ini": "[pytest]\nasyncio_mode = auto\n",
}


def project(folder: Path, policy: str) -> Tree:
    """Return a project in an environment without the packages of the extra."""
    assert policy != POLICY or "[postgres]" in policy
    return service(
        folder, **{**TESTS, "tests/policy/policy.toml": policy, "sitecustomize.py": BLOCKED}
    )


@pytest.mark.parametrize("options", [(), ("-n2",), ("--census",)])
def test_the_rest_of_the_policy_holds(options: tuple[str, ...], tmp_path: Path) -> None:
    outcome = project(tmp_path, NONE).pytest(*options, cold=True)
    assert outcome.tests == {
        "test_runs": "passed",
        "test_reaches_the_network": "failed",
        "test_is_marked": "passed",
        "test_takes_too_long": "failed",
    }, outcome.text
    assert "tests/unit is for tests without I/O" in outcome.text
    assert "took longer than its time limit of 0.2 s" in outcome.text


def test_a_policy_with_postgres_names_the_extra(tmp_path: Path) -> None:
    outcome = project(tmp_path, POLICY).pytest(cold=True)
    assert outcome.code == 2
    assert "which is not installed: depend on `pytest-tpgen[postgres]`" in outcome.text
    assert "Traceback" not in outcome.text
