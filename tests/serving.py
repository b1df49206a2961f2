"""A rendered service that serves, as `make serve` lets it, with an upstream that repeats."""

import json
import os
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

from tests.rendering import Service

TENANT = "gateway tenant"
SERVE = "exec gateway serve --port 0"


@dataclass(frozen=True)
class Running:
    """A service that serves, and the keys of an agent of each tenant."""

    url: str
    keys: list[str]

    @property
    def key(self) -> str:
        """The key of the first tenant's agent."""
        return self.keys[0]

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
def serving(service: Service, *more_tenants: str) -> Iterator[Running]:
    """Do what `make serve` does, on a port that is free."""
    script = " && ".join([*(f"{TENANT} {name}" for name in ("demo", *more_tenants)), SERVE])
    command = ["python", "-m", "pytest_tpgen.postgres", "sh", "-c", script]
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
    said, keys = "", []
    for line in process.stdout:
        said += line
        if line.startswith("tp_live_"):
            keys.append(line.strip())
        if "running on" in line:
            return Running(line.split("running on ")[1].split()[0], keys)
    raise AssertionError(said)
