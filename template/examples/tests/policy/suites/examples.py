"""Required cases of the examples of an SDK: they run with the pinned release as customers run them.

The service is a server on this machine that answers as `tests/recordings/NAME.json` says.
`AGENT_URL=… AGENT_KEY=… uv run pytest --record` passes the requests on to a real service, and
writes the recordings, and the public surface of the SDK in `tests/recordings/surface.txt`.
"""

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

import httpx
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from pytest_httpserver import HTTPServer
from pytest_tpgen.suites import Suite, placeholder
from pytest_tpgen.surface import SurfaceError, compare, load, parse, read
from werkzeug import Request, Response

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
RECORDINGS = ROOT / "tests/recordings"
SURFACE = RECORDINGS / "surface.txt"
SECONDS = 30  # that an example may take


class ExamplesSuite(Suite):
    """Each file `examples/NAME.py` prints what is recorded. State `package`, the one of the SDK."""

    package: Any = placeholder('package = "acme_sdk"')

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Create a case for each example."""
        if "example" in metafunc.fixturenames:
            metafunc.parametrize("example", EXAMPLES, ids=lambda path: path.name)

    def test_output(
        self, example: Path, httpserver: HTTPServer, pytestconfig: pytest.Config
    ) -> None:
        """Each example sends the recorded requests, and prints the recorded output.

        A failure names the example, the SDK's versions and what changed in the SDK.
        """
        sdk = Sdk(self.package)
        recording = RECORDINGS / f"{example.stem}.json"
        is_recorded = pytestconfig.getoption("--record")
        if not is_recorded and not recording.exists():
            pytest.fail(f"{_short(recording)} does not exist yet: `make record`", pytrace=False)
        upstream = Recorder() if is_recorded else Upstream(json.loads(recording.read_text()))
        httpserver.expect_request(re.compile("")).respond_with_handler(upstream.answer)
        is_covered = bool(pytestconfig.getoption("--cov", default=None))
        done = _run(example, httpserver.url_for("").rstrip("/"), is_covered)
        if problem := upstream.problem(done):
            pytest.fail(sdk.explain(example, problem), pytrace=False)
        if isinstance(upstream, Recorder):
            recording.write_text(upstream.text(done.stdout))
            SURFACE.write_text(sdk.surface())

    def test_pin(self) -> None:
        """The release of the SDK is pinned exactly in `pyproject.toml`."""
        sdk = Sdk(self.package)
        assert sdk.pinned, f'pyproject.toml must pin the SDK exactly: "{sdk.name}==1.4.2"'


class Upstream:
    """Answers the recorded requests, each once, and refuses others."""

    def __init__(self, recording: dict[str, Any]) -> None:
        self.exchanges: list[dict[str, Any]] = [*recording["exchanges"]]
        self.output: list[str] = recording["output"]
        self.refused = ""

    def answer(self, request: Request) -> Response:
        """Return the recorded response."""
        asked = _asked(request)
        for exchange in self.exchanges:
            if asked == {key: exchange[key] for key in asked}:
                self.exchanges.remove(exchange)
                return _response(exchange)
        self.refused = self.refused or f"no such request is recorded: {_line(asked)}"
        return Response(self.refused, status=400)

    def problem(self, done: "subprocess.CompletedProcess[str]") -> str:
        """Return how a run differs from the recording; empty if it does not."""
        if self.refused:
            missing = [f"recorded: {_line(exchange)}" for exchange in self.exchanges[:1]]
            return "; ".join([self.refused, *missing])
        if done.returncode:
            return _error(done)
        if self.exchanges:
            return f"a recorded request is missing: {_line(self.exchanges[0])}"
        printed = done.stdout.splitlines()
        return "" if printed == self.output else f"it prints {printed}, recorded is {self.output}"


class Recorder:
    """Passes the requests on to the service at AGENT_URL."""

    def __init__(self) -> None:
        self.exchanges: list[dict[str, Any]] = []
        if not {"AGENT_URL", "AGENT_KEY"} <= set(os.environ):
            pytest.fail("--record needs AGENT_URL and AGENT_KEY of a service", pytrace=False)

    def answer(self, request: Request) -> Response:
        """Return the response of the service."""
        asked = _asked(request)
        got = httpx.request(
            request.method,
            os.environ["AGENT_URL"].rstrip("/") + asked["path"],
            content=request.get_data(),
            headers=[(k, v) for k, v in request.headers if k not in ("Host", "Accept-Encoding")],
            timeout=SECONDS,
        )
        if "event-stream" in got.headers.get("content-type", ""):
            found = re.findall("^data: ?(.*)$", got.text, re.MULTILINE)
            events = [data if data == "[DONE]" else json.loads(data) for data in found]
            exchange = {**asked, "status": got.status_code, "events": events}
        else:
            exchange = {**asked, "status": got.status_code, "answer": got.json()}
        self.exchanges.append(exchange)
        return _response(exchange)

    def problem(self, done: "subprocess.CompletedProcess[str]") -> str:
        """Return why a run can't be recorded; empty if it can."""
        return _error(done) if done.returncode else ""

    def text(self, output: str) -> str:
        """Return the recording."""
        recording = {"exchanges": self.exchanges, "output": output.splitlines()}
        return json.dumps(recording, indent=2, ensure_ascii=False) + "\n"


