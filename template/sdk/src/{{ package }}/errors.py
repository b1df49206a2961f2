"""The errors that a call raises; each is an `AgentError`."""

import httpx


class AgentError(Exception):
    """A call failed.

    Attributes:
        status: the status of the response; None if there was none.
        retry_after: the seconds that the service asks to wait before another attempt, or None.
    """

    def __init__(
        self, message: str, status: int | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after


class NoResponseError(AgentError):
    """No response arrived, or it broke off. The service may have done what was asked."""


class UnreadableResponseError(AgentError):
    """The response was successful, but it can't be read."""


class InvalidRequestError(AgentError):
    """The service refuses the request: 400 or 422."""


class AuthenticationError(AgentError):
    """The key is missing, unknown or revoked: 401."""


class PermissionDeniedError(AgentError):
    """The key may not do this: 403."""


class NotFoundError(AgentError):
    """There is no such thing: 404."""


class ConflictError(AgentError):
    """The idempotency key belongs to another request, or to one that still runs: 409."""


class RateLimitError(AgentError):
    """There were too many requests: 429."""


class ServerError(AgentError):
    """The service or its upstream failed: 500 or above."""


_BY_STATUS = {
    400: InvalidRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    422: InvalidRequestError,
    429: RateLimitError,
}


def error_of(response: httpx.Response) -> AgentError:
    """Return the error for a response that was read and is not successful."""
    status = response.status_code
    kind = _BY_STATUS.get(status, ServerError if status >= 500 else AgentError)
    return kind(f"{status}: {_message(response)}", status, _retry_after(response))


def _message(response: httpx.Response) -> str:
    """Return what the service says, or the beginning of the body if that is not its JSON."""
    try:
        body = response.json()
        if "error" in body:
            return str(body["error"]["message"])
        detail = body["detail"]
        if isinstance(detail, str):
            return detail
        return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in detail)
    except (ValueError, LookupError, TypeError):
        return response.text[:200] or response.reason_phrase


def _retry_after(response: httpx.Response) -> float | None:
    """Return the seconds of `Retry-After`; None for a date, or without the header."""
    try:
        return max(0.0, float(response.headers["retry-after"]))
    except (KeyError, ValueError):
        return None
