"""Rendered examples: they run with the pinned SDK, and a changed SDK fails them, with the reason."""

import subprocess
from pathlib import Path

import pytest
from pytest_copie.plugin import Copie

from tests.hooks import Repository, repository
from tests.rendering import Service, install, render
from tests.service.test_sdk import gate

WHEEL = "gateway_sdk-{}-py3-none-any.whl"
AGENT = "src/gateway_sdk/agent.py"
MODELS = "src/gateway_sdk/models.py"
CALLS = "src/gateway_sdk/calls.py"


def build(sdk: Path, to: Path) -> None:
    """Build the wheel of an SDK."""
    command = ["uv", "build", "--quiet", "--wheel", "--out-dir", str(to)]
    subprocess.run(command, cwd=sdk, check=True)


@pytest.fixture(scope="session")
def pinned(copie_session: Copie, sdk: Service) -> Service:
    """The examples, in an environment with the SDK's wheel: `copy` them before you change them."""
    folder = render(copie_session, project="examples", sdk_source="wheel")
    build(sdk.path, folder / "vendor")
    return install(folder)


@pytest.fixture
def own(pinned: Service, tmp_path: Path) -> Service:
    """The examples of this test's own."""
    return pinned.copy(tmp_path / "examples")


@pytest.fixture
def changed(pinned: Service, sdk: Service, tmp_path: Path) -> Service:
    """An SDK to change; its environment is that of the examples."""
    return Service(sdk.copy(tmp_path / "sdk").path, pinned.environment)


def suite(examples: Service) -> tuple[int, str]:
    """Run the suite of examples, as the job of the SDK's repository does."""
    done = examples.run("pytest", "-pno:cacheprovider", "--tb=short")
    return done.code, done.text


def test_pass_with_the_pinned_sdk(own: Service) -> None:
    """The check and the gate find nothing, until a line of an example does not run."""
    made = repository(own.path)
    done = own.tpgen("check")
    assert (done.code, done.text.partition(";")[0]) == (0, "no findings"), done.text
    own.write({"examples/more.py": 'import os\n\nif os.environ.get("MORE"):\n    print(1)\n'})
    own.write({"tests/recordings/more.json": '{"exchanges": [], "output": []}\n'})
    assert made.commit({}).code == 0
    # It runs the suite, which must pass.
    assert gate(own) == {"TPG601"}


def test_the_recorded_surface_is_the_one_of_the_sdk(own: Service) -> None:
    done = own.run(
        "python",
        "-c",
        "from tests.policy.suites.examples import SURFACE, Sdk\n"
        "assert SURFACE.read_text() == Sdk('gateway_sdk').surface()",
    )
    assert done.code == 0, done.text


CHANGES = [
    (AGENT, "        temperature: float | None = None,\n        max_tokens", "        max_tokens"),
    (MODELS, "    text: str\n    raw", "    content: str\n    raw"),
    (CALLS, "return [piece for piece in found if piece]", "return [p[:2] for p in found if p]"),
]
REASONS = {
    "chat": (
        "TypeError: Agent.chat() got an unexpected keyword argument 'temperature'; changed in the "
        "SDK: Agent.chat: `temperature` was removed (breaking)"
    ),
    "agents": (
        "AttributeError: 'Reply' object has no attribute 'text'; changed in the SDK: "
        "Reply.text: the property was removed (breaking)"
    ),
    "stream": (
        "it prints ['on', 'tw', 'th'], recorded is ['one', 'two', 'three']; no signature that it "
        "uses changed: the SDK does something else"
    ),
}


def test_a_changed_sdk_fails_them(
    pinned: Service, changed: Service, own: Service, tmp_path: Path
) -> None:
    """Each failure names the example, the versions and the change that matters to it."""
    for name, old, new in CHANGES:
        text = (changed.path / name).read_text()
        assert old in text
        changed.write({name: text.replace(old, new, 1)})
    changed.replace("pyproject.toml", 'version = "0.1.0"', 'version = "0.2.0"')
    # Another example that names a class does not hide its change from those that only use it.
    own.write({"examples/typed.py": "from gateway_sdk import Reply\n\nprint(Reply)\n"})
    build(changed.path, tmp_path / "dist")
    try:
        install_wheel(pinned, tmp_path / "dist" / WHEEL.format("0.2.0"))
        code, said = suite(own)
        own.replace("pyproject.toml", "gateway-sdk==0.1.0", "gateway-sdk==0.2.0")
        _, later = suite(own)
    finally:
        install_wheel(pinned, pinned.path / "vendor" / WHEEL.format("0.1.0"))
    assert code == 1
    for example, reason in REASONS.items():
        start = f"examples/{example}.py fails with gateway-sdk 0.2.0"
        assert f"{start} (pinned 0.1.0): {reason}" in said, said
        assert f"{start} (recorded with 0.1.0): {reason}" in later, later


