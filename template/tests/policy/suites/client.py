"""Required cases of the client of an upstream (policy: "Layers", the `MockTransport` example)."""

import os
from contextlib import aclosing
from pathlib import Path
from typing import Any

import httpx
import pytest
from pytest_tpgen.suites import Suite, placeholder
from pytest_tpgen.upstream import Answer, Recorder, Recording, Upstream, breaking_differences


class _ClientSuite(Suite):
    """The facts of a client: how a test creates it, and one call of it.

    Attributes:
        transport: carries the requests of `http`; for a client that takes a transport, or that is
            not async: `httpx.Client(transport=self.transport)`.
    """

    transport: Any

    def make_client(self, http: httpx.AsyncClient) -> Any:
        """Return the client, which sends its requests through `http` or `self.transport`."""
        return self.fill_in("def make_client(self, http): return MyClient(http=http)")

    async def call(self, client: Any) -> Any:
        """Return the result of one call."""
        return self.fill_in("async def call(self, client): return await client.fetch()")


class ClientSuite(_ClientSuite):
    """The unit cases, over `httpx.MockTransport`.

    State `answer`, JSON of the upstream; `result`, what `call` returns then; `error`, what it
    raises if the upstream fails; `make_client` and `call`.
    """

    answer: Any = placeholder('answer = {"choices": [{"message": {"content": "hello"}}]}')
    result: Any = placeholder('result = "hello"')
    error: Any = placeholder("error = UpstreamError")

    async def test_returns_what_the_upstream_answers(self) -> None:
        upstream = Upstream()
        self.transport = upstream.transport
        client = self.make_client(upstream.http)
        upstream.answers = [httpx.Response(200, json=self.answer)]
        assert await self.call(client) == self.result
        assert upstream.requests

    @pytest.mark.parametrize("failure", ["500", "time-out", "connection", "no JSON"])
    async def test_tells_of(self, failure: str) -> None:
        """An upstream that fails each time raises `error`, also if its 500 has a valid body."""
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
    """The contract case, against the live upstream. State `recording`, `make_client`, `call`."""

    recording: Any = placeholder('recording = Path(__file__).parent / "recordings/mine.json"')

    def setting(self, name: str) -> str:
        """Return a variable of the environment, such as a key; without it the test fails."""
        return os.environ.get(name) or pytest.fail(f"set {name} to a real one", pytrace=False)

    async def test_answers_as_recorded(self, pytestconfig: pytest.Config) -> None:
        recording = Recording(Path(self.recording))
        async with aclosing(Recorder()) as recorder, recorder.http as http:
            self.transport = recorder
            await self.call(self.make_client(http))
        assert recorder.responses, (
            f"nothing was sent through `http` or `self.transport`: pass one of them to the client "
            f"in {type(self).__name__}.make_client"
        )
        if pytestconfig.getoption("--record"):
            recording.keep(recorder.responses[-1])
        received = recorder.responses[-1].json()
        assert breaking_differences(recording.answer(), received) == []
