"""Run modules, such as pytest, in forks of a process that has imported what they need.

    python forking.py MODULE...

imports the modules, and reads requests from standard input, one JSON object a line:

    {"module": "pytest", "arguments": ["-q"], "cwd": "/a", "variables": {"PYTHONPATH": "/a"},
     "output": "/a/b", "errors": "/a/b"}

Each is answered on standard output with the exit code, once all output is in those files.
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
    """Do in a fork what `python -m MODULE` does in a new process, to the end of the process."""
    os.setsid()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, name in enumerate(("output", "errors"), 1):
        os.dup2(os.open(asked[name], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), number)
    sys.argv = ["", *map(os.path.expandvars, asked["arguments"])]
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["variables"])
    # Python did this when it started, and put the folder of this file there.
    sys.path[:1] = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    runpy.run_module(asked["module"], run_name="__main__", alter_sys=True)


def main() -> None:
    """Serve until standard input ends."""
    for name in sys.argv[1:]:
        with suppress(ImportError):  # an environment may have fewer
            import_module(name)
    gc.freeze()
    for line in sys.stdin:
        if (child := os.fork()) == 0:
            run(json.loads(line))
            return
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
