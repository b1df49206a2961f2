"""Fake upstreams on `httpx.MockTransport`: what they answer, and what they were asked.

The one module of the suite that names the HTTP package.
"""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

Answer = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


class Upstream:
    """A fake upstream that gives its answers in order, the last one for ever.

    Args:
        answers: responses, exceptions to raise, or functions of the request.

    Attributes:
        requests: what it was asked, oldest first.
    """

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    @property
    def transport(self) -> httpx.MockTransport:
        """What carries every request here, for async and other clients."""
        return httpx.MockTransport(self._handle)

    @property
    def http(self) -> httpx.AsyncClient:
        """A client whose every request comes here."""
        return httpx.AsyncClient(transport=self.transport)

    @property
    def bodies(self) -> list[Any]:
        """The JSON bodies of the requests."""
        return [json.loads(request.content) for request in self.requests]

    def _handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, httpx.Response):
            # A response is read once; one that is given again must be a new one.
            return httpx.Response(answer.status_code, headers=answer.headers, stream=answer.stream)
        return answer(request)


def event_stream(*events: Mapping[str, Any] | str, cut_off: bool = False) -> httpx.Response:
    """A response of server-sent events.

    Args:
        events: the data of each, as JSON or as text such as `[DONE]`.
        cut_off: whether the connection breaks after the last one.
    """

    async def lines() -> AsyncIterator[bytes]:
        for event in events:
            data = event if isinstance(event, str) else json.dumps(event)
            yield f"data: {data}\n\n".encode()
        if cut_off:
            raise httpx.ReadError("the connection broke")

    return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=lines())


class Recording:
    """One exchange with a real upstream, in a file: replayed in unit tests, checked nightly.

    Args:
        path: a JSON file. It holds no header, so no key.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def _read(self) -> dict[str, Any]:
        if not self.path.exists():
            pytest.fail(f"{self.path} is not there yet: --record makes it", pytrace=False)
        content: dict[str, Any] = json.loads(self.path.read_text())
        return content

    def asked(self) -> dict[str, Any]:
        """The body of the request."""
        body: dict[str, Any] = self._read()["asked"]
        return body

    def answer(self) -> dict[str, Any]:
        """The body of the response."""
        body: dict[str, Any] = self._read()["answer"]
        return body

    def keep(self, response: httpx.Response) -> None:
        """Record another exchange in its place: both bodies are JSON."""
        request = response.request
        content = {
            "method": request.method,
            "path": request.url.path,
            "asked": json.loads(request.content or b"null"),
            "answer": response.json(),
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps(content, indent=2) + "\n")

    def replay(self, request: httpx.Request) -> httpx.Response:
        """Answer as recorded: an `Upstream` takes this for an answer.

        Raises:
            AssertionError: the request differs from the recorded one in method, path or body.
        """
        recorded = self._read()
        wanted = [recorded["method"], recorded["path"], recorded["asked"]]
        assert [request.method, request.url.path, json.loads(request.content)] == wanted, (
            f"{self.path.name} was recorded for another request"
        )
        return httpx.Response(200, json=recorded["answer"])


def broken_promises(promised: Any, given: Any, at: str = "answer") -> list[str]:
    """Where a JSON value lacks what another one, recorded before, leads to expect.

    Returns:
        one line for each field that is gone or of another type; more fields are no breach.
    """
    if promised is None:
        return []
    if type(promised) is not type(given):
        return [f"{at} is {type(given).__name__}, and was {type(promised).__name__}"]
    if isinstance(promised, dict):
        pairs = [(f"{at}.{key}", promised[key], given.get(key)) for key in promised]
    elif isinstance(promised, list) and promised:
        pairs = [(f"{at}[]", promised[0], one) for one in given or [None]]
    else:
        pairs = []
    return [line for where, was, now in pairs for line in broken_promises(was, now, where)]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("policy").addoption(
        "--record", action="store_true", help="contract tests record the upstream's answers anew"
    )
