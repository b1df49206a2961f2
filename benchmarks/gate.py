"""`tpgen gate` on a large change: 300 of 5,000 files, with the coverage of 10,000 tests."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from time import perf_counter

from coverage import CoverageData
from tpgen.census.records import is_hashed

from .check import _commit
from .measure import Row, in_turn, ratio
from .service import Service

FILES, CHANGED, TESTS = 5_000, 300, 10_000
# Of each file: its functions of five lines, and how many tests run one of them.
FUNCTIONS, RUN_BY = 20, 40
TARGET = 5
CODE = "".join(
    f"def f{n}(x: int) -> int:\n    if x > {n}:\n        return x\n    y = x + {n}\n    return y\n\n"
    for n in range(FUNCTIONS)
)


def run(service: Service, repeats: int) -> list[Row]:
    """The rows of this benchmark."""
    folder = service.copy("gate", {}).path
    for number in range(FILES):
        file = folder / f"src/gateway/part{number // 100}/m{number}.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text(CODE)
    _commit(folder)
    changed = sorted(folder.glob("src/gateway/part*/*.py"))[:: FILES // CHANGED][:CHANGED]
    for file in changed:
        file.write_text(CODE.replace("y = x", "y = 1 + x"))
    _facts(folder)
    command = [sys.executable, "-m", "tpgen", "gate", "--base", "HEAD", "--format", "json"]

    env = {**os.environ, "VIRTUAL_ENV": str(service.environment)}

    def gate() -> float:
        start = perf_counter()
        done = subprocess.run(
            command, cwd=folder, env=env, capture_output=True, text=True, check=False
        )
        took = perf_counter() - start
        assert done.returncode in (0, 1), done.stderr
        assert len(json.loads(done.stdout)["files"]) == CHANGED, done.stdout[:1000]
        return took

    times = in_turn({"gate": gate, "second": lambda: 1.0}, repeats)
    what = f"seconds of `tpgen gate`, {CHANGED} of {FILES:,} files, {TESTS:,} tests"
    return [ratio(what, times, "gate", "second", TARGET)]


def _facts(folder: Path) -> None:
    """Write the run record and the coverage of a run that never was."""
    data = CoverageData(basename=str(folder / ".coverage"))
    lines = [5 * n + n + offset for n in range(FUNCTIONS) for offset in (1, 2, 4, 5)]
    sources = sorted(folder.glob("src/gateway/part*/*.py"))
    for test in range(TESTS):
        data.set_context(f"tests/integration/test_a.py::test_{test}|run")
        step = FILES * RUN_BY // TESTS
        own = [sources[(test * step + each) % FILES] for each in range(step)]
        data.add_lines({str(file): lines for file in own})
    data.write()
    names = (file.relative_to(folder) for file in folder.rglob("*") if file.is_file())
    hashes = {
        name.as_posix(): hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for name in names
        if is_hashed(name.as_posix())
        and not any(part.startswith(".") for part in name.parent.parts)
    }
    component: dict[str, object] = {"route": None, "made": [], "classes": []}
    test_of = {
        "file": "tests/integration/test_a.py",
        "line": 1,
        "layer": "integration",
        "outcome": "passed",
        "attempts": 1,
        "seconds": 0.1,
        "reason": None,
        "class": None,
        "suites": [],
        "case": None,
        "exempt": None,
        "component": component,
        "assertions": 1,
        "uses_client": False,
        "own_fixtures": [],
        "requests": [],
        "audit_events": None,
        "notes": [],
    }
    app = {
        "method": "GET",
        "path": "/healthz",
        "file": None,
        "line": None,
        "is_public": True,
        "is_idempotent": False,
        "is_list": False,
        "takes_input": False,
    }
    record = {
        "format": 1,
        "id": "20260101T000000-abcdef",
        "started": "2026-01-01T00:00:00+00:00",
        "seconds": 1,
        "versions": {},
        "selection": {
            "arguments": [],
            "keyword": "",
            "markers": "",
            "is_complete": True,
            "why_not": [],
        },
        "exit_code": 0,
        "refusal": 403,
        "files": hashes,
        "coverage": {
            "file": ".coverage",
            "sha256": hashlib.sha256((folder / ".coverage").read_bytes()).hexdigest(),
            "percent": 99.0,
        },
        "routes": [app],
        "tests": [
            {"id": f"tests/integration/test_a.py::test_{number}", **test_of}
            for number in range(TESTS)
        ],
        "uncollected": [],
        "imports": [],
    }
    (folder / ".tpgen").mkdir(exist_ok=True)
    (folder / ".tpgen/run-20260101T000000-abcdef.json").write_text(json.dumps(record))
