"""A policy test has a time limit: what never ends is a failure, and leaves nothing behind."""

import re
from pathlib import Path

import pytest

from tests.rendering import Service
from tests.servers import runs, temporary
from tests.service.engine.trees import POLICY, service

LIMIT = POLICY + "[time_limit]\nseconds = 0.5\n"

ENDLESS = '''
import asyncio
import time

import pytest

STATE = {"cancelled": False}


@pytest.mark.timeout(60)
async def test_first():
    """It makes the fixtures of the session, which takes long on a busy machine."""


async def fetch():
    raise ConnectionError("no answer")


async def retry_without_waiting():
    while True:
        try:
            return await fetch()
        except Exception:
            continue


async def retry_with_waiting():
    while True:
        try:
            return await fetch()
        except Exception:
            await asyncio.sleep(0.01)


async def test_without_waiting():
    await retry_without_waiting()


async def test_with_waiting():
    await retry_with_waiting()


async def test_waits_in_a_generator():
    async def pages():
        while True:
            await asyncio.sleep(0.01)
            yield 1

    async for _ in pages():
        pass


async def test_is_cancelled():
    try:
        await asyncio.Event().wait()
    finally:
        STATE["cancelled"] = True


async def test_the_loop_is_whole():
    await asyncio.sleep(0.05)
    assert STATE["cancelled"]
    assert len(asyncio.all_tasks()) == 1


async def test_swallows_the_cancellation():
    while True:
        try:
            await asyncio.sleep(0.01)
        except BaseException:
            await asyncio.sleep(0.01)


async def test_swallows_it_and_passes():
    try:
        await asyncio.Event().wait()
    except BaseException:
        pass


def test_sleeps():
    while True:
        time.sleep(0.01)


def test_counts():
    n = 0
    while True:
        n += 1


def test_swallows_exceptions():
    while True:
        try:
            time.sleep(0.01)
        except Exception:
            pass


@pytest.fixture
async def never_ready():
    while True:
        await asyncio.sleep(0.01)


@pytest.fixture
def never_closed():
    yield
    while True:
        time.sleep(0.01)


async def test_of_a_fixture(never_ready): ...


def test_of_a_teardown(never_closed): ...


@pytest.mark.timeout(5)
def test_with_a_limit_of_its_own():
    time.sleep(0.7)


def test_quick(): ...
'''

OK = {
    "test_first",
    "test_the_loop_is_whole",
    "test_with_a_limit_of_its_own",
    "test_quick",
}


@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_what_never_ends_fails_and_the_others_pass(workers: str, tmp_path: Path) -> None:
    tree = service(
        tmp_path,
        **{"tests/policy/policy.toml": LIMIT, "tests/unit/test_endless.py": ENDLESS},
    )
    done = tree.pytest(workers, "--dist=loadfile", "-p", "no:faker")
    passed = {name for name, outcome in done.tests.items() if outcome == "passed"}
    assert passed == OK, done.text
    assert done.code == 1
    advice = "give its retries, its loops and its waiting an end"
    assert done.text.count(f"{advice}; a test that needs") == len(done.tests) - len(OK)
    for function in ("(retry_without_waiting|fetch)", "retry_with_waiting", "never_ready"):
        assert re.search(rf"in {function} \(tests/unit/test_endless.py:\d+\)", done.text)


def test_other_tests_of_the_run_have_no_limit(tmp_path: Path) -> None:
    slow = "import time\n\ndef test_slow():\n    time.sleep(0.7)\n"
    files = {"tests/policy/policy.toml": LIMIT, "other/test_slow.py": slow}
    done = service(tmp_path, **files).pytest("-n0", "tests", "other")
    assert done.tests == {"test_slow": "passed"}, done.text


@pytest.mark.parametrize("stubborn", ["except BaseException", "except"])
def test_a_test_that_swallows_everything_ends_the_process(stubborn: str, tmp_path: Path) -> None:
    test = f"""
    import time

    def test_stubborn():
        while True:
            try:
                while True:
                    time.sleep(0.01)
            {stubborn}:
                pass
    """
    conftest = "import pytest_tpgen.time_limit\n\npytest_tpgen.time_limit.AGAIN = 0.05\n"
    files = {"tests/unit/test_it.py": test, "tests/conftest.py": conftest}
    tree = service(tmp_path, **{"tests/policy/policy.toml": LIMIT, **files})
    done = tree.pytest("-n0")
    assert done.code == 1
    assert "test_it.py::test_stubborn took longer than its time limit of 0.5 s" in done.text
    assert "in test_stubborn" in done.text
    done = tree.pytest("-n1")
    assert "crashed while running 'tests/unit/test_it.py::test_stubborn'" in done.text


