"""A client for WebSocket routes: it calls the ASGI app on the event loop of the test.

So the app works on the session of the test, as it does behind `client`. Starlette's `TestClient`
starts an event loop of its own, on which the database can't be used.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import unquote, urlsplit

_Message: TypeAlias = MutableMapping[str, Any]
ASGIApp: TypeAlias = Callable[
    [
        MutableMapping[str, Any],
        Callable[[], Awaitable[_Message]],
        Callable[[_Message], Awaitable[None]],
    ],
    Awaitable[None],
]

_HEADERS = {"host": "test", "connection": "upgrade", "upgrade": "websocket"}


class ConnectionRefused(Exception):
    """The app refused the connection.

    Attributes:
        status: of the HTTP response; 403 if the app closed the connection without accepting it.
        body: of the HTTP response.
        code: with which the app closed the connection; None if it answered by a response.
        reason: with which the app closed the connection.
    """

    def __init__(self, status: int, body: bytes = b"", code: int | None = None, reason: str = ""):
        super().__init__(f"the app refused the WebSocket with {status} {reason or body!r}")
        self.status, self.body, self.code, self.reason = status, body, code, reason


class ConnectionClosed(Exception):
    """The app closed the connection.

    Attributes:
        code: 1000 for a normal end.
        reason: as the app states it.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"the app closed the WebSocket with {code} {reason}".rstrip())
        self.code, self.reason = code, reason


@dataclass
class WebSocket:
    """An open connection to the app.

    Attributes:
        timeout: the seconds that each step may take.
        subprotocol: the one that the app chose.
        headers: those with which the app accepted the connection.
    """

    timeout: float
    subprotocol: str | None = None
    headers: list[tuple[str, str]] = field(default_factory=list)
    _to_app: asyncio.Queue[_Message] = field(default_factory=asyncio.Queue)
    _from_app: asyncio.Queue[_Message] = field(default_factory=asyncio.Queue)
    _app: asyncio.Task[None] | None = None

    async def send_text(self, text: str) -> None:
        """Send a text message."""
        await self._to_app.put({"type": "websocket.receive", "text": text})

    async def send_bytes(self, data: bytes) -> None:
        """Send a binary message."""
        await self._to_app.put({"type": "websocket.receive", "bytes": data})

    async def send_json(self, value: object) -> None:
        """Send JSON as a text message."""
        await self.send_text(json.dumps(value))

    async def receive_text(self) -> str:
        """Return the next message, which must be text.

        Raises:
            ConnectionClosed: the app closed the connection.
            TimeoutError: the app sends nothing.
        """
        return str(await self._receive("text"))

    async def receive_bytes(self) -> bytes:
        """Return the next message, which must be binary; it raises what `receive_text` does."""
        return bytes(await self._receive("bytes"))

    async def receive_json(self) -> Any:
        """Return the JSON of the next message; it raises what `receive_text` does."""
        return json.loads(await self.receive_text())

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the connection, and wait for the app to end it too."""
        await self._to_app.put({"type": "websocket.disconnect", "code": code, "reason": reason})
        await self._end()

    async def _receive(self, kind: str) -> Any:
        message = await self._next("a message")
        if message["type"] == "websocket.close":
            raise ConnectionClosed(message.get("code", 1000), message.get("reason") or "")
        if message.get(kind) is None:
            other = {name: message[name] for name in ("text", "bytes") if message.get(name)}
            raise AssertionError(f"expected a message with {kind}, and the app sent {other}")
        return message[kind]

    async def _connect(self) -> None:
        """Wait for the app to accept.

        Raises:
            ConnectionRefused: it doesn't.
        """
        await self._to_app.put({"type": "websocket.connect"})
        message = await self._next("an answer to the handshake")
        if message["type"] == "websocket.accept":
            self.subprotocol = message.get("subprotocol")
            self.headers = [(n.decode(), v.decode()) for n, v in message.get("headers") or ()]
        elif message["type"] == "websocket.close":
            raise ConnectionRefused(
                403, code=message.get("code", 1000), reason=message.get("reason") or ""
            )
        else:
            body = b""
            more = True
            while more:
                part = await self._next("the body of its response")
                body += part.get("body", b"")
                more = part.get("more_body", False)
            raise ConnectionRefused(message["status"], body)

    async def _next(self, what: str) -> _Message:
        """Return the next message of the app, or raise what the app raised."""
        assert self._app
        waiting = asyncio.ensure_future(self._from_app.get())
        await asyncio.wait(
            {waiting, self._app}, timeout=self.timeout, return_when=asyncio.FIRST_COMPLETED
        )
        if waiting.done():
            return waiting.result()
        waiting.cancel()
        if not self._app.done():
            raise TimeoutError(f"the app did not send {what} within {self.timeout} s")
        self._app.result()
        # As a server does for an app that returns without closing.
        return {"type": "websocket.close", "code": 1000}

    async def _end(self) -> None:
        """Wait for the app to return, and cancel it if it doesn't."""
        assert self._app
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self._app), self.timeout)
        self._app.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._app


@asynccontextmanager
async def connect(
    app: ASGIApp,
    path: str,
    headers: Mapping[str, str] | None = None,
    subprotocols: Sequence[str] = (),
    timeout: float = 5,
) -> AsyncIterator[WebSocket]:
    """Open a WebSocket to the app, and close it after the block.

    Args:
        app: the ASGI app.
        path: of the route, with its query.
        headers: of the handshake, such as `auth`.
        subprotocols: those that the client offers.
        timeout: the seconds that each step may take.

    Raises:
        ConnectionRefused: the app did not accept the connection.
    """
    socket = WebSocket(timeout)
    scope = _scope(path, headers or {}, subprotocols)
    socket._app = asyncio.ensure_future(app(scope, socket._to_app.get, socket._from_app.put))
    try:
        await socket._connect()
        yield socket
    except BaseException:
        # The error of the test counts, not what the app says to being left.
        socket._app.cancel()
        await asyncio.wait({socket._app})
        raise
    if not socket._app.done():
        await socket.close()
    else:
        socket._app.result()


def _scope(
    path: str, headers: Mapping[str, str], subprotocols: Sequence[str]
) -> MutableMapping[str, Any]:
    parts = urlsplit(path)
    lines = {**_HEADERS, **{name.lower(): value for name, value in headers.items()}}
    if subprotocols:
        lines["sec-websocket-protocol"] = ", ".join(subprotocols)
    return {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": "ws",
        "path": unquote(parts.path),
        "raw_path": parts.path.encode(),
        "query_string": parts.query.encode(),
        "root_path": "",
        "headers": [(n.encode("latin-1"), v.encode("latin-1")) for n, v in lines.items()],
        "client": ("127.0.0.1", 123),
        "server": ("test", 80),
        "subprotocols": list(subprotocols),
        "state": {},
        "extensions": {"websocket.http.response": {}},
    }
