"""Layers are found from the policy folder, from wherever pytest is started and its root is."""

from pathlib import Path

import pytest

from tests.service.engine.trees import Outcome, Tree, service

FILES = {
    "tests/unit/test_unit.py": """
    import socket

    def test_reaches_the_network():
        socket.create_connection(("127.0.0.1", 9), timeout=1)

    async def test_async(made):
        assert made == 1

    def test_quick(): ...
    """,
    "tests/unit/conftest.py": """
    import pytest

    @pytest.fixture
    async def made():
        return 1
    """,
    "tests/contract/test_contract.py": "def test_contract(): ...\n",
    "tests/integration/test_integration.py": "def test_integration(): ...\n",
}
EXPECTED = {
    "test_reaches_the_network": "failed",
    "test_async": "passed",
    "test_quick": "passed",
    "test_integration": "passed",
}


@pytest.fixture
def work(tmp_path: Path) -> Tree:
    """A workspace with a service in a folder of it, and a link to that folder."""
    service(tmp_path / "service", **FILES)
    (tmp_path / "link").symlink_to("service")
    return Tree(tmp_path)


def layers_hold(done: Outcome) -> None:
    assert done.tests == EXPECTED, done.text
    assert "tests/unit is for tests without I/O" in done.text
    marked = {
        nodeid.rpartition("::")[2]
        for nodeid, _, marks in done.recorded["collected"]
        if "integration" in marks
    }
    assert marked == {"test_integration"}


@pytest.mark.parametrize(
    ("below", "arguments"),
    [
        ("service", []),
        ("service", ["--rootdir=.."]),
        ("service", ["--rootdir=..", "tests"]),
        ("service", ["--rootdir=../..", "."]),
        ("service/tests/unit", ["--rootdir=../../..", "..", "-k", "not contract"]),
        (".", ["--rootdir=.", "service"]),
        (".", ["--rootdir=.", "service/tests"]),
        (".", ["service/tests"]),
        (".", ["--rootdir=service", "service"]),
        (".", ["--rootdir=other", "service"]),
        ("link", []),
        ("link", ["--rootdir=.."]),
        (".", ["--rootdir=.", "link"]),
        (".", ["--rootdir=link", "link/tests"]),
        (".", ["-c", "settings.ini", "service"]),
    ],
)
def test_the_root_of_pytest_does_not_matter(below: str, arguments: list[str], work: Tree) -> None:
    work.write({"settings.ini": "[pytest]\n", "other/empty.txt": ""})
    layers_hold(work.pytest("-n0", *arguments, below=below))


def test_a_layer_may_be_a_link(work: Tree) -> None:
    """The place in the policy's folder counts, not where the link leads."""
    for layer in ("unit", "contract", "integration"):
        (work.path / "service/tests" / layer).rename(work.path / f"moved_{layer}")
        (work.path / "service/tests" / layer).symlink_to(f"../../moved_{layer}")
    layers_hold(work.pytest("-n0", below="service"))
    done = work.pytest("-n0", "tests/contract", below="service")
    assert done.tests == {"test_contract": "passed"}, done.text


def test_a_path_names_a_layer_from_any_root(work: Tree) -> None:
    for below, path in (("service", "tests/contract"), (".", "link/tests/contract")):
        done = work.pytest("-n0", "--rootdir=/", path, below=below)
        assert done.tests == {"test_contract": "passed"}, done.text


COLLECTOR = """
    import gc
    imported = []
    was_on = gc.isenabled()
    def test_on(): assert was_on and gc.isenabled()
    def test_seen(): assert any(one is imported for one in gc.get_objects())
    """


def test_the_garbage_collector_is_left_alone(tmp_path: Path) -> None:
    """Tests of leaks would fail, and a file that nobody closed would stay empty."""
    tree = service(tmp_path, **{"other/test_it.py": COLLECTOR})
    assert tree.pytest("other", "tests").tests == {"test_on": "passed", "test_seen": "passed"}