@pytest.mark.parametrize("option", [["--timeout=0"], []])
def test_a_limit_for_one_run_comes_first(option: list[str], tmp_path: Path) -> None:
    slow = "import time\n\ndef test_slow():\n    time.sleep(0.7)\n"
    files = {"tests/policy/policy.toml": LIMIT, "tests/unit/test_slow.py": slow}
    seconds = "" if option else "5"
    done = service(tmp_path, **files).pytest("-n0", *option, PYTEST_TIMEOUT=seconds)
    assert done.tests == {"test_slow": "passed"}, done.text


def test_the_limit_of_the_config_file_is_for_other_tests(tmp_path: Path) -> None:
    slow = "import time\n\ndef test_slow():\n    time.sleep(0.7)\n"
    files = {
        "tests/policy/policy.toml": LIMIT,
        "tests/unit/test_slow.py": slow,
        "pytest.ini": "[pytest]\ntimeout = 0\n",
    }
    done = service(tmp_path, **files).pytest("-n0")
    assert done.tests == {"test_slow": "failed"}, done.text


@pytest.mark.parametrize("seconds", ['"60"', "0", "true", "-1"])
def test_a_wrong_limit_is_one_line(seconds: str, tmp_path: Path) -> None:
    text = POLICY + f"[time_limit]\nseconds = {seconds}\n"
    files = {"tests/policy/policy.toml": text, "tests/unit/test_a.py": "def test_a(): ...\n"}
    done = service(tmp_path, **files).pytest("-n0")
    assert done.code == 4
    assert "[time_limit] seconds must be a number above 0, got" in done.text


def test_without_pytest_timeout_there_is_no_limit(tmp_path: Path) -> None:
    files = {"tests/policy/policy.toml": LIMIT, "tests/unit/test_a.py": "def test_a(): ...\n"}
    done = service(tmp_path, **files).pytest("-n0", "-p", "no:timeout")
    assert done.tests == {"test_a": "passed"}, done.text


RETRIES = """
        while True:
            try:
                return await self._try(body, stream)
            except UpstreamError:
                {}

    async def _bounded("""


@pytest.mark.parametrize("between", ["await asyncio.sleep(0.01)", "continue"])
def test_a_client_that_retries_without_end(between: str, rendered: Service) -> None:
    """Each test of it fails; other tests pass, and no process of the run is left."""
    with temporary() as tmp:
        service = rendered.copy(tmp / "service")
        client = service.path / "src/gateway/openai.py"
        start = '"""Return a successful response; retry after errors that may be temporary."""'
        text = client.read_text()
        assert text.count(start) == 1
        endless = RETRIES.format(between) + "self, body: Any, stream: bool) -> httpx.Response:"
        client.write_text(text.replace(start, endless))
        service.replace(
            "tests/policy/policy.toml", "[time_limit]\nseconds = 60", "[time_limit]\nseconds = 2"
        )
        tests = ("tests/unit/test_openai.py", "tests/integration/api/test_chat.py")
        done = service.pytest("-n2", *tests, TMPDIR=str(tmp), TPGEN_TEST=str(tmp))
        assert done.code == 1
        assert {"test_gives_up_after", "test_tells_of"} <= done.failed, done.text
        assert "test_streams_the_reply" not in done.failed
        assert re.search(
            r"time limit of 2 s, in _(post|try) \(src/gateway/openai.py:\d+\)", done.text
        )
        assert "crashed" not in done.text
        assert done.count("passed") > 20, done.text
        assert runs(tmp) == set()
        assert [path for path in Path("/proc").glob("[0-9]*") if _mentions(path, str(tmp))] == []


def _mentions(process: Path, text: str) -> bool:
    try:
        return any(
            text.encode() in (process / name).read_bytes() for name in ("cmdline", "environ")
        )
    except OSError:
        return False
