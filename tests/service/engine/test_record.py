"""What `pytest --census` writes of a run."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tpgen.census import records

from tests.service.engine.trees import Tree, service

PRODUCT = """
    import time

    SETTING = 1

    class Thing:
        color = "red"

    def waits():
        time.sleep(0.001)
    """
TESTS = """
    import asyncio, time, unittest
    import pytest
    from unittest import mock

    import product
    from tests.unit import helpers

    def test_asserts():
        assert product.SETTING == 1
        assert product.Thing

    def test_raises():
        with pytest.raises(ValueError):
            raise ValueError("on purpose")

    def test_nothing():
        product.waits()

    def test_helped():
        helpers.ensure(1)

    class TestOld(unittest.TestCase):
        def test_old(self):
            self.assertEqual(1, 1)

    def test_mocks():
        with mock.patch("product.SETTING", 2):
            assert mock.Mock(name="x")

    def test_imports_in_a_function():
        import unittest.mock as hidden
        assert hidden

    def test_replaces(monkeypatch):
        monkeypatch.setattr(product, "SETTING", 3)
        monkeypatch.setattr("product.Thing.color", "blue")
        monkeypatch.setattr(time, "time", lambda: 0)
        assert product.SETTING == 3

    def test_sleeps():
        time.sleep(0.001)
        asyncio.run(asyncio.sleep(0.001))
        asyncio.run(asyncio.sleep(0))
        assert True

    async def sleeps():
        await asyncio.sleep(0.001)

    def test_sleeps_in_a_coroutine():
        asyncio.run(sleeps())
        assert True

    @pytest.fixture
    def mocker(): return None

    def test_fixture(mocker):
        assert mocker is None

    @pytest.mark.skip(reason="not today")
    def test_skipped():
        assert False

    @pytest.mark.xfail(reason="known")
    def test_xfails():
        assert False

    def test_fails():
        assert False

    def test_breaks(missing_fixture):
        assert False
    """
HELPERS = """
    def ensure(value):
        assert value
    """


def record(tree: Tree) -> Mapping[str, Any]:
    """Return the newest record of a tree, which the schema allows."""
    return records.newest(tree.path).content


def test_of(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    (found,) = [one for one in content["tests"] if one["id"].rpartition("::")[2] == name]
    return dict(found)


test_of.__test__ = False  # type: ignore[attr-defined]


@pytest.fixture(scope="module", params=["alone", "xdist"])
def ran(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The record of one run of TESTS."""
    files = {
        "product.py": PRODUCT,
        "tests/unit/test_it.py": TESTS,
        "tests/unit/helpers.py": HELPERS,
        "tests/unit/__init__.py": "",
    }
    tree = service(tmp_path_factory.mktemp("record"), **files)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTEST_XDIST_WORKER", raising=False)
        options = ["-n2"] if request.param == "xdist" else []
        outcome = tree.pytest("--census", "-oasyncio_mode=auto", *options)
    assert outcome.code == 1, outcome.text
    assert "INTERNALERROR" not in outcome.text
    return record(tree)


def test_outcomes(ran: Any) -> None:
    found = {one["id"].rpartition("::")[2]: one["outcome"] for one in ran["tests"]}
    others = {"test_skipped": "skipped", "test_xfails": "xfailed", "test_fails": "failed"}
    assert found == dict.fromkeys(found, "passed") | others | {"test_breaks": "error"}
    assert test_of(ran, "test_skipped")["reason"] == "not today"
    assert test_of(ran, "test_xfails")["reason"] == "known"
    assert test_of(ran, "test_asserts")["layer"] == "unit"
    assert ran["selection"]["is_complete"]


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("test_asserts", 2),
        ("test_raises", 1),
        ("test_nothing", 0),
        ("test_helped", None),
        ("test_old", 1),
    ],
)
def test_assertions(ran: Any, name: str, count: int | None) -> None:
    """What may have asserted in a way that pytest does not see has no count."""
    assert test_of(ran, name)["assertions"] == count


