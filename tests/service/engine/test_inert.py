"""The plugin changes nothing for tests that no policy is about, in one run with those of one."""

from pathlib import Path

import pytest

from tests.service.engine.trees import Outcome, Tree, service

FOREIGN = {
    "foreign/conftest.py": """
        import pytest

        @pytest.fixture
        def db(): return "the foreign db"

        @pytest.fixture
        def client(db): return f"a client of {db}"

        @pytest.fixture
        def app(): return "the foreign app"

        @pytest.fixture
        async def unmarked(): return "no plugin runs it in strict mode"

        @pytest.fixture(autouse=True)
        def pg_container(): return "a name of ours"
        """,
    "foreign/test_foreign.py": """
        import asyncio, contextlib, socket, time, unittest, warnings
        import pytest

        loops = []

        def test_fixtures(db, client, app):
            assert (client, app) == ("a client of the foreign db", "the foreign app")

        @pytest.mark.asyncio
        async def test_loop():
            loops.append(asyncio.get_running_loop())

        @pytest.mark.asyncio
        async def test_another_loop():
            assert asyncio.get_running_loop() is not loops[0]

        async def test_not_marked():
            raise AssertionError("strict mode skips it, or fails it, as without the plugin")

        @pytest.mark.filterwarnings("ignore")
        def test_unmarked_fixture(unmarked):
            raise AssertionError("never reached")

        def test_network():
            with socket.socket() as probe, contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", 0))

        def test_slow():
            time.sleep(0.05)

        def test_warns():
            warnings.warn("a warning of its own")

        @pytest.mark.integration
        @pytest.mark.nobody_knows
        def test_marked(): ...

        def test_fails():
            assert 1 == 2

        @pytest.mark.parametrize("n", [3, 1, 2])
        def test_order(n): ...

        class TestCase(unittest.IsolatedAsyncioTestCase):
            async def test_isolated(self):
                assert asyncio.get_running_loop() not in loops

        class TestSuite:
            def test_in_a_class(self): ...
        """,
    # In a folder `tests` that has no policy, by the names of layers.
    "foreign/tests/unit/test_unit.py": """
        import socket

        def test_uses_the_network_in_a_folder_unit():
            socket.getaddrinfo("localhost", 80)
        """,
    "foreign/tests/contract/test_contract.py": "def test_runs_unnamed(): ...\n",
}
OURS = {
    "service/tests/policy/policy.toml": "",
    "service/tests/__init__.py": "",
    "service/tests/conftest.py": """
        import pytest

        @pytest.fixture
        async def db(): return "our db"

        @pytest.fixture
        async def app(): return "our app"

        @pytest.fixture
        async def client(app): return f"a client of {app}"
        """,
    "service/tests/unit/test_ours.py": """
        import asyncio
        import pytest

        loops = []

        async def test_ours(client):
            assert client == "a client of our app"
            loops.append(asyncio.get_running_loop())

        @pytest.mark.asyncio
        async def test_on_the_same_loop(app):
            assert loops == [asyncio.get_running_loop()]

        def test_refused(request):
            with pytest.raises(pytest.fail.Exception, match="tests/unit is for tests without I/O"):
                request.getfixturevalue("db")
        """,
    "service/tests/contract/test_left_out.py": "def test_left_out(): ...\n",
    # Beside the layers: of the service, but not of its policy.
    "service/tests/legacy/test_legacy.py": """
        import socket

        def test_legacy_network():
            socket.getaddrinfo("localhost", 80)
        """,
}
CONFIG = "[pytest]\nasyncio_mode = {mode}\nasyncio_default_fixture_loop_scope = function\n"


def foreign(outcome: Outcome) -> dict[str, list[object]]:
    """Return what a run did with the foreign tests."""
    return {
        kind: [entry for entry in entries if str(entry[0]).startswith("foreign")]
        for kind, entries in outcome.recorded.items()
    }


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Foreign tests beside a service with a policy."""
    tree = Tree(tmp_path).write(FOREIGN | OURS | {"pytest.ini": CONFIG.format(mode="strict")})
    service(tmp_path / "service")
    return tree


@pytest.mark.parametrize("order", [("foreign", "service"), ("service", "foreign"), (".",)])
def test_foreign_tests_do_the_same_beside_policy_tests(tree: Tree, order: tuple[str, ...]) -> None:
    without = tree.pytest("foreign", engine=False)
    beside = tree.pytest(*order)
    assert foreign(beside) == foreign(without)
    names = {"test_ours", "test_on_the_same_loop", "test_refused", "test_legacy_network"}
    assert {name: beside.tests.get(name) for name in names} == dict.fromkeys(names, "passed")
    assert "test_left_out" not in beside.tests


def test_the_loop_does_not_depend_on_the_mode(tree: Tree) -> None:
    tree.write({"pytest.ini": CONFIG.format(mode="auto")})
    outcome = tree.pytest("service/tests/unit")
    names = ("test_ours", "test_on_the_same_loop", "test_refused")
    assert outcome.tests == dict.fromkeys(names, "passed")


def test_alone_nothing_is_known_of_us(tmp_path: Path) -> None:
    """Without a policy there are no options, markers or modules of ours."""
    conftest = """
        import sys

        def pytest_addoption(parser):
            for option in ("--slow", "--record", "--postgres", "--trust-postgres"):
                parser.addoption(option, action="store_true")

        def pytest_sessionfinish(session):
            ours = {name for name in sys.modules if name.startswith("pytest_tpgen")}
            assert ours == {"pytest_tpgen", "pytest_tpgen.plugin", "pytest_tpgen.policy"}
            heavy = {"sqlalchemy", "factory", "httpx", "fastapi", "alembic", "asyncpg"}
            assert not heavy & sys.modules.keys()
        """
    test = "import pytest\n@pytest.mark.contract\ndef test_one(): ...\n"
    tree = Tree(tmp_path).write({"conftest.py": conftest, "test_foreign.py": test})
    outcome = tree.pytest("--slow", "--record", cold=True)
    assert outcome.code == 0, outcome.text
    assert "Unknown pytest.mark.contract" in outcome.text
    assert tree.pytest("--strict-markers", cold=True).code == 2
    ours = tree.pytest("--markers", cold=True)
    assert ours.text == tree.pytest("--markers", cold=True, engine=False).text