class Sdk:
    """The SDK that is installed, and the one that `pyproject.toml` pins."""

    def __init__(self, package: str) -> None:
        self.package = package
        self.name = canonicalize_name(package)
        try:
            self.version = metadata.version(self.name)
        except metadata.PackageNotFoundError:
            pytest.fail(f"{self.name} is not installed: run `uv sync`", pytrace=False)
        self.pinned = self._pin()

    def _pin(self) -> str:
        """Return the version that `pyproject.toml` pins; empty if it is not exact."""
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        for each in map(Requirement, project["dependencies"]):
            pin = re.fullmatch(r"==([^*,]+)", str(each.specifier))
            if pin and canonicalize_name(each.name) == self.name:
                return pin[1]
        return ""

    def explain(self, example: Path, problem: str) -> str:
        """Return why an example fails, and what changed in the SDK since it was recorded."""
        recorded, changes = "", []
        if SURFACE.exists():
            first, _, stubs = SURFACE.read_text().partition("\n")
            recorded = first.rpartition(" ")[2]
            changes = list(self._changes(stubs, example))
        before = f"pinned {self.pinned}" if self.pinned else "not pinned"
        if self.version == self.pinned:
            before = f"recorded with {recorded}" if recorded != self.version else "pinned"
        text = f"{_short(example)} fails with {self.name} {self.version} ({before}): {problem}"
        if changes:
            return f"{text}; changed in the SDK: {'; '.join(changes)}"
        if self.version != recorded:
            text += "; no signature that it uses changed: the SDK does something else"
        return text

    def surface(self) -> str:
        """Return the public classes of the SDK, each as in a `.pyi` file, and its version."""
        module = import_module(self.package)
        public = [name for name in module.__all__ if isinstance(getattr(module, name), type)]
        stubs = [str(read(getattr(module, name), name)) for name in public]
        return "\n\n".join([f"# {self.name} {self.version}\n", *stubs])

    def _changes(self, stubs: str, example: Path) -> Iterator[str]:
        """Yield the breaking changes of what an example uses."""
        used = _words(example.read_text())
        # A stub may begin with `@final`.
        parts = [part for part in re.split(r"\n\n+(?=\S)", stubs) if part.strip()]
        for before in map(parse, _reached(parts, used)):
            try:
                now = read(load(f"{self.package}:{before.name}"), before.name)
            except SurfaceError as error:
                if before.name in used:
                    yield str(error)
                continue
            for member, changes in compare(before, now).items():
                name = before.name if member in ("class", "__init__") else member
                place = before.name if member == "class" else f"{before.name}.{member}"
                if name in used:
                    broken = [change.words for change in changes if change.is_breaking]
                    yield from (f"{place}: {words} (breaking)" for words in broken)


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text))


def _reached(stubs: list[str], words: set[str]) -> list[str]:
    """Return the stubs of the classes that some words name, and of what these return and take."""
    found = [stub for stub in stubs if parse(stub).name in words]
    more = words | {word for stub in found for word in _words(stub)}
    return found if more == words else _reached(stubs, more)


def _run(example: Path, url: str, is_covered: bool) -> "subprocess.CompletedProcess[str]":
    """Run an example as a customer does."""
    key = os.environ.get("AGENT_KEY", "a key for tests")
    coverage = []
    if is_covered:
        # As pytest-cov names the test: `tpgen gate` asks which test ran a line.
        test = os.environ["PYTEST_CURRENT_TEST"].rpartition(" ")[0]
        coverage = ["-m", "coverage", "run", "--parallel-mode", f"--context={test}|run"]
    command = [sys.executable, *coverage, str(example)]
    try:
        return subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, "AGENT_URL": url, "AGENT_KEY": key, "NO_PROXY": "*"},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", f"it does not end in {SECONDS} seconds")


def _asked(request: Request) -> dict[str, Any]:
    body = request.get_data()
    path = request.full_path.rstrip("?")
    return {"method": request.method, "path": path, "asked": json.loads(body) if body else None}


def _response(exchange: dict[str, Any]) -> Response:
    if "events" not in exchange:
        text = json.dumps(exchange["answer"])
        return Response(text, exchange["status"], content_type="application/json")
    events = [each if isinstance(each, str) else json.dumps(each) for each in exchange["events"]]
    text = "".join(f"data: {each}\n\n" for each in events)
    return Response(text, exchange["status"], content_type="text/event-stream")


def _line(asked: dict[str, Any]) -> str:
    body = f" {json.dumps(asked['asked'])}" if asked["asked"] is not None else ""
    return f"{asked['method']} {asked['path']}{body}"


def _error(done: "subprocess.CompletedProcess[str]") -> str:
    lines = done.stderr.strip().splitlines()
    return lines[-1] if lines else f"it ends with the exit code {done.returncode}"


def _short(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()
