"""Run pytest in forks of a process that has imported the dependencies.

    python forking.py MODULE...

imports the modules, and reads requests from standard input, one JSON object a line:

    {"arguments": ["-q"], "cwd": "/a", "path": ["/a"], "variables": {"A": "b"}, "output": "/a/b"}

Each is answered on standard output with pytest's exit code, once its output is in that file.
Variables of the process itself are expanded in the arguments.
"""

import gc
import json
import os
import runpy
import sys
from contextlib import suppress
from importlib import import_module
from typing import Any


def run(asked: dict[str, Any]) -> None:
    """Do in a fork what `python -m pytest` does in a new process, to the end of the process."""
    os.setsid()
    output = os.open(asked["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    # What is imported already can't have its asserts rewritten: that would be a warning.
    quiet = ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
    sys.argv = ["pytest", *quiet, *map(os.path.expandvars, asked["arguments"])]
    # Less the folder of this file.
    sys.path[:1] = asked["path"]
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["variables"])
    runpy.run_module("pytest", run_name="__main__", alter_sys=True)


def main() -> None:
    """Serve until standard input ends."""
    for name in ["pytest", *sys.argv[1:]]:
        with suppress(ImportError):  # a service may have fewer
            import_module(name)
    gc.freeze()
    for line in sys.stdin:
        if (child := os.fork()) == 0:
            run(json.loads(line))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