@pytest.mark.parametrize(
    ("name", "kinds"),
    {
        "test_asserts": [],
        "test_nothing": [],
        "test_mocks": [("patch", "SETTING"), ("mock", "Mock")],
        "test_replaces": [
            ("replaced attribute", "product.SETTING"),
            ("replaced attribute", "product.Thing.color"),
        ],
        "test_sleeps": [("sleep", "time.sleep(0.001)")],
        "test_sleeps_in_a_coroutine": [("sleep", "asyncio.sleep(0.001)")],
        "test_fixture": [("mock fixture", "mocker")],
    }.items(),
)
def test_notes(ran: Any, name: str, kinds: list[tuple[str, str]]) -> None:
    notes = test_of(ran, name)["notes"]
    found = [(one["kind"], one["what"]) for one in notes]
    assert {one["file"] for one in notes} <= {"tests/unit/test_it.py"}
    assert [one for one in kinds if one not in found] == []
    assert len(found) <= len(kinds) + 1, found


def test_imports(ran: Any) -> None:
    """Those in functions too, each with its line."""
    lines = TESTS.splitlines()
    found = [(one["file"], lines[one["line"] - 1].strip()) for one in ran["imports"]]
    file = "tests/unit/test_it.py"
    assert (file, "from unittest import mock") in found
    assert (file, "import unittest.mock as hidden") in found


def test_hashes(ran: Any) -> None:
    assert {"product.py", "tests/unit/test_it.py", "tests/policy/policy.toml"} <= set(ran["files"])


def test_the_tool_looks_at_the_files_that_are_hashed(tmp_path: Path) -> None:
    """The engine and the tool each list the kinds; what one lacks, the gate would not see."""
    kinds = [
        "a.py",
        "a.ambr",
        "a.toml",
        "a.sql",
        "a.cfg",
        "a.ini",
        ".coveragerc",
        "a.txt",
        "a.md",
        "a.json",
        "a.yml",
    ]
    kinds += ["tests/__snapshots__/a.json", "node_modules/a.py", ".hidden/a.py"]
    files = {"tests/unit/test_it.py": "def test_it(): ...\n", **dict.fromkeys(kinds, "")}
    tree = service(tmp_path, **files)
    assert tree.pytest("--census").code == 0
    record = records.newest(tree.path)
    assert {*kinds} & {*record.content["files"]} == {*kinds[:7], "tests/__snapshots__/a.json"}
    assert record.stale == []
    unknown = records.Record({**record.content, "files": {}}, tree.path)
    assert {*unknown.stale} == {*record.content["files"]}


APP = """
    import pytest
    from fastapi import Depends, FastAPI, Header, HTTPException, WebSocket

    def caller(authorization: str = Header("")):
        if authorization not in ("key one", "key two"):
            raise HTTPException(401)
        return authorization

    def database():
        return "the real one"

    def make():
        app, inner = FastAPI(), FastAPI()

        @app.post("/things/{number}")
        async def thing(number: int, body: dict, who=Depends(caller), db=Depends(database)):
            if who == "key two":
                raise HTTPException(403)
            return body

        @inner.get("/deep/{name}")
        async def deep(name: str): return name

        @app.get("/fails")
        async def fails(): raise RuntimeError("broken")

        @app.websocket("/socket")
        async def socket(ws: WebSocket, who=Depends(caller)):
            await ws.accept()

        app.mount("/inner", inner)
        return app
    """
CONFTEST = """
    import httpx, pytest
    from product import make

    @pytest.fixture(scope="session")
    def app(): return make()

    @pytest.fixture
    def auth(): return {"Authorization": "key one"}

    @pytest.fixture
    def stranger_auth(): return {"Authorization": "key two"}

    @pytest.fixture
    def send(app):
        async def send(method, url, **arguments):
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                return await client.request(method, url, **arguments)
        return send

    @pytest.fixture
    def audit_events():
        async def read(): return [{"kind": "a"}, {"kind": "b"}]
        return read
    """
