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
    """Creates a client and calls it once.

    Attributes:
        transport: the transport of `http`, for a client that takes a transport or is synchronous:
            `httpx.Client(transport=self.transport)`.
    """

    transport: Any

    def make_client(self, http: httpx.AsyncClient) -> Any:
        """Return the client; it must send its requests through `http` or `self.transport`."""
        return self.fill_in("def make_client(self, http): return MyClient(http=http)")

    async def call(self, client: Any) -> Any:
        """Return the result of one call."""
        return self.fill_in("async def call(self, client): return await client.fetch()")


class ClientSuite(_ClientSuite):
    """The unit cases, with a fake upstream.

    State `answer`, a JSON response of the upstream; `result`, the value that `call` returns for it;
    `error`, the exception that `call` raises if the upstream fails; `make_client` and `call`.
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
        """`call` raises `error` if every request fails, even if the 500 has the valid JSON."""
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
    """The contract case, with the real upstream. State `recording`, `make_client` and `call`."""

    recording: Any = placeholder('recording = Path(__file__).parent / "recordings/mine.json"')

    def setting(self, name: str) -> str:
        """Return an environment variable, such as a key; fail the test if it is not set."""
        return os.environ.get(name) or pytest.fail(f"set {name} to a real value", pytrace=False)

    async def test_answers_as_recorded(self, pytestconfig: pytest.Config) -> None:
        recording = Recording(Path(self.recording))
        async with aclosing(Recorder()) as recorder, recorder.http as http:
            self.transport = recorder
            await self.call(self.make_client(http))
        assert recorder.responses, (
            f"no request went through `http` or `self.transport`: pass one of them to the client "
            f"in {type(self).__name__}.make_client"
        )
        if pytestconfig.getoption("--record"):
            recording.keep(recorder.responses[-1])
        received = recorder.responses[-1].json()
        assert breaking_differences(recording.answer(), received) == []
