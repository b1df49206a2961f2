"""To read a service changes nothing, whatever its code does when it is imported and tested."""

import json
import os
import shutil
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from tpgen.core import policy
from tpgen.core.errors import UserError
from tpgen.core.service import Service
from tpgen.generate import missing, scaffold, targets
from tpgen.generate.models import needed
from tpgen.generate.routes import app as routes

from tests.rendering import Service as Rendered
from tests.servers import Given, given
from tests.service.engine.environments import ENGINE, ROOT, environment, run

PROBES = ROOT / "extensions/tpgen/introspect/probes"

# What a service of a person does, each attempt in a `try`, so that reading goes on.
ATTEMPTS = """
import asyncio, atexit, multiprocessing, os, pathlib, shutil, socket, sqlite3, subprocess
import tempfile, threading, time, urllib.request, weakref

import asyncpg
import sqlalchemy
from sqlalchemy.ext.asyncio import create_async_engine

attempts = []


def attempt(action):
    attempts.append(action)
    try:
        action()
    except OSError as error:
        refused.append(str(error))
    else:
        raise SystemExit(f"not refused: {len(attempts)}")


def remove_from_elsewhere():
    # Its calls name files relative to an open folder.
    folder, here = os.path.abspath("uploads"), os.getcwd()
    os.chdir(tempfile.gettempdir())
    try:
        shutil.rmtree(folder)
    finally:
        os.chdir(here)


async def drop():
    connection = await asyncpg.connect(URL)
    await connection.execute("DROP TABLE precious")


async def drop_with_sqlalchemy():
    engine = create_async_engine(URL.replace("postgresql:", "postgresql+asyncpg:"))
    async with engine.begin() as connection:
        await connection.execute(sqlalchemy.text("DROP TABLE precious"))


refused = []
URL = os.environ.get("TEST_URL") or "{url}"
attempt(lambda: asyncio.run(drop()))
attempt(lambda: asyncio.run(drop_with_sqlalchemy()))
attempt(lambda: urllib.request.urlopen("http://127.0.0.1:{port}/"))
attempt(lambda: socket.create_connection(("localhost", {port})))
attempt(lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", {port})))
attempt(lambda: pathlib.Path("written.txt").write_text("x"))
attempt(lambda: open("precious.txt", "a"))
attempt(lambda: os.open("opened.txt", os.O_CREAT | os.O_WRONLY))
attempt(lambda: os.remove("precious.txt"))
attempt(lambda: os.rename("precious.txt", "renamed.txt"))
attempt(lambda: shutil.rmtree("uploads"))
attempt(lambda: shutil.copy("precious.txt", "copied.txt"))
attempt(lambda: os.symlink("precious.txt", "linked.txt"))
attempt(lambda: sqlite3.connect("new.db"))
attempt(lambda: subprocess.run(["touch", "touched.txt"]))
attempt(lambda: os.system("touch touched.txt"))
attempt(lambda: os.execvp("touch", ["touch", "touched.txt"]))
attempt(lambda: subprocess.run(["psql", URL, "-c", "DROP TABLE precious"]))
attempt(lambda: subprocess.run(["git", "init"]))
attempt(lambda: subprocess.run("touch touched.txt", shell=True))
attempt(lambda: multiprocessing.get_context("spawn").Process(target=print).start())
attempt(remove_from_elsewhere)
attempt(lambda: os.link("precious.txt", os.path.join(tempfile.gettempdir(), "another-name")))
attempt(lambda: socket.socket(socket.AF_UNIX).bind("socket"))
attempt(lambda: subprocess.run([os.path.abspath("tools/ldconfig"), "-p"]))
attempt(lambda: os.fork() or os._exit(3))
# What is left for the end of the process.
atexit.register(os.unlink, "precious.txt")
weakref.finalize(attempt, os.unlink, "precious.txt")
threading.Thread(target=time.sleep, args=(600,)).start()
"""
APP = """
import ctypes.util
import logging
import os
import socket
import sqlite3
import tempfile

from fastapi import FastAPI

logging.basicConfig(filename="app.log", force=True)
logging.error("an error")
os.makedirs("made/deeper", exist_ok=True)
assert ctypes.util.find_library("c")
with tempfile.TemporaryDirectory() as folder:
    # Not the service's, also where it is removed relative to an open folder.
    open(f"{folder}/a", "w").close()
sqlite3.connect("file::memory:?cache=shared", uri=True).execute("create table a (b)")
socket.getaddrinfo("localhost", 80)
app = FastAPI(title="shop")


@app.get("/orders")
async def orders() -> dict[str, str]:
    raise SystemExit("the handler ran")
"""
MODEL = """
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
"""
CONFTEST = """
import pathlib

import pytest
from pytest_tpgen.fixtures import databases
from shop.main import app as shop_app
from shop.hostile import *


def pytest_sessionstart(session):
    attempt(lambda: asyncio.run(drop()))


def must_not_run(name):
    async def asynchronous():
        raise SystemExit(f"the fixture {name} ran")

    def synchronous():
        raise SystemExit(f"the fixture {name} ran")

    return asynchronous if name == "function" else synchronous


for scope in ("session", "package", "module", "class", "function"):
    globals()[scope] = pytest.fixture(must_not_run(scope), scope=scope, autouse=True)


@pytest.fixture
def db():
    raise SystemExit("the fixture db ran")


@pytest.fixture
def app(db):
    shop_app.title = "as the tests have it"
    return shop_app
"""
OTHER = 'from fastapi import FastAPI\napp = FastAPI(title="a proxy")\n'


