"""A fake upstream gives its last answer again and again, also one that is a stream."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from pytest_tpgen.upstream import Upstream, event_stream


async def numbers(until: int = 3) -> AsyncIterator[bytes]:
    for n in range(until):
        await asyncio.sleep(0)
        yield f"{n} ".encode()


def letters() -> Iterator[bytes]:
    yield b"a "
    yield b"b "


async def broken() -> AsyncIterator[bytes]:
    yield b"begun"
    raise httpx.ReadError("the connection broke")


SHARED = httpx.Response(200, content=numbers())


def asked(upstream: Upstream, times: int = 3) -> list[str]:
    async def ask() -> list[str]:
        async with upstream.http as http:
            return [(await http.get("http://upstream")).text for _ in range(times)]

    return asyncio.run(ask())


def test_an_event_stream_is_given_again() -> None:
    assert (
        asked(Upstream(event_stream({"n": 1}, "[DONE]")))
        == ['data: {"n": 1}\n\ndata: [DONE]\n\n'] * 3
    )


@pytest.mark.parametrize(
    "answer",
    [httpx.Response(200, content=numbers()), lambda _: SHARED],
)
def test_a_response_with_an_iterator_is_given_again(answer: httpx.Response) -> None:
    assert asked(Upstream(answer)) == ["0 1 2 "] * 3


def test_a_client_that_is_not_async_reads_it_again() -> None:
    upstream = Upstream(httpx.Response(200, content=letters()))
    with httpx.Client(transport=upstream.transport) as http:
        assert [http.get("http://upstream").text for _ in range(2)] == ["a b ", "a b "]


def test_an_async_client_reads_an_iterator_that_is_not() -> None:
    assert asked(Upstream(httpx.Response(200, content=letters()))) == ["a b "] * 3


def test_a_stream_for_another_client_says_so() -> None:
    upstream = Upstream(httpx.Response(200, content=numbers()))
    wrong = pytest.raises(TypeError, match="given to a client that isn't async")
    with httpx.Client(transport=upstream.transport) as http, wrong:
        http.get("http://upstream")


@pytest.mark.parametrize(
    "answer", [event_stream("begun", cut_off=True), httpx.Response(200, content=broken())]
)
def test_a_stream_breaks_each_time(answer: httpx.Response) -> None:
    async def ask() -> int:
        upstream, count = Upstream(answer), 0
        async with upstream.http as http:
            for _ in range(3):
                async with http.stream("GET", "http://upstream") as response:
                    chunks = response.aiter_text()
                    assert "begun" in await anext(chunks)
                    with pytest.raises(httpx.ReadError):
                        await anext(chunks)
                    count += 1
        return count

    assert asyncio.run(ask()) == 3


def test_one_that_was_read_in_part_is_given_whole() -> None:
    async def ask() -> str:
        async with Upstream(httpx.Response(200, content=numbers())).http as http:
            async with http.stream("GET", "http://upstream") as response:
                assert await anext(response.aiter_text()) == "0 "
            return (await http.get("http://upstream")).text

    assert asyncio.run(ask()) == "0 1 2 "


def test_two_at_once_read_the_same() -> None:
    async def ask() -> list[str]:
        async with Upstream(httpx.Response(200, content=numbers(20))).http as http:
            both = await asyncio.gather(*(http.get("http://upstream") for _ in range(2)))
        return [response.text for response in both]

    first, second = asyncio.run(ask())
    assert first == second
    assert first.split() == [str(n) for n in range(20)]


def test_an_answer_may_be_a_coroutine() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)
        return httpx.Response(200, text=request.url.path)

    assert asked(Upstream(answer)) == ["/"] * 3  # type: ignore[arg-type]


def test_status_and_headers_stay() -> None:
    async def ask() -> httpx.Response:
        answer = httpx.Response(418, headers={"x-a": "b"}, content=numbers())
        async with Upstream(answer).http as http:
            await http.get("http://upstream")
            return await http.get("http://upstream")

    response = asyncio.run(ask())
    assert (response.status_code, response.headers["x-a"]) == (418, "b")
