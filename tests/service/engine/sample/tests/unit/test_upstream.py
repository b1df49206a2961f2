"""A fake upstream needs no database."""

import httpx
import pytest
from pytest_tpgen.upstream import Upstream


async def test_answers_in_order(upstream: Upstream) -> None:
    async with upstream.http as http:
        assert (await http.get("https://upstream.example/")).json() == {"answer": 42}
        with pytest.raises(httpx.ConnectError):
            await http.get("https://upstream.example/")
    assert len(upstream.requests) == 2
