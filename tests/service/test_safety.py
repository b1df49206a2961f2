"""What a run must never touch, and what it leaves behind: nothing, however it ends."""

import json
import os
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.rendering import Service
from tests.servers import STAYS, Given, Run, given, left_of, need_docker, runs, temporary

# Asks for a server, and tells what it went to: a refusal comes before any packet.
ASK = """
import json, os, sys
from pathlib import Path
from pytest_tpgen.postgres import PostgresUnavailable, external
from pytest_tpgen.postgres.image import Image

NETWORK = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto")
events = []
sys.addaudithook(lambda event, arguments: event in NETWORK and events.append(event))
answers = []
for url, variables, env_file, trusted in json.loads(sys.argv[1]):
    os.environ.update(variables)
    open(".env", "w").write(env_file)
    events.clear()
    try:
        external.start(url, Image("postgres:15"), trusted, Path()).stop()
        said = "accepted"
    except PostgresUnavailable as error:
        said = str(error)
    answers.append([said, len(events)])
    for name in variables:
        del os.environ[name]
print(json.dumps(answers))
"""

ELSEWHERE = "is not this machine"
SEVERAL = "more than one server"
LEAVE_OUT = "out of the URL"
NO_HOST = "is no name of a host"
UNREADABLE = "is no URL that can be read"
REFUSED: list[tuple[str, dict[str, str], str]] = [
    ("postgresql://db.example/x", {}, ELSEWHERE),
    ("postgresql+asyncpg://me:secret@DB.Example:5433/x", {}, ELSEWHERE),
    ("postgresql://db.example./x", {}, ELSEWHERE),
    ("postgresql://127.0.0.1.evil.example/x", {}, ELSEWHERE),
    ("postgresql://localhost.evil.example/x", {}, ELSEWHERE),
    ("postgresql://0x8.8.8.8/x", {}, ELSEWHERE),
    ("postgresql://134744072/x", {}, ELSEWHERE),
    ("postgresql://0.0.0.0/x", {}, ELSEWHERE),
    ("postgresql://[2001:db8::1]:5432/x", {}, ELSEWHERE),
    ("postgresql://[::ffff:8.8.8.8]/x", {}, ELSEWHERE),
    ("postgresql:///x?host=db.example", {}, ELSEWHERE),
    ("postgresql:///x?host=db.example:5433", {}, ELSEWHERE),
    ("postgresql:///x?host=%64b.example", {}, ELSEWHERE),
    ("postgresql:///x", {"PGHOST": "db.example"}, ELSEWHERE),
    ("postgresql://:5432/x", {"PGHOST": "db.example"}, ELSEWHERE),
    ("postgresql://localhost/x?host=db.example", {}, SEVERAL),
    ("postgresql://db.example/x?host=localhost", {}, SEVERAL),
    ("postgresql:///x?host=localhost&host=db.example", {}, SEVERAL),
    ("postgresql:///x?host=localhost,db.example", {}, SEVERAL),
    ("postgresql:///x?host=localhost&port=1,2", {}, SEVERAL),
    ("postgresql:///x", {"PGHOST": "localhost,db.example"}, SEVERAL),
    ("postgresql://localhost,db.example/x", {}, NO_HOST),
    ("postgresql://localhost:1,db.example:2/x", {}, UNREADABLE),
    ("postgresql://me:secret@db.example@localhost/x", {}, NO_HOST),
    ("postgresql://localhost%40db.example/x", {}, NO_HOST),
    ("postgresql://%64b.example/x", {}, NO_HOST),
    ("postgresql://localhost#@db.example/x", {}, ELSEWHERE),
    ("postgresql:///x?service=prod", {}, LEAVE_OUT),
    ("postgresql://localhost/x?hostaddr=8.8.8.8", {}, LEAVE_OUT),
    ("postgresql://localhost/x?HOST=db.example", {}, LEAVE_OUT),
    ("postgresql://localhost/x?sslmode=require", {}, LEAVE_OUT),
    ("postgresql://localhost:port/x", {}, UNREADABLE),
    ("mysql://localhost/x", {}, "is no PostgreSQL URL"),
]

