"""The starter starts with one command and serves: to a program, and to a person's browser."""

import json
import os
import shutil
import signal
import subprocess
import threading
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pytest_copie.plugin import Copie

from tests.rendering import Service, install, render

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
SERVE = "gateway tenant demo && exec gateway serve --port 0"


@dataclass(frozen=True)
class Running:
    """A service that serves, and the key of an agent."""

    url: str
    key: str

    def ask(self, path: str, body: Any = None, key: str | None = None) -> tuple[int, Any]:
        """Send a request; give status and JSON."""
        headers = {"Authorization": f"Bearer {key or self.key}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        try:
            with urllib.request.urlopen(
                urllib.request.Request(self.url + path, data, headers), timeout=20
            ) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)


class Parrot(BaseHTTPRequestHandler):
    """An upstream that answers with what it was told."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        said = asked["messages"][-1]["content"]
        answer = json.dumps({"choices": [{"message": {"content": said}}]}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def parrot() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Parrot)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@contextmanager
def serving(service: Service) -> Iterator[Running]:
    """Do what `make serve` does, on a port that is free."""
    command = ["python", "-m", "pytest_tpgen.postgres", "sh", "-c", SERVE]
    with parrot() as upstream:
        process = service.start(
            *command,
            TEST_POSTGRES="embedded",
            UPSTREAM_URL=upstream,
            VAULT_KEY=b64encode(os.urandom(32)).decode(),
        )
        try:
            yield _when_ready(process)
        finally:
            os.killpg(process.pid, signal.SIGINT)
            process.communicate(timeout=20)


def _when_ready(process: "subprocess.Popen[str]") -> Running:
    assert process.stdout
    said, key = "", ""
    for line in process.stdout:
        said += line
        if line.startswith("tp_live_"):
            key = line.strip()
        if "running on" in line:
            return Running(line.split("running on ")[1].split()[0], key)
    raise AssertionError(said)


def test_serves_with_one_command(rendered: Service) -> None:
    with serving(rendered) as running:
        assert running.ask("/healthz") == (200, {"status": "ok"})
        status, agent = running.ask("/v1/agents", {"label": "reporter"})
        assert status == 201
        message = {"role": "user", "content": "write to jane@example.com"}
        chat = {"model": "m", "messages": [message]}
        status, answer = running.ask("/v1/chat/completions", chat, key=agent["key"])
        assert (status, answer["choices"][0]["message"]["content"]) == (200, "write to [email]")
        assert running.ask("/v1/agents", key="tp_live_unknown")[0] == 401


def test_make_serve_is_that_command(rendered: Service) -> None:
    done = subprocess.run(
        ["make", "--dry-run", "serve"],
        cwd=rendered.path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"python -m pytest_tpgen.postgres sh -c '{SERVE.split(' &&')[0]} &&" in done.stdout


@pytest.mark.parametrize("setting", ["DATABASE_URL", "VAULT_KEY"])
def test_a_missing_setting_is_one_sentence(setting: str, rendered: Service) -> None:
    there = {"DATABASE_URL": "postgresql://localhost:1/none", "VAULT_KEY": b64encode(b"k" * 32)}
    variables = {name: str(value) for name, value in there.items() if name != setting}
    done = rendered.run("gateway", "serve", **variables)
    assert (done.code, len(done.text.splitlines())) == (2, 1)
    assert setting in done.text


@pytest.mark.skipif(BROWSER is None and "CI" not in os.environ, reason="no Chromium here")
def test_a_person_uses_the_page(copie: Copie) -> None:
    service = install(render(copie, frontend=True))
    with serving(service) as running:
        done = service.pytest(
            "tests/e2e", E2E_URL=running.url, E2E_API_KEY=running.key, E2E_BROWSER=str(BROWSER)
        )
    assert done.count("passed") == 2, done.text