@pytest.fixture(scope="module")
def server(rendered: Rendered) -> Iterator[Given]:
    """A server with data."""
    with given(rendered) as server:
        yield server


@pytest.fixture
def called() -> Iterator[tuple[int, list[str]]]:
    """The port of a web server, and the paths that it was asked for."""
    paths: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_response(200)
            self.end_headers()

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port, paths
    server.shutdown()
    server.server_close()


def shop(folder: Path, rendered: Rendered, files: Mapping[str, str]) -> Service:
    """A service with the policy of the starter, and nothing else of it."""
    folder.mkdir()
    (folder / ".venv").symlink_to(rendered.environment)
    shutil.copytree(rendered.path / "tests/policy", folder / "tests/policy")
    Rendered(folder, rendered.environment).write({"src/shop/__init__.py": "", **files})
    return Service(folder)


def route_kind(service: Service) -> policy.Kind:
    return policy.kinds(service.root)["route"]


def files_of(folder: Path) -> dict[Path, bytes]:
    found = (path for path in folder.rglob("*") if ".venv" not in path.parts)
    return {path: path.read_bytes() if path.is_file() else b"" for path in found}


def test_reading_a_hostile_service_changes_nothing(
    rendered: Rendered, tmp_path: Path, server: Given, called: tuple[int, list[str]]
) -> None:
    """At import, in hooks, and in autouse fixtures of every scope."""
    port, paths = called
    attempts = ATTEMPTS.replace("{url}", server.of("mine")).replace("{port}", str(port))
    service = shop(
        tmp_path / "shop",
        rendered,
        {
            "precious.txt": "a",
            "tools/ldconfig": "#!/bin/sh\ntouch touched.txt\n",
            "uploads/b.txt": "b",
            "src/shop/hostile.py": attempts,
            "src/shop/main.py": APP,
            "src/shop/models.py": f"import shop.hostile\n{MODEL}",
            "tests/conftest.py": CONFTEST,
        },
    )
    before, data = files_of(service.root), server.dump()
    app = routes.read(service)
    assert app.documents[""]["info"]["title"] == "as the tests have it"
    words = ["GET", "/orders"]
    planned = scaffold.plan(
        service, targets.find(service, route_kind(service), words, with_source=False, observe=False)
    )
    assert "tests/integration/api/test_orders.py" in map(str, planned.added)
    assert missing.names(service, route_kind(service), ["GET"]) == ["/orders"]
    with pytest.raises(UserError, match="GET /orders runs its handler without credentials"):
        targets.find(service, route_kind(service), words, with_source=False, observe=True)
    assert [made.name for made in needed.read(service, "Order", "", "").made] == ["OrderFactory"]
    assert (files_of(service.root), server.dump(), paths) == (before, data, [])


