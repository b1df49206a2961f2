"""Required cases of the client of an upstream (policy: "Layers", the `MockTransport` example)."""

import os
from pathlib import Path
from typing import Any

import httpx
import pytest

from . import Suite, blank
from tests.policy.http import Answer, Recording, Upstream, broken_promises


class _ClientSuite(Suite):
    """What is said of a client: how it is made, and one call of it.

    Attributes:
        transport: what carries the requests of `http`; for a client that takes a transport, or
            that is not async: `httpx.Client(transport=self.transport)`.
    """

    transport: Any

    def make_client(self, http: httpx.AsyncClient) -> Any:
        """The client, which sends its requests through `http` or `self.transport`."""
        return blank("def make_client(self, http): return MyClient(http=http)")

    async def call(self, client: Any) -> Any:
        """What one call returns."""
        return blank("async def call(self, client): return await client.fetch()")


class ClientSuite(_ClientSuite):
    """The unit cases, over `httpx.MockTransport`.

    Say `answer`, JSON of the upstream; `result`, what `call` returns then; `error`, what it
    raises where the upstream fails; `make_client` and `call`.
    """

    answer: Any = blank('answer = {"choices": [{"message": {"content": "hello"}}]}')
    result: Any = blank('result = "hello"')
    error: Any = blank("error = UpstreamError")

    async def test_returns_what_the_upstream_answers(self) -> None:
        upstream = Upstream()
        self.transport = upstream.transport
        client = self.make_client(upstream.http)
        upstream.answers = [httpx.Response(200, json=self.answer)]
        assert await self.call(client) == self.result
        assert upstream.requests

    @pytest.mark.parametrize("failure", ["500", "time-out", "connection", "no JSON"])
    async def test_tells_of(self, failure: str) -> None:
        """An upstream that fails, each time it is asked; a 500 is one, whatever it says."""
        upstream = Upstream()
        self.transport = upstream.transport
        client = self.make_client(upstream.http)
        failures: dict[str, Answer] = {
            "500": httpx.Response(500, json=self.answer),
            "time-out": httpx.ReadTimeout("too late"),
            "connection": httpx.ConnectError("refused"),
            "no JSON": httpx.Response(200, content=b"<html>"),
        }
        upstream.answers = [failures[failure]]
        with pytest.raises(self.error):
            await self.call(client)
        assert upstream.requests


class ContractSuite(_ClientSuite):
    """The contract case, against the live upstream. Say `recording`, `make_client` and `call`."""

    recording: Any = blank('recording = Path(__file__).parent / "recordings/mine.json"')

    def setting(self, name: str) -> str:
        """A variable of the environment, such as a key; without it the test fails."""
        return os.environ.get(name) or pytest.fail(f"set {name} to a real one", pytrace=False)

    async def test_answers_as_recorded(self, pytestconfig: pytest.Config) -> None:
        recording = Recording(Path(self.recording))
        exchanges: list[httpx.Response] = []
        hooks = {"response": [_reader_into(exchanges)]}
        async with (
            _Recorder(exchanges) as self.transport,
            httpx.AsyncClient(timeout=60, event_hooks=hooks) as http,
        ):
            await self.call(self.make_client(http))
        if not exchanges:
            where = f"{type(self).__name__}.make_client"
            reason = "nothing was asked through `http` or `self.transport`"
            pytest.fail(f"{reason}: give one of them to the client, in {where}", pytrace=False)
        if pytestconfig.getoption("--record"):
            recording.keep(exchanges[-1])
        assert broken_promises(recording.answer(), exchanges[-1].json()) == []


class _Recorder(httpx.AsyncBaseTransport, httpx.BaseTransport):
    """The network, for async and other clients, with a record of what it answered."""

    def __init__(self, exchanges: list[httpx.Response]) -> None:
        self.exchanges = exchanges
        self.asynchronous = httpx.AsyncHTTPTransport()
        self.synchronous = httpx.HTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self.asynchronous.handle_async_request(request)
        response.request = request
        await _reader_into(self.exchanges)(response)
        return response

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = self.synchronous.handle_request(request)
        response.request = request
        response.read()
        self.exchanges.append(response)
        return response

    async def aclose(self) -> None:
        self.synchronous.close()
        await self.asynchronous.aclose()


def _reader_into(exchanges: list[httpx.Response]) -> Any:
    async def read(response: httpx.Response) -> None:
        await response.aread()
        exchanges.append(response)

    return read
