"""Fake upstreams on `httpx.MockTransport`, and recordings of real ones."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

Answer = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


class Upstream:
    """A fake upstream that gives its answers in order; the last one repeats, streams included.

    Args:
        answers: responses, exceptions to raise, or functions of the request.

    Attributes:
        requests: those that it received, oldest first.
    """

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    @property
    def transport(self) -> httpx.MockTransport:
        """The transport that brings every request here, for async and other clients."""
        return httpx.MockTransport(self._handle)

    @property
    def http(self) -> httpx.AsyncClient:
        """An async client whose requests all come here."""
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
        given = answer if isinstance(answer, httpx.Response) else answer(request)
        # An async function gives a coroutine, which httpx awaits.
        return _again(given) if isinstance(given, httpx.Response) else given


def _again(answer: httpx.Response) -> httpx.Response:
    """Return a new response like one that may be given again: httpx reads a response once."""
    stream = answer.stream
    if not isinstance(stream, httpx.ByteStream | _Replayed):
        stream = answer.stream = _Replayed(stream)
    return httpx.Response(
        answer.status_code, headers=answer.headers, stream=stream, extensions=answer.extensions
    )


class _Replayed(httpx.AsyncByteStream, httpx.SyncByteStream):
    """A stream that can be read many times; its source is read once, as far as anybody reads.

    Args:
        source: its chunks, perhaps followed by an exception, which is raised each time.
    """

    def __init__(self, source: httpx.AsyncByteStream | httpx.SyncByteStream) -> None:
        self._chunks: list[bytes] = []
        self._error: Exception | None = None
        self._is_whole = False
        self._source = source
        self._asynchronous: AsyncIterator[bytes] | None = None
        self._synchronous: Iterator[bytes] | None = None
        self._lock = asyncio.Lock()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        read = 0
        while True:
            async with self._lock:  # two readers at once
                if read == len(self._chunks) and not self._is_whole:
                    await self._read_more()
            if read == len(self._chunks):
                break
            yield self._chunks[read]
            read += 1
        self._end()

    def __iter__(self) -> Iterator[bytes]:
        read = 0
        while True:
            if read == len(self._chunks) and not self._is_whole:
                self._read_more_now()
            if read == len(self._chunks):
                break
            yield self._chunks[read]
            read += 1
        self._end()

    async def _read_more(self) -> None:
        if not isinstance(self._source, httpx.AsyncByteStream):
            self._read_more_now()
            return
        self._asynchronous = self._asynchronous or aiter(self._source)
        try:
            self._chunks.append(await anext(self._asynchronous))
        except StopAsyncIteration:
            self._is_whole = True
        except Exception as error:
            self._error, self._is_whole = error, True
            raise

    def _read_more_now(self) -> None:
        if not isinstance(self._source, httpx.SyncByteStream):
            raise TypeError("an async stream was given to a client that isn't async")
        self._synchronous = self._synchronous or iter(self._source)
        try:
            self._chunks.append(next(self._synchronous))
        except StopIteration:
            self._is_whole = True
        except Exception as error:
            self._error, self._is_whole = error, True
            raise

    def _end(self) -> None:
        if self._error:
            raise self._error


def event_stream(*events: Mapping[str, Any] | str, cut_off: bool = False) -> httpx.Response:
    """Return a response of server-sent events.

    Args:
        events: the data of each, as JSON or as text such as `[DONE]`.
        cut_off: whether the connection breaks after the last one.
    """

    data = (event if isinstance(event, str) else json.dumps(event) for event in events)
    stream = _Blocks([f"data: {each}\n\n".encode() for each in data], cut_off)
    return httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=stream)


class _Blocks(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body for both kinds of client."""

    def __init__(self, blocks: Sequence[bytes], cut_off: bool) -> None:
        self._blocks, self._is_cut_off = blocks, cut_off

    def __iter__(self) -> Iterator[bytes]:
        yield from self._blocks
        if self._is_cut_off:
            raise httpx.ReadError("the connection broke")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for block in self:
            yield block


class Recording:
    """An exchange with a real upstream, in a file: replayed in unit tests, checked nightly.

    Args:
        path: a JSON file. It holds no header, so no key.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def _read(self) -> dict[str, Any]:
        if not self.path.exists():
            pytest.fail(f"{self.path} does not exist yet: --record writes it", pytrace=False)
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
        """Record an exchange, whose bodies are both JSON."""
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
        """Return the recorded response; an answer of an `Upstream`.

        Raises:
            AssertionError: the request differs from the recorded one in method, path or body.
        """
        recorded = self._read()
        wanted = [recorded["method"], recorded["path"], recorded["asked"]]
        assert [request.method, request.url.path, json.loads(request.content)] == wanted, (
            f"{self.path.name} was recorded for another request"
        )
        return httpx.Response(200, json=recorded["answer"])


def breaking_differences(recorded: Any, received: Any, at: str = "answer") -> list[str]:
    """Compare a JSON value with one that was recorded before.

    Returns:
        one line for each field that is missing or has another type; new fields don't count.
    """
    if recorded is None:
        return []
    if type(recorded) is not type(received):
        return [f"{at} is {type(received).__name__}, and was {type(recorded).__name__}"]
    if isinstance(recorded, dict):
        pairs = [(f"{at}.{key}", recorded[key], received.get(key)) for key in recorded]
    elif isinstance(recorded, list) and recorded:
        pairs = [(f"{at}[]", recorded[0], item) for item in received or [None]]
    else:
        pairs = []
    return [line for place, was, now in pairs for line in breaking_differences(was, now, place)]


class Recorder(httpx.AsyncBaseTransport, httpx.BaseTransport):
    """A transport to the network, for async and other clients, that keeps the responses.

    Attributes:
        responses: those received, oldest first, with their bodies read.
    """

    def __init__(self) -> None:
        self.responses: list[httpx.Response] = []
        self._asynchronous = httpx.AsyncHTTPTransport()
        self._synchronous = httpx.HTTPTransport()

    @property
    def http(self) -> httpx.AsyncClient:
        """An async client with the proxies of the environment; its responses are kept too."""
        return httpx.AsyncClient(timeout=60, event_hooks={"response": [self._keep]})

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request."""
        response = await self._asynchronous.handle_async_request(request)
        response.request = request
        await self._keep(response)
        return response

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request of a client that isn't async."""
        response = self._synchronous.handle_request(request)
        response.request = request
        response.read()
        self.responses.append(response)
        return response

    async def _keep(self, response: httpx.Response) -> None:
        await response.aread()
        self.responses.append(response)

    async def aclose(self) -> None:
        """Close the connections."""
        self._synchronous.close()
        await self._asynchronous.aclose()
