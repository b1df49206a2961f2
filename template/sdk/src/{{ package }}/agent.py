"""The client."""

import time
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import httpx

from . import calls
from .calls import Call, Retries, Stream
from .errors import AgentError, error_of
from .models import AgentInfo, NewAgent, Reply


class Agent:
    """A client of the service, in the name of the agent that a key belongs to.

    A call that fails raises an `AgentError`. After a failure that may pass, a call is repeated if
    that does nothing twice; `create_agent` and `stream` are sent only once.

    Args:
        key: the key of the agent.
        base_url: the address of the service.
        timeout: seconds to wait for each step of a request: the connection, the next bytes.
        max_retries: how often a call is repeated.
        backoff: seconds before the first repetition; they double with each further one. If the
            service answers with `Retry-After`, that counts instead.
        transport: sends the requests; for tests, `httpx.MockTransport`.
    """

    def __init__(
        self,
        key: str,
        *,
        base_url: str = calls.BASE_URL,
        timeout: float = 60.0,
        max_retries: int = 2,
        backoff: float = 0.5,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        options = calls.client_options(key, base_url, timeout)
        self._http = httpx.Client(transport=transport, **options)
        self._retries = Retries(max_retries, backoff)

    def chat(
        self,
        message: str | Sequence[Mapping[str, str]],
        *,
        model: str,
        temperature: float | None = None,
        max_tokens: int | None = None,
        idempotency_key: str | None = None,
    ) -> Reply:
        """Return the reply to a message.

        Args:
            message: the text of the user, or all messages of a conversation, each with `role` and
                `content`.
            model: the name of the model.
            temperature: from 0 to 2.
            max_tokens: the most tokens that the reply may have.
            idempotency_key: the service does once what it is asked for with the same key (default:
                a new key for each call, so that a retry does nothing twice).
        """
        options = {"model": model, "temperature": temperature, "max_tokens": max_tokens}
        call = calls.chat(message, idempotency_key, **options)
        return calls.to_reply(self._json(call))

    def stream(
        self,
        message: str | Sequence[Mapping[str, str]],
        *,
        model: str,
        temperature: float | None = None,
        max_tokens: int | None = None,
    ) -> Iterator[str]:
        """Yield the reply to a message, piece by piece; the arguments are those of `chat`."""
        options = {"model": model, "temperature": temperature, "max_tokens": max_tokens}
        call = calls.chat(message, None, stream=True, **options)
        stream = Stream()
        response = self._send(call, stream=True)
        try:
            for block in response.iter_bytes():
                yield from stream.feed(block)
                if stream.is_done:
                    return
        except httpx.HTTPError as error:
            raise calls.no_response(error) from error
        finally:
            response.close()
        stream.end()

    def create_agent(self, label: str) -> NewAgent:
        """Create an agent in the tenant of this one; return it with its key."""
        return calls.to_new_agent(self._json(calls.create_agent(label)))

    def read_agent(self, agent_id: UUID | str) -> AgentInfo:
        """Return an agent of the tenant; raise `ValueError` if the id is not a UUID."""
        return calls.to_agent(self._json(calls.read_agent(agent_id)))

    def list_agents(self) -> Iterator[AgentInfo]:
        """Yield the agents of the tenant, ordered by id; each page is requested when needed."""
        after = ""
        while True:
            agents, after = calls.to_page(self._json(calls.list_agents(after)))
            yield from agents
            if not after:
                return

    @property
    def is_closed(self) -> bool:
        """Whether the client was closed."""
        return self._http.is_closed

    def close(self) -> None:
        """Close the connections; the client can't be used any more."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _json(self, call: Call) -> Any:
        response = self._send(call)
        with calls.reading():
            return response.json()

    def _send(self, call: Call, *, stream: bool = False) -> httpx.Response:
        """Return a successful response; repeat the call as `Retries` says."""
        attempt = 0
        while True:
            try:
                return self._try(call, stream)
            except AgentError as error:
                pause = self._retries.pause(call, error, attempt)
                if pause is None:
                    raise
            time.sleep(pause)
            attempt += 1

    def _try(self, call: Call, stream: bool) -> httpx.Response:
        try:
            response = self._http.send(call.request(self._http), stream=stream)
            if not response.is_success:
                response.read()
        except httpx.HTTPError as error:
            raise calls.no_response(error) from error
        if response.is_success:
            return response
        raise error_of(response)