SENT = """
    import asyncio
    from product import caller, database

    URL = "/things/1"

    async def test_callers(send, auth, stranger_auth):
        await send("POST", URL, json={"a": 1}, headers=auth)
        await send("POST", URL, json={"a": 1}, headers=stranger_auth)
        await send("POST", URL, json={"a": 2}, headers=auth)
        await send("POST", "/things/2", json={"a": 1}, headers=auth)
        await send("POST", URL, json={"a": 1})

    async def test_others(send, auth):
        for headers in (
            {"Authorization": "key two"},
            {"Authorization": "wrong"},
            {"X-Secret": "1"},
            {**auth, "Cookie": "session=1"},
        ):
            await send("POST", URL, json={}, headers=headers)

    async def test_mounted(send):
        await send("GET", "/inner/deep/x")
        await send("GET", "/inner/deep/y?q=1")
        await send("GET", "/nowhere")
        await send("GET", "/fails")

    async def test_overridden(send, app):
        app.dependency_overrides[caller] = lambda: "key one"
        app.dependency_overrides[database] = lambda: "ours"
        await send("POST", URL, json={})
        del app.dependency_overrides[caller]
        await send("POST", URL, json={})
        app.dependency_overrides.clear()

    async def test_audits(audit_events):
        assert len(await audit_events()) == 2

    async def test_mounted_in_another_app(app, auth):
        import httpx
        from fastapi import FastAPI
        outer = FastAPI()
        outer.mount("/", app)
        transport = httpx.ASGITransport(outer)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            await client.post(URL, json={"a": 1}, headers=auth)
        other = FastAPI()
        other.post("/things/{number}")(lambda: 1)
        transport = httpx.ASGITransport(other)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            await client.post(URL, headers=auth)

    async def test_a_driver_by_hand(app):
        import asyncio
        sent = asyncio.Event()
        async def receive():
            await sent.wait()
            return {"type": "http.disconnect"}
        async def send(message): sent.set()
        scope = {"type": "http", "method": "GET", "path": "/inner/deep/x", "query_string": b"", "headers": []}
        await asyncio.wait_for(app(scope, receive, send), 3)

    def test_socket(app):
        from starlette.testclient import TestClient
        client = TestClient(app)
        with client.websocket_connect("/socket", headers={"Authorization": "key one"}):
            pass
    """


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The record of one run of SENT."""
    files = {"product.py": APP, "tests/conftest.py": CONFTEST, "tests/integration/test_it.py": SENT}
    tree = service(tmp_path_factory.mktemp("sent"), **files)
    outcome = tree.pytest("--census", "-oasyncio_mode=auto")
    assert outcome.code == 0, outcome.text
    return record(tree)


def requests(sent: Any, name: str) -> list[tuple[Any, ...]]:
    return [
        (one["route"], one["status"], one["credentials"], one["count"])
        for one in test_of(sent, name)["requests"]
    ]


def test_whose_requests(sent: Any) -> None:
    thing = "/things/{number}"
    assert requests(sent, "test_callers") == [
        (thing, 200, "auth", 1),
        (thing, 403, "stranger_auth", 1),
        (thing, 200, "auth", 1),
        (thing, 200, "auth", 1),
        (thing, 401, "none", 1),
    ]
    same = [one["request"] for one in test_of(sent, "test_callers")["requests"]]
    # Neither the credentials nor the order count; method, URL and body do.
    assert same[0] == same[1] == same[4]
    assert len(set(same)) == 3


def test_other_credentials_are_unknown(sent: Any) -> None:
    assert {whose for _, _, whose, _ in requests(sent, "test_others")} == {"unknown"}


def test_templates_are_those_of_the_walker(sent: Any) -> None:
    assert requests(sent, "test_mounted") == [
        ("/inner/deep/{name}", 200, "none", 1),
        ("/inner/deep/{name}", 200, "none", 1),
        (None, 404, "none", 1),
        ("/fails", 500, "none", 1),
    ]


def test_overridden_dependencies_of_a_caller(sent: Any) -> None:
    """One that gives a session of the database decides nothing about a caller."""
    found = [
        (one["overridden"], one["status"]) for one in test_of(sent, "test_overridden")["requests"]
    ]
    assert found == [(["caller"], 200), ([], 401)]


def test_audit_events_that_were_read(sent: Any) -> None:
    assert test_of(sent, "test_audits")["audit_events"] == 2
    assert test_of(sent, "test_mounted")["audit_events"] is None


def test_websockets(sent: Any) -> None:
    assert requests(sent, "test_socket") == [("/socket", 101, "auth", 1)] or requests(
        sent, "test_socket"
    ) == [("/socket", 101, "unknown", 1)]


def test_the_app_in_another_one(sent: Any) -> None:
    """It counts; a route of the same name in another app does not."""
    assert requests(sent, "test_mounted_in_another_app") == [
        ("/things/{number}", 200, "auth", 1),
        (None, 200, "auth", 1),
    ]


def test_a_stream_that_is_driven_by_hand(sent: Any) -> None:
    assert requests(sent, "test_a_driver_by_hand") == [("/inner/deep/{name}", 200, "none", 1)]


def test_routes(sent: Any) -> None:
    found = {(one["method"], one["path"]): one for one in sent["routes"]}
    assert found["POST", "/things/{number}"]["file"] == "product.py"
    assert found["POST", "/things/{number}"]["takes_input"]
    assert found["GET", "/inner/deep/{name}"]["file"] == "product.py"
    assert found["WEBSOCKET", "/socket"]["file"] == "product.py"
    assert found["GET", "/openapi.json"]["file"] is None


UNCOLLECTED = {
    "tests/unit/test_classes.py": """
        class TestConstructed:
            def __init__(self): ...
            def test_it(self): ...

        class TestOff:
            __test__ = False
            def test_it(self): ...

        class Helper:
            def helps(self): ...

        def test_collected(): assert True
        def test_deselected(): assert True
        def test_of_another_shard(): assert True
        """,
    "tests/unit/conftest.py": """
        def pytest_collection_modifyitems(config, items):
            other = [each for each in items if each.name == "test_of_another_shard"]
            config.hook.pytest_deselected(items=other)
            items[:] = [each for each in items if each not in other]
        """,
    "tests/unit/tests_of_it.py": "def test_it(): assert True\n",
    "tests/unit/test_broken.py": "import nowhere_to_be_found\n",
}


def test_what_is_not_collected(tmp_path: Path) -> None:
    tree = service(tmp_path, **UNCOLLECTED)
    tree.pytest("--census", "-k", "not test_deselected", "--continue-on-collection-errors")
    found = {
        (one["file"].rpartition("/")[2], one["name"]): one["reason"]
        for one in record(tree)["uncollected"]
    }
    assert found == {
        ("test_classes.py", "TestConstructed"): "the class has a constructor",
        ("test_classes.py", "TestOff"): "`__test__` is False",
        ("test_classes.py", "test_deselected"): "deselected",
        ("test_classes.py", "test_of_another_shard"): "deselected by conftest",
        ("tests_of_it.py", ""): "no pattern of python_files (test_*.py *_test.py) has this name",
        ("test_broken.py", ""): "ModuleNotFoundError: No module named 'nowhere_to_be_found'",
    }
    assert record(tree)["selection"]["why_not"] == [
        "--keyword",
        "not collected: tests/unit/test_broken.py, tests/unit/tests_of_it.py",
    ]


@pytest.mark.parametrize(
    "arguments", [("-k", "one"), ("-m", "not x"), ("tests/unit/test_it.py",), ("-x",)]
)
def test_a_part_of_the_suite_is_not_complete(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    tests = "def test_one(): assert True\ndef test_two(): assert False\n"
    tree = service(tmp_path, **{"tests/unit/test_it.py": tests})
    tree.pytest("--census", *arguments)
    assert not record(tree)["selection"]["is_complete"]


def test_what_the_project_itself_leaves_out_is_no_part_of_its_suite(tmp_path: Path) -> None:
    """By `addopts`, or by a module that skips itself; an option of the command line is one."""
    files = {
        "tests/unit/test_it.py": "import pytest\n@pytest.mark.slow\ndef test_one(): assert True\n"
        "def test_two(): assert True\n",
        "tests/unit/test_numpy.py": "import pytest\npytest.importorskip('nowhere')\n",
        "pytest.ini": "[pytest]\naddopts = -m 'not slow' --ignore=tests/perf\nmarkers = slow\n",
    }
    tree = service(tmp_path, **files)
    for options, why_not in (
        ([], []),
        (["-m", "not other"], ["--markexpr"]),
        (["--ignore=tests/other"], ["--ignore"]),
    ):
        assert tree.pytest("--census", *options).code == 0
        assert record(tree)["selection"]["why_not"] == why_not
        shutil.rmtree(tree.path / ".tpgen")


def test_assertions_of_unittest_are_counted(tmp_path: Path) -> None:
    tests = """
        import unittest
        class TestIt(unittest.TestCase):
            def test_equal(self): self.assertEqual(1, 1)
            def test_raises(self):
                with self.assertRaises(ValueError): int("x")
            def test_never(self):
                return
                self.assertEqual(1, 2)
            def test_empty(self):
                for x in []: self.assertEqual(x, 2)
        """
    tree = service(tmp_path, **{"tests/unit/test_it.py": tests})
    assert tree.pytest("--census").code == 0
    counts = {one["id"].rpartition("_")[2]: one["assertions"] for one in record(tree)["tests"]}
    assert counts.pop("equal") > 0
    assert counts.pop("raises") > 0
    assert counts == {"never": 0, "empty": 0}


def test_a_suite_that_knows_nothing_of_tpgen(tmp_path: Path) -> None:
    """Without the option nothing is written."""
    tests = """
        import httpx, pytest
        from fastapi import FastAPI

        app = FastAPI()

        @app.get("/x/{n}")
        async def x(n: int): return n

        @pytest.mark.asyncio
        async def test_it():
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                assert (await client.get("/x/1")).status_code == 200
        """
    tree = Tree(tmp_path).write({"test_it.py": tests, "pyproject.toml": ""})
    assert tree.pytest().code == 0
    assert not (tmp_path / ".tpgen").exists()
    assert tree.pytest("--census").code == 0
    content = record(tree)
    assert requests(content, "test_it") == [("/x/{n}", 200, "none", 1)]
    assert test_of(content, "test_it")["assertions"] == 1
    assert "GET /x/{n}" in [f"{one['method']} {one['path']}" for one in content["routes"]]


def test_assertions_are_counted_after_a_run_without(tmp_path: Path) -> None:
    """What pytest keeps of a rewritten module has no hook then."""
    tree = service(tmp_path, **{"tests/unit/test_it.py": "def test_it(): assert True\n"})
    for arguments, count in [((), None), (("--census",), 1), ((), None), (("--census",), 1)]:
        assert tree.pytest(*arguments, PYTHONDONTWRITEBYTECODE="").code == 0
        if count:
            assert test_of(record(tree), "test_it")["assertions"] == count


def test_old_records_are_deleted(tmp_path: Path) -> None:
    tree = service(tmp_path, **{"tests/unit/test_it.py": "def test_it(): assert True\n"})
    folder = tmp_path / ".tpgen"
    folder.mkdir()
    for number in range(12):
        (folder / f"run-2020010{number:02}T000000-abcdef.json").write_text("{}")
    assert tree.pytest("--census").code == 0
    kept = sorted(folder.glob("run-*.json"))
    assert len(kept) == 10
    assert json.loads(kept[-1].read_text())["format"] == 1
    assert (folder / ".gitignore").read_text() == "*\n"


LASTS = """
    import pytest
    from unittest import mock
    import product

    @pytest.fixture(scope="module")
    def patched():
        with mock.patch.object(product, "SETTING", 2):
            yield

    def test_first(patched): assert product.SETTING == 2
    def test_second(patched): assert product.SETTING == 2
    """
LAZY = """
    def test_lazy():
        from unittest.mock import patch
        with patch("product.SETTING", 5):
            assert True

    def test_removes(monkeypatch):
        import product
        monkeypatch.delattr(product, "SETTING")
        monkeypatch.setitem(vars(product), "OTHER", 1)
        assert True
    """


def test_what_stays_replaced_is_noted_for_each_test(tmp_path: Path) -> None:
    """A patch of a fixture of the module; and mock that a test itself imports first."""
    files = {"product.py": PRODUCT, "tests/unit/test_it.py": LASTS, "tests/unit/test_lazy.py": LAZY}
    tree = service(tmp_path, **files)
    outcome = tree.pytest("--census", cold=True)
    assert outcome.code == 0, outcome.text
    content = record(tree)
    for name in ("test_first", "test_second", "test_lazy", "test_removes"):
        assert test_of(content, name)["notes"], name


@pytest.mark.parametrize("option", ["--setup-only", "--setup-plan"])
def test_a_test_without_a_call_did_not_pass(tmp_path: Path, option: str) -> None:
    tree = service(tmp_path, **{"tests/unit/test_it.py": "def test_it(): assert True\n"})
    tree.pytest("--census", option)
    assert test_of(record(tree), "test_it")["outcome"] == "unfinished"
    assert record(tree)["selection"]["why_not"] == ["1 tests did not run to their end"]


def test_an_exit_leaves_tests_unfinished(tmp_path: Path) -> None:
    tests = """
        import pytest
        def test_one(): pytest.exit("enough", returncode=0)
        def test_two(): assert True
        """
    tree = service(tmp_path, **{"tests/unit/test_it.py": tests})
    assert tree.pytest("--census").code == 0
    assert test_of(record(tree), "test_one")["outcome"] == "unfinished"
    assert record(tree)["selection"]["why_not"] == ["2 tests did not run to their end"]


def test_odd_files_are_no_error(tmp_path: Path) -> None:
    tree = service(tmp_path, **{"tests/unit/test_it.py": "def test_it(): assert True\n"})
    (tmp_path / "tests/unit/.#test_x.py").symlink_to("nobody@nowhere")
    (tmp_path / "caf\udce9.toml").write_text("")
    outcome = tree.pytest("--census")
    assert outcome.code == 0, outcome.text
    assert test_of(record(tree), "test_it")["outcome"] == "passed"


def test_a_record_that_can_not_be_written(tmp_path: Path) -> None:
    tree = service(tmp_path, **{"tests/unit/test_it.py": "def test_it(): assert True\n"})
    (tmp_path / ".tpgen").write_text("a file")
    outcome = tree.pytest("--census")
    assert outcome.code == pytest.ExitCode.USAGE_ERROR
    assert "the run record can't be written" in outcome.text
    assert "Traceback" not in outcome.text


def test_warnings_keep_their_place(tmp_path: Path) -> None:
    """A filter names the module that warns; a frame of ours in between would hide it."""
    files = {
        "old.py": "import warnings\nwarnings.warn('old thing', DeprecationWarning, stacklevel=2)\n",
        "user.py": "import old\n",
        "tests/unit/test_it.py": "import user\ndef test_it(): assert user\n",
    }
    tree = service(tmp_path, **files)
    filters = ["-Werror:old thing", "-Wignore:old thing:DeprecationWarning:user"]
    assert tree.pytest(*filters).code == 0
    assert tree.pytest("--census", *filters).code == 0


def test_a_plain_assertion_is_not_counted(tmp_path: Path) -> None:
    tree = service(tmp_path, **{"tests/unit/test_it.py": "def test_it(): assert True\n"})
    tree.pytest("--census", "--assert=plain")
    assert test_of(record(tree), "test_it")["assertions"] is None


def test_fixtures_of_a_suite_that_knows_nothing_of_tpgen(tmp_path: Path) -> None:
    """`app` and `audit_events` may be anything there."""
    tests = """
        import dataclasses, pytest

        @dataclasses.dataclass
        class Thing:
            routes: list
            def __call__(self): return self.routes

        @pytest.fixture
        def app(): return Thing([])

        @pytest.fixture
        def audit_events(): return Thing([1])

        def test_it(app, audit_events):
            assert app() == []
            assert audit_events.routes == audit_events() == [1]
        """
    tree = Tree(tmp_path).write({"test_it.py": tests, "pyproject.toml": ""})
    outcome = tree.pytest("--census")
    assert outcome.code == 0, outcome.text
