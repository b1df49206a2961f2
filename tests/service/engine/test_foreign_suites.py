"""Suites of three projects from PyPI do the same with the plugin as without it.

janus is asynchronous, with pytest-asyncio in strict mode; flask-muck has fixtures called `db` and
`client`; Flask-WTF turns warnings into errors, and has an `app`.
"""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tpgen.census import records

from tests.service.engine.environments import ENGINE, environment, run, skip_without_index
from tests.service.engine.trees import Outcome, Tree, service

HERE = Path(__file__).parent
# The folder of the sdist, what to run in it, and the options that it needs here.
SUITES: Mapping[str, tuple[str, ...]] = {
    "janus-2.0.0": ("tests/test_async.py", "tests/test_mixed.py", "-oaddopts="),
    "flask_muck-0.4.2": ("tests/test.py", "-psyrupy"),
    "flask_wtf-1.2.2": (
        "tests",
        "--ignore=tests/test_recaptcha.py",  # asks a server elsewhere
        "-oasyncio_default_fixture_loop_scope=function",
    ),
}
TESTS = {"janus-2.0.0": 60, "flask_muck-0.4.2": 85, "flask_wtf-1.2.2": 45}


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """The unpacked sdists, and an environment with what their tests need and the plugin."""
    folder = tmp_path_factory.mktemp("foreign")
    python = environment(
        folder / "venv", "-r", HERE / "foreign.txt", "pytest-xdist", f"{ENGINE}[postgres]"
    )
    sdists = folder / "sdists"
    options = ("--no-deps", "--no-binary=:all:", "--require-hashes", "--dest", sdists)
    code, said = run(python, "-m", "pip", "download", "-q", *options, "-r", HERE / "sdists.txt")
    if code:
        skip_without_index(said)
    assert code == 0, said
    for sdist in sdists.iterdir():
        # Python 3.11.2, which Debian 12 has, knows no safe filter for archives.
        subprocess.run(["tar", "-xf", sdist, "-C", folder], check=True)
    return Tree(folder, python)


def did(outcome: Outcome) -> dict[str, Any]:
    """Return what a run did with the tests of the sdist.

    Of a warning the letters count, not their order: SQLAlchemy lists a set by address.
    """
    found = {
        kind: [entry for entry in entries if "test_ours" not in str(entry[0])]
        for kind, entries in outcome.recorded.items()
    }
    found["warnings"] = [[nodeid, sorted(text)] for nodeid, text in found["warnings"]]
    return found


@pytest.mark.parametrize("name", SUITES)
def test_a_foreign_suite_does_the_same(foreign: Tree, name: str) -> None:
    without = foreign.pytest(*SUITES[name], below=name, engine=False)
    assert len(without.recorded["collected"]) >= TESTS[name]
    assert without.code == 0, without.text
    with_plugin = foreign.pytest(*SUITES[name], below=name)
    assert did(with_plugin) == did(without)
    watched = foreign.pytest(*SUITES[name], "--census", below=name)
    assert did(watched) == did(without)
    ran = records.newest(foreign.path / name).tests
    assert len(ran) == len(without.recorded["collected"])
    assert sum(bool(one["assertions"]) for one in ran) > TESTS[name] / 2


def test_a_foreign_suite_does_the_same_beside_a_service(foreign: Tree) -> None:
    """In one run: the parts of the plugin are loaded for the service."""
    name = "janus-2.0.0"
    ours = {
        "tests/unit/test_ours.py": "async def test_ours(): ...\n",
        "tests/contract/test_left_out.py": "def test_ours_left_out(): ...\n",
    }
    service(foreign.path / name / "service", **ours)
    without = foreign.pytest(*SUITES[name], below=name, engine=False)
    beside = foreign.pytest(*SUITES[name], "service/tests", below=name)
    assert did(beside) == did(without)
    assert "test_ours" in beside.tests
