"""Run pytest again and again, each time in a fork of a process with the dependencies imported.

A run is then half as long. This file runs in the environment of a rendered service:

    python -m pytest_tpgen.postgres python forking.py

Each line of standard input is a folder with a service and what of its tests to run, in shell
syntax; the line of standard output that answers it holds, as JSON, the tests that failed and the
output. The Postgres of DATABASE_URL serves all.
"""

import gc
import json
import os
import shlex
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import factory
import pytest

# They migrate and connect by themselves, which takes longer; a mutation of a command names them.
LEFT_OUT = "--ignore-glob=*/test_commands.py"
# The service's own: a fork imports them anew, as they are in its folder.
OWN = {"__main__", "gateway", "tests"}


class Failures:
    """A pytest plugin that notes what failed or broke, new required cases before their date too."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed or hasattr(report, "required_from"):
            self.seen.append(report.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.seen.append(report.nodeid)


def run(folder: Path, tests: list[str], server: str) -> None:
    """Run tests of the service in `folder`, and write beside it how it went."""
    os.chdir(folder)
    sys.path.insert(0, f"{folder}/src")
    with open(folder / "output.txt", "w") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    failures = Failures()
    # anyio is a pytest plugin too, imported too early for its asserts to be rewritten.
    options = ["-W", "ignore::pytest.PytestAssertRewriteWarning", "-p", "no:cacheprovider"]
    # pytest's own traceback parses each file it shows.
    options += ["--postgres", server, "--tb=native"]
    code = pytest.main([*options, *(tests or [LEFT_OUT])], plugins=[failures])
    ran = code in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
    (folder / "failed.json").write_text(json.dumps(failures.seen if ran else [str(code)]))


def imported(server: str) -> list[str]:
    """The modules that a run imports, less the service's own; found by one in a fork."""
    read, write = os.pipe()
    if os.fork() == 0:
        run(Path.cwd(), ["tests/integration/api", "tests/integration/test_schema.py"], server)
        names = [name for name in sys.modules if name.partition(".")[0] not in OWN]
        with open(write, "w") as end:
            end.write("\n".join(names))
        os._exit(0)
    os.close(write)
    with open(read) as end:
        return end.read().split()


def main() -> None:
    """Serve until standard input ends."""
    server = os.environ.pop("DATABASE_URL")
    for name in imported(server):
        with suppress(ImportError):  # a name that a library made up for a module of its own
            import_module(name)
    # Its providers take as long to import as all of FastAPI.
    factory.Faker("name").evaluate(None, None, {"locale": None})
    gc.freeze()
    for line in sys.stdin:
        name, *tests = shlex.split(line)
        folder = Path(name)
        if (pid := os.fork()) == 0:
            run(folder, tests, server)
            os._exit(0)
        os.waitpid(pid, 0)
        told = folder / "failed.json"
        failed = json.loads(told.read_text()) if told.exists() else ["the run was killed"]
        text = (folder / "output.txt").read_text()
        print(json.dumps({"failed": failed, "text": text}), flush=True)


if __name__ == "__main__":
    main()
