"""The client of the upstream. Callers pass in the HTTP client; this module creates none."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import httpx


class UpstreamError(Exception):
    """The upstream gave no usable response.

    Attributes:
        status: of its last response; None if there was no response.
    """

    def __init__(self, status: int | None, message: str) -> None:
        super().__init__(message)
        self.status = status


class OpenAIClient:
    """A client of an API that is compatible with OpenAI's.

    Args:
        http: sends the requests, with its own time-outs.
        base_url: the URL of the API, without `/v1`.
        api_key: sent as a Bearer token, unless empty.
        retries: how often to retry after a lost connection, a time-out or a 5xx; a 4xx is final.
        backoff: seconds before the first retry; doubled for each further one.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        base_url: str,
        api_key: str = "",
        retries: int = 2,
        backoff: float = 0.1,
    ) -> None:
        self.http = http
        self.url = f"{base_url.rstrip('/')}/v1/chat/completions"
        self.headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self.pauses = [backoff * 2**attempt for attempt in range(retries)]

    async def chat(self, model: str, messages: Sequence[Mapping[str, Any]], **options: Any) -> str:
        """Return the text of the reply.

        Raises:
            UpstreamError: there is no response, or no text in it.
        """
        answer = await self.complete({"model": model, "messages": messages, **options})
        with _reading():
            text = answer["choices"][0]["message"]["content"]
            if not isinstance(text, str):
                raise TypeError("its content is not text")
            return text

    async def complete(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Send `body` unchanged and return the whole response.

        Raises:
            UpstreamError: there is no response, or it is not a JSON object.
        """
        response = await self._post(body)
        with _reading():
            return {**response.json()}

    async def stream(
        self, model: str, messages: Sequence[Mapping[str, Any]], **options: Any
    ) -> AsyncIterator[str]:
        """Yield the text of the reply, piece by piece.

        Raises:
            UpstreamError: there is no response, it can't be parsed, or it ends before `[DONE]`.
        """
        body = {"model": model, "messages": messages, **options, "stream": True}
        response = await self._post(body, stream=True)
        try:
            with _reading():
                async for data in _events(response):
                    if data == b"[DONE]":
                        return
                    for choice in json.loads(data)["choices"]:
                        yield choice["delta"].get("content") or ""
        finally:
            await response.aclose()
        raise UpstreamError(None, "the upstream's response ended before [DONE]")

    async def _post(self, body: Mapping[str, Any], stream: bool = False) -> httpx.Response:
        """Return a successful response; retry after errors that may be temporary."""
        for pause in self.pauses:
            try:
                return await self._try(body, stream)
            except UpstreamError as error:
                if error.status is not None and error.status < 500:
                    raise
            await asyncio.sleep(pause)
        return await self._try(body, stream)

    async def _try(self, body: Mapping[str, Any], stream: bool) -> httpx.Response:
        request = self.http.build_request("POST", self.url, headers=self.headers, json=dict(body))
        try:
            response = await self.http.send(request, stream=stream)
            if response.is_success:
                return response
            await response.aread()
        except httpx.RequestError as error:
            raise UpstreamError(None, f"no response from the upstream: {error!r}") from error
        message = f"the upstream answered {response.status_code}: {response.text[:200]}"
        raise UpstreamError(response.status_code, message)


@contextmanager
def _reading() -> Iterator[None]:
    """Turn an error while reading a response into an `UpstreamError`."""
    try:
        yield
    except httpx.RequestError as error:
        raise UpstreamError(None, f"the upstream's response broke off: {error!r}") from error
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise UpstreamError(None, f"the upstream's response can't be parsed: {error!r}") from error


async def _events(response: httpx.Response) -> AsyncIterator[bytes]:
    """Yield the values of the `data:` lines of `response`.

    `aiter_lines` can't be used: it also splits at U+2028, which JSON allows in a string.
    """
    rest = b""
    async for block in response.aiter_bytes():
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                yield line[5:].strip()
