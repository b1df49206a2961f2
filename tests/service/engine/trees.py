"""Small trees of files to run pytest in: files in, outcomes out."""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

from tests.processes import PLUGINS, clean_environment, warmed
from tests.service.engine.environments import run

OURS = Path(sys.executable)
# What the plugin needs of a policy; the rest of the file is for the tool.
POLICY = """
[postgres]
image = "postgres:15"
[slow]
seconds = 1.0
[engine]
requires = ">=0.3.0.dev0"
[layers.unit]
io = false
by_default = true
[layers.integration]
io = true
by_default = true
[layers.contract]
io = true
by_default = false
"""


@dataclass(frozen=True)
class Outcome:
    """What a run of pytest did.

    Attributes:
        code: its exit code.
        text: its output and errors.
        recorded: what `outcomes.py` wrote; empty if pytest did not get that far.
    """

    code: int
    text: str
    recorded: Mapping[str, Any]

    @property
    def tests(self) -> dict[str, str]:
        """The outcome of each test by its name: the first phase that did not pass counts."""
        outcomes: dict[str, str] = {}
        for nodeid, _, outcome, wasxfail in self.recorded.get("tests", ()):
            name = nodeid.rpartition("::")[2]
            if outcomes.get(name, "passed") == "passed":
                outcomes[name] = "xfailed" if wasxfail and outcome == "skipped" else outcome
        return outcomes


@dataclass(frozen=True)
class Tree:
    """A folder with files."""

    path: Path
    python: Path = OURS

    def write(self, files: Mapping[str, str]) -> "Tree":
        """Write files, by their paths below the folder."""
        for name, text in files.items():
            file = self.path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(dedent(text), encoding="utf-8")
        return self

    def pytest(
        self,
        *arguments: str | Path,
        below: str = "",
        engine: bool = True,
        cold: bool = False,
        **variables: str,
    ) -> Outcome:
        """Run pytest with no other plugins than pytest-asyncio and xdist.

        Args:
            arguments: of pytest.
            below: where it is started, below the folder.
            engine: whether to load `pytest_tpgen`.
            cold: start with nothing imported, since the test looks at what is.
            variables: environment variables.
        """
        plugins = ["outcomes", "pytest_asyncio.plugin", "xdist", "no:cacheprovider"]
        if engine:
            plugins.append("pytest_tpgen.plugin")
        record = self.path / ".outcomes.json"
        record.unlink(missing_ok=True)
        options = [*(f"-p{name}" for name in plugins), *map(str, arguments)]
        folder = self.path / below
        variables |= {
            "OUTCOMES": str(record),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTHONPATH": f"{folder}{os.pathsep}{PLUGINS}",
        }
        if self.python == OURS and not cold:
            env = clean_environment() | variables
            done = warmed(OURS).pytest(*options, cwd=folder, variables=env)
            code, text = done.code, done.text
        else:
            code, text = run(self.python, "-m", "pytest", *options, cwd=folder, **variables)
        return Outcome(code, text, json.loads(record.read_text()) if record.exists() else {})


def service(path: Path, **files: str) -> Tree:
    """Return a tree with a policy, whose suites and tests are the files."""
    return Tree(path).write({"tests/policy/policy.toml": POLICY, "tests/__init__.py": "", **files})