def test_without_a_namespace_the_process_itself_refuses(
    rendered: Rendered, tmp_path: Path, server: Given, called: tuple[int, list[str]]
) -> None:
    """As on macOS, or in a container: also what settings and `.env` say leads nowhere."""
    env = "DATABASE_URL=postgresql+asyncpg://me:pw@db.internal/app?ssl=1\nexport REDIS='redis://x/1'\n"
    port, paths = called
    attempts = ATTEMPTS.replace("{url}", server.of("mine")).replace("{port}", str(port))
    files = {
        "precious.txt": "a",
        "tools/ldconfig": "",
        "uploads/b.txt": "b",
        "hostile.py": attempts,
        ".env": env,
    }
    service = shop(tmp_path / "shop", rendered, files)
    script = (
        "import importlib, pathlib, sys; sys.path.insert(0, sys.argv[1]); import read_only\n"
        "read_only._leave_network = lambda: None\n"
        "import os\n"
        "names = ('DATABASE_URL', 'REDIS', 'MY_DB_HOST', 'PGHOST')\n"
        "settings = lambda: [os.environ[name] for name in names]\n"
        "hostile = lambda: [len(importlib.import_module('hostile').refused), *settings()]\n"
        "read_only.run(pathlib.Path.cwd(), hostile)"
    )
    before, data = files_of(service.root), server.dump()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MY_DB_HOST", "db.internal")
        done = service.run(["-c", script, str(PROBES)])
    nowhere = "tpgen-refuses-connections.invalid"
    assert json.loads(done.stdout.splitlines()[-1]) == [
        26,
        f"postgresql+asyncpg://me:pw@{nowhere}:9/app",
        f"redis://{nowhere}:9/1",
        nowhere,
        nowhere,
    ], done.stderr
    assert (files_of(service.root), server.dump(), paths) == (before, data, [])


def test_a_service_that_cannot_do_without_says_what_it_did(
    rendered: Rendered, tmp_path: Path
) -> None:
    main = 'from pathlib import Path\nPath("state.json").write_text("{}")\n' + APP
    service = shop(tmp_path / "shop", rendered, {"src/shop/main.py": main})
    with pytest.raises(UserError, match=r"the service writes state\.json while tpgen reads it"):
        routes.read(service)
    assert not (service.root / "state.json").exists()


@pytest.mark.parametrize("version", ["0.115.0", "0.137.0", "0.165.0"])
def test_an_open_route_is_observed_and_no_handler_runs(tmp_path: Path, version: str) -> None:
    """With each FastAPI version; a route with a required header does not count as open."""
    python = environment(tmp_path / "venv", f"fastapi=={version}", "httpx", "pytest")
    sample = ROOT / "tests/samples/routes/guards.py.txt"
    code, said = run(
        python, "-W", "ignore", sample, PYTHONPATH=os.pathsep.join(map(str, (PROBES, ENGINE)))
    )
    assert code == 0, said
    assert json.loads(said) == [
        17,
        [
            "POST /login",
            "GET /public/{number}",
            "GET /stream",
            "GET /v1/hidden",
            "PUT /added",
            "GET /object",
            "GET /plain/{n}",
            "GET /sub/open",
        ],
    ]


LOOP = """
def run(coroutine):
    raise SystemExit("a loop in C ran, unseen")


new_event_loop = install = run
"""


def test_a_loop_in_c_is_replaced(rendered: Rendered, tmp_path: Path) -> None:
    """uvloop opens sockets and starts programs without an event of Python."""
    main = f"import asyncio, uvloop\nuvloop.install()\nuvloop.run(asyncio.sleep(0))\n{APP}"
    service = shop(tmp_path / "shop", rendered, {"src/shop/main.py": main, "src/uvloop.py": LOOP})
    assert ("GET", "/orders") in routes.read(service).routes


FACTORY = """
from fastapi import FastAPI


def create_app() -> FastAPI:
    app = FastAPI()
    app.get("/orders")(lambda: [])
    return app
"""


def test_a_factory_beside_another_app_is_another_one(rendered: Rendered, tmp_path: Path) -> None:
    files = {"src/shop/main.py": FACTORY, "src/shop/proxy.py": OTHER}
    service = shop(tmp_path / "shop", rendered, files)
    with pytest.raises(UserError, match=r"several apps: shop\.main:create_app, shop\.proxy:app"):
        routes.read(service)
    (service.root / "pyproject.toml").write_text('[tool.tpgen]\napp = "shop.main:create_app"\n')
    assert ("GET", "/orders") in routes.read(service).routes