OWN = "postgresql://localhost:1/app"
# What the service has in its environment or .env, and a URL for the tests that leads there too.
THE_SAME: list[tuple[str, dict[str, str], str]] = [
    (OWN, {"DATABASE_URL": OWN}, ""),
    ("postgresql+asyncpg://me:pw@127.0.0.1:1/app", {"DATABASE_URL": OWN}, ""),
    ("postgres://[::1]:1/app", {"database_url": OWN}, ""),
    ("postgresql://LOCALHOST.:1/app", {}, f"DATABASE_URL={OWN}\n"),
    ("postgresql:///app?host=127.1&port=1", {}, f"export DATABASE_URL='{OWN}'\n"),
    ("postgresql:///app?host=localhost:1", {}, f'A=1\nDatabase_Url = "{OWN}" # ours\n'),
    ("postgresql:///app?host=/tmp&port=1", {}, f"DATABASE_URL={OWN}?ssl=disable\n"),
    ("postgresql://localhost:1/%61pp", {}, "P=1\nDATABASE_URL=postgresql://0.0.0.0:${P}/app\n"),
    ("postgresql://localhost:5432/me", {"PGUSER": "me"}, "DATABASE_URL=postgresql://localhost\n"),
    ("postgresql://localhost/app", {"PGPORT": "1", "DATABASE_URL": OWN}, ""),
    ("postgresql://localhost:1/app", {"PGHOST": "localhost"}, "DATABASE_URL=postgresql://:1/app\n"),
    (OWN, {"DATABASE_URL": "postgresql://elsewhere/app"}, f"DATABASE_URL={OWN}\n"),
    (OWN, {}, "DATABASE_URL=postgresql:///app?host=one:1&host=127.0.0.1:1\n"),
]
OTHERS = ["postgresql://localhost:1/test", "postgresql://localhost:2/app"]


def ask(
    service: Service, *cases: tuple[str, dict[str, str], str, list[str]]
) -> list[tuple[str, int]]:
    """What is said of each URL, and how often the network was asked."""
    outcome = service.run("python", "-c", ASK, json.dumps(cases))
    return [(said, events) for said, events in json.loads(outcome.text.strip().splitlines()[-1])]


def test_a_server_elsewhere_is_refused_before_any_packet(service: Service) -> None:
    """However the host is written, and wherever a driver would look for it."""
    answers = ask(service, *((url, env, "", ["other.example"]) for url, env, _ in REFUSED))
    for (url, _, reason), (said, events) in zip(REFUSED, answers, strict=True):
        assert reason in said, f"{url}: {said}"
        assert events == 0, url
        assert "secret" not in said


def test_a_server_elsewhere_is_used_once_it_is_trusted_by_its_name(service: Service) -> None:
    """And a local one needs no trust: both go as far as the network."""
    trusted: list[tuple[str, dict[str, str], str, list[str]]] = [
        ("postgresql://DB.invalid./x", {}, "", ["db.INVALID"]),
        ("postgresql://127.0.0.1:1/x", {}, "", []),
        ("postgresql://[::1]:1/x", {}, "", []),
        ("postgresql:///x?host=/nowhere", {}, "", []),
        ("postgresql://%2Fnowhere/x", {}, "", []),
    ]
    for said, events in ask(service, *trusted):
        assert "No Postgres answers there" in said
        assert events > 0, said


def test_the_services_own_database_is_refused_before_any_packet(service: Service) -> None:
    """However differently the two URLs are written; trusted by name it may be used."""
    cases = [(*case, list[str]()) for case in THE_SAME]
    for (url, *_), (said, events) in zip(THE_SAME, ask(service, *cases), strict=True):
        assert "is the service's own DATABASE_URL" in said, f"{url}: {said}"
        assert events == 0
    others = [(url, {"DATABASE_URL": OWN}, "", list[str]()) for url in OTHERS]
    mine = [(OWN, {"DATABASE_URL": OWN}, "", ["DATABASE_URL"])]
    for said, events in ask(service, *others, *mine):
        assert "No Postgres answers there" in said
        assert events > 0


@pytest.fixture(scope="module")
def server(rendered: Service) -> Iterator[Given]:
    """A server with data of a person's."""
    with given(rendered) as server:
        yield server


def test_what_is_on_a_given_server_stays_as_it_was(server: Given, service: Service) -> None:
    """The database that the URL names, its other ones, and its roles; nothing is added either."""
    server.sql("CREATE TABLE more AS SELECT 1 AS n", "mine")
    before = server.dump()
    outcome = service.pytest(f"--postgres={server.of('mine')}", "-n2")
    assert outcome.code == 0, outcome.text
    assert re.search(r"postgres: PostgreSQL 17\.\d+, given, /\S+:5432/mine;", outcome.text)
    assert server.dump() == before


