"""TPG205: pauses, and what is none."""

from pathlib import Path

import pytest

from tests.checking import findings

HEAD = "import asyncio\nimport pytest\nimport time\nfrom time import sleep as nap\n\n"
PAUSES = {
    "time": "def test_a():\n    time.sleep(1)\n",
    "name": "def test_a():\n    nap(1)\n",
    "fixture": "@pytest.fixture\ndef job():\n    time.sleep(1)\n",
    "page": "def test_a(page):\n    page.wait_for_timeout(3000)\n",
    "computed": "async def test_a(ttl):\n    await asyncio.sleep(ttl + 1)\n",
    "loop": "def test_a(jobs):\n    for job in jobs:\n        job.start()\n        time.sleep(1)\n",
    "setup of pytest": "class TestA:\n    def setup_method(self):\n        time.sleep(1)\n",
    "setup of unittest": "class Some(TestCase):\n    def setUp(self):\n        nap(1)\n",
    "asyncio": "async def test_a():\n    await asyncio.sleep(0.1)\n",
}
FINE = {
    "yields": "async def test_a():\n    await asyncio.sleep(0)\n",
    "yields by a float": "async def test_a():\n    await asyncio.sleep(0.0)\n",
    "slow fake": "async def test_a():\n    async def slow():\n        await asyncio.sleep(1)\n",
    "slow thread": "def test_a():\n    def slow():\n        time.sleep(1)\n",
    "passed on": "async def test_a(x):\n    x.run(asyncio.sleep(1))\n",
    "lambda": "def test_a():\n    run(lambda: time.sleep(1))\n",
    "deadline": "def test_a():\n    while time.time() < end:\n        time.sleep(0.1)\n",
    "tries": "def test_a():\n    for _ in range(9):\n        if done():\n            break\n"
    "        time.sleep(0.1)\n",
    "fake clock": "def test_a(trio):\n    trio.sleep(9)\n",
    "own": "def test_a(bear):\n    bear.sleep(9)\n",
}


@pytest.mark.parametrize("source", PAUSES.values(), ids=PAUSES)
def test_a_pause_is_found(tmp_path: Path, source: str) -> None:
    """By whatever name."""
    found = findings(tmp_path, {"tests/test_a.py": HEAD + source}, select="TPG205")
    assert [one.split()[1] for one in found] == ["TPG205"]


@pytest.mark.parametrize("source", FINE.values(), ids=FINE)
def test_a_look_every_now_and_then_is_fine(tmp_path: Path, source: str) -> None:
    """And so is what is slow on purpose."""
    assert findings(tmp_path, {"tests/test_a.py": HEAD + source}, select="TPG205") == []