def test_a_request_without_a_recording_and_a_loose_pin_are_refused(own: Service) -> None:
    own.replace("tests/recordings/agents.json", "?limit=100", "?limit=50")
    own.replace("pyproject.toml", "gateway-sdk==0.1.0", "gateway-sdk>=0.1.0")
    own.replace("examples/chat.py", "import os", "import os\nimport time\n\ntime.sleep(9)")
    own.replace("tests/policy/suites/examples.py", "SECONDS = 30", "SECONDS = 1")
    _, said = suite(own)
    assert "examples/agents.py fails with gateway-sdk 0.1.0 (not pinned): no such request" in said
    assert "GET /v1/agents?limit=100; recorded: GET /v1/agents?limit=50" in said
    assert 'must pin the SDK exactly: "gateway-sdk==1.4.2"' in said
    assert "examples/chat.py fails with gateway-sdk 0.1.0 (not pinned): it does not end in" in said
    own.replace("pyproject.toml", "gateway-sdk>=0.1.0", "Gateway_SDK[cli] == 0.1.0")
    assert "must pin" not in suite(own)[1]


def install_wheel(examples: Service, wheel: Path) -> None:
    """Install an SDK instead of the pinned one, as the job of the SDK's repository does."""
    command = ["uv", "pip", "install", "--quiet", "--python", str(examples.environment)]
    again = ["--reinstall-package", "gateway-sdk", str(wheel)]
    subprocess.run([*command, *again], cwd=examples.path, check=True)


def test_find_an_sdk_in_git(copie_session: Copie, sdk: Service, tmp_path: Path) -> None:
    source = sdk.copy(tmp_path / "sdk").path
    repository(source).git("tag", "v0.1.0")
    folder = render(copie_session, project="examples", sdk_source=f"file://{source}")
    subprocess.run(["uv", "lock", "--quiet"], cwd=folder, check=True)
    commit = Repository(source).git("rev-parse", "HEAD")
    assert f"?tag=v0.1.0#{commit}" in (folder / "uv.lock").read_text()


def test_a_missing_wheel_is_one_error(copie_session: Copie) -> None:
    folder = render(copie_session, project="examples", sdk_source="wheel")
    done = subprocess.run(["uv", "lock"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    [error] = [each for each in done.stderr.split("error: ")[1:]]
    assert error.startswith("Distribution not found at:")
    assert "vendor/gateway_sdk-0.1.0-py3-none-any.whl" in error


SERVICE = """\
import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert self.headers["Authorization"] == "Bearer tp_test_real"
        message = {"content": "Rhône: " + asked["messages"][0]["content"]}
        body = json.dumps({"choices": [{"message": message}]})
        if asked.get("stream"):
            body = 'data: {"choices": [{"delta": {"content": "é"}}]}\\n\\ndata: [DONE]\\n\\n'
        self.send_response(200)
        kind = "text/event-stream" if asked.get("stream") else "application/json"
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(body.encode())


server = HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""


def test_are_recorded_with_a_real_service(own: Service) -> None:
    """The key of the service is in no recording."""
    (own.path / "examples/agents.py").unlink()
    own.write({"service.py": SERVICE})
    with own.start("python", "-u", "service.py") as process:
        try:
            assert process.stdout is not None
            url = f"http://127.0.0.1:{process.stdout.readline().strip()}"
            done = own.run(
                "pytest", "-pno:cacheprovider", "--record", AGENT_URL=url, AGENT_KEY="tp_test_real"
            )
            assert done.code == 0, done.text
        finally:
            process.terminate()
    texts = [path.read_text() for path in (own.path / "tests/recordings").iterdir()]
    assert "Rhône: Name a river in France." in "".join(texts)
    assert "tp_test_real" not in "".join(texts)
    assert suite(own)[0] == 0