def test_migrations_that_go_to_the_services_own_database_are_stopped(
    server: Given, service: Service
) -> None:
    """Where env.py takes the URL of the settings, whatever Alembic was given."""
    given_url = 'url = context.config.get_main_option("sqlalchemy.url")'
    service.replace("src/gateway/migrations/env.py", given_url, "url = None")
    before = server.dump()
    own = server.of("mine").replace("postgresql://", "postgresql+asyncpg://")
    outcome = service.pytest("tests/integration/test_schema.py", DATABASE_URL=own)
    assert outcome.code == 1
    assert "the migrations connect to the database 'mine', not to 'tpgen_" in outcome.text
    assert 'take the URL from `context.config.get_main_option("sqlalchemy.url")`' in outcome.text
    # That there is one head needs no database.
    assert outcome.count("passed") == 1, outcome.text
    assert server.dump() == before


def test_a_role_that_may_not_create_databases_is_told_so(server: Given, service: Service) -> None:
    """In one line; one that may, and is no superuser, is enough."""
    server.sql("CREATE ROLE small LOGIN; CREATE ROLE enough LOGIN CREATEDB")
    outcome = service.pytest(f"--postgres={server.of('mine', 'small')}")
    assert outcome.code == 4
    assert "this role may not create databases; ALTER ROLE" in outcome.text
    outcome = service.pytest(f"--postgres={server.of('mine', 'enough')}")
    assert outcome.code == 0, outcome.text
    assert "tpgen" not in server.sql("SELECT string_agg(datname, ' ') FROM pg_database")


@pytest.fixture(params=["embedded", "docker", "given"])
def source(request: pytest.FixtureRequest) -> str:
    """Each of the three; a URL where it is given."""
    if request.param == "docker":
        need_docker()
    if request.param == "given":
        server: Given = request.getfixturevalue("server")
        return server.of("mine")
    return str(request.param)


@pytest.fixture
def run(service: Service) -> Iterator[Callable[..., Run]]:
    """Starts runs of this service that stay in the middle of a test; none outlives ours."""
    service.write({"tests/integration/test_stays.py": STAYS})
    with ExitStack() as undo:
        yield lambda *how: undo.enter_context(Run(service, *how))


def test_killed_and_interrupted_runs_leave_nothing_behind(
    source: str, service: Service, server: Given, run: Callable[..., Run]
) -> None:
    """The next run tidies up after a killed one; a run that lives meanwhile keeps its things."""
    with temporary() as tmp:
        living = run(tmp, source)
        its_own = left_of(living.id, tmp, server)

        interrupted = [run(tmp, source, workers) for workers in (0, 2)]
        for one in interrupted:
            assert left_of(one.id, tmp, server)
            os.killpg(one.process.pid, signal.SIGINT)
        for one in interrupted:
            assert one.process.wait(30) == 2, one.output
            assert left_of(one.id, tmp, server) == []

        killed = [run(tmp, source, workers) for workers in (0, 2)]
        for one in killed:
            one.process.kill()
            one.process.wait()
            assert left_of(one.id, tmp, server)
        arguments = (f"--postgres={source}", "tests/integration/test_schema.py")
        outcome = service.pytest(*arguments, TMPDIR=str(tmp))
        assert outcome.code == 0, outcome.text
        for one in killed:
            assert left_of(one.id, tmp, server) == []

        assert left_of(living.id, tmp, server) == its_own
        assert living.ends() == 0, living.output
        assert left_of(living.id, tmp, server) == []
        assert runs(tmp) == set()
        assert kept(tmp) <= {"host", "lock", "runs", "cluster-17", "postgres-17"}


def kept(tmp: Path) -> set[str]:
    """What the suite keeps between runs."""
    return {re.sub(r"-[0-9a-f]{8,}$", "", path.name) for path in tmp.glob("tpgen-*/*")}


def test_a_run_of_any_source_tidies_up_after_one_of_another(
    service: Service, run: Callable[..., Run]
) -> None:
    """Whoever was killed on Docker may go on with the embedded server."""
    need_docker()
    with temporary() as tmp:
        killed = [run(tmp, "docker"), run(tmp, "embedded")]
        for one in killed:
            one.process.kill()
            one.process.wait()
        outcome = service.pytest("tests/integration/test_schema.py", TMPDIR=str(tmp))
        assert outcome.code == 0, outcome.text
        for one in killed:
            assert left_of(one.id, tmp) == []
