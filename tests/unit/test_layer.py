"""What a test in this folder may not do."""

import multiprocessing
import os
import subprocess
from collections.abc import Callable

import pytest

STARTS: dict[str, Callable[[], object]] = {
    "a command": lambda: subprocess.run(["true"], check=False),
    "a shell": lambda: os.system("true"),
    "a fork": multiprocessing.get_context("fork").Process(target=int).start,
}


@pytest.mark.parametrize("way", STARTS)
def test_a_process_fails_the_test(way: str) -> None:
    with pytest.raises(pytest.fail.Exception, match="move it to tests/cli"):
        STARTS[way]()