def test_a_conftest_that_skips_whatever_it_is_given(rendered: Rendered, tmp_path: Path) -> None:
    conftest = f"""
import pytest
{FACTORY}

@pytest.fixture
def app():
    return create_app()


def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker(pytest.mark.skip)
"""
    service = shop(tmp_path / "shop", rendered, {"tests/conftest.py": conftest})
    assert ("GET", "/orders") in routes.read(service).routes


DRIVER = '''
"""A driver in C, as libpq's are: Python sees no socket of it."""
import ctypes

class Connection:
    @classmethod
    def connect(cls, *_):
        raise SystemExit("connected")

AsyncConnection = Connection
connect = Connection.connect
'''


def test_drivers_of_libpq_connect_nowhere(rendered: Rendered, tmp_path: Path) -> None:
    """Whatever leads them there: a URL in the code, a file of settings."""
    files = {
        "psycopg.py": DRIVER,
        "psycopg2.py": DRIVER,
        "src/shop/main.py": f"{CONNECTS}\n{APP}",
    }
    service = shop(tmp_path / "shop", rendered, files)
    assert list(routes.read(service).routes) == [("GET", "/orders")]


CONNECTS = """
import contextlib
import psycopg
import psycopg2
for connect in (psycopg.connect, psycopg.Connection.connect, psycopg2.connect):
    with contextlib.suppress(ConnectionRefusedError):
        connect("postgresql://dev@/shop?host=/run")
"""


@pytest.mark.parametrize(
    ("options", "conftest"),
    [
        ("--ff --junitxml=report.xml", ""),
        ("", "class Loop:\n    @property\n    def app(self): return self\n"),
    ],
    ids=["addopts", "loop"],
)
def test_what_the_reading_of_the_fixtures_copes_with(
    rendered: Rendered, tmp_path: Path, options: str, conftest: str
) -> None:
    client = "    return Loop()\n" if conftest else "    return shop_app\n"
    text = f"import pytest\nfrom shop.main import app as shop_app\n{conftest}\n@pytest.fixture\ndef client():\n"
    files = {
        "pytest.ini": f"[pytest]\naddopts = {options}\n",
        "src/shop/main.py": APP,
        "tests/conftest.py": text + client,
    }
    service = shop(tmp_path / "shop", rendered, files)
    assert list(routes.read(service).routes) == [("GET", "/orders")]
    assert not (service.root / "report.xml").exists()


def test_a_fixture_that_needs_a_database_leaves_the_app_in_the_source(
    rendered: Rendered, tmp_path: Path
) -> None:
    conftest = """
import sqlalchemy, pytest
from shop.main import app as shop_app

@pytest.fixture
def db_session():
    return sqlalchemy.create_engine("postgresql+asyncpg://db.internal/x").raw_connection()

@pytest.fixture
def session():
    return "not the database's"

@pytest.fixture
def app(session, db_session):
    return shop_app
"""
    files = {"src/shop/main.py": APP, "tests/conftest.py": conftest}
    assert list(routes.read(shop(tmp_path / "shop", rendered, files)).routes) == [
        ("GET", "/orders")
    ]


def test_code_that_never_ends_is_given_up(rendered: Rendered, tmp_path: Path) -> None:
    main = f"import time\n{APP}\nwhile True:\n    time.sleep(0.1)\n"
    found = shop(tmp_path / "shop", rendered, {"src/shop/main.py": main})
    with pytest.raises(UserError, match="did not end within 2 seconds while it was read"):
        routes.read(replace(found, reading_seconds=2))


UNDESCRIBED = """
from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict


class Strange(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)
    at: FastAPI


app = FastAPI()


@app.get("/orders")
async def orders() -> dict[str, str]: ...


@app.post("/strange", include_in_schema=False)
async def strange(body: Strange) -> dict[str, str]: ...


app.get("/lambda")(lambda: "it")
"""


def test_a_hidden_route_that_cannot_be_described_hides_no_other(
    rendered: Rendered, tmp_path: Path
) -> None:
    service = shop(tmp_path / "shop", rendered, {"src/shop/main.py": UNDESCRIBED})
    app = routes.read(service)
    assert {("GET", "/orders"), ("POST", "/strange"), ("GET", "/lambda")} == set(app.routes)
    found = app.find("GET", "/lambda")
    assert found is not None
    assert found.name == ""
