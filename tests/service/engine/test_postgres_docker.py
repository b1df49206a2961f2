"""Docker from where developers and CI have it: each way works, or one sentence leads to success."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from tests.servers import need_docker, temporary
from tests.service.engine.environments import run
from tests.service.engine.test_postgres_sources import NAMELESS, NEEDS_ROOT, header, start
from tests.service.engine.trees import Tree, service

DOCKER = r"PostgreSQL 15\.\d+, Docker image postgres:15"


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """A service with a policy."""
    return service(tmp_path / "service")


@pytest.fixture
def daemon() -> Path:
    """The socket of the daemon that tests use."""
    need_docker()
    host = os.environ["DOCKER_HOST"]
    if not host.startswith("unix://"):
        pytest.skip("DOCKER_HOST is not a socket")
    return Path(host.removeprefix("unix://"))


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder whose path is short enough for that of a socket."""
    with temporary() as folder:
        yield folder


def found_by(tree: Tree, source: str, home: Path, **variables: str) -> str:
    """Start a server where no variable names Docker but those given."""
    nothing = ("env", "-u", "DOCKER_HOST", "-u", "DOCKER_CONTEXT")
    return start(
        tree, source, nothing, HOME=str(home), XDG_RUNTIME_DIR=str(home / "run"), **variables
    )


def test_the_server_in_the_container_is_reached_without_a_variable(
    daemon: Path, tree: Tree
) -> None:
    """F22: in a container (`/.dockerenv`) testcontainers alone takes an address that no port is at.

    Of the variables that its own documentation recommends, none is needed and none is in the way.
    """
    host = {"DOCKER_HOST": f"unix://{daemon}"}
    unset = ("env", "-u", "TESTCONTAINERS_CONNECTION_MODE", "-u", "TESTCONTAINERS_HOST_OVERRIDE")
    assert re.fullmatch(DOCKER, header(start(tree, "docker", unset, **host)))
    for mode in ("docker_host", "gateway_ip", "bridge_ip"):
        host["TESTCONTAINERS_CONNECTION_MODE"] = mode
        assert re.fullmatch(DOCKER, header(start(tree, "auto", **host))), mode


def test_a_container_that_cannot_be_reached_is_told_soon(daemon: Path, tree: Tree) -> None:
    """The server takes connections, but of its own container alone. `auto` goes on without."""
    image = f"tpgen-test-unreachable-{os.getpid()}:15"
    inside = ["sh", "-c", 'exec docker-entrypoint.sh "$@" --listen_addresses=127.0.0.1', "sh"]
    container = docker("create", "postgres:15")
    docker("commit", "--change", f"ENTRYPOINT {json.dumps(inside)}", container, image)
    policy = tree.path / "tests/policy/policy.toml"
    policy.write_text(policy.read_text().replace("postgres:15", image))
    host = {"DOCKER_HOST": f"unix://{daemon}"}
    try:
        began = time.monotonic()
        line = start(tree, "docker", **host)
        took = time.monotonic() - began
        assert f"The {image} container runs, but can't be reached from here (tried " in line
        assert "set TESTCONTAINERS_HOST_OVERRIDE to an address" in line
        assert took < 15  # it was 35, at each run
        said = start(tree, "auto", **host)
        assert "no Docker for the tests: The" in said
        assert "Docker image" not in header(said)
        assert docker("ps", "-aq", "--filter", f"ancestor={image}") == ""
    finally:
        docker("rm", "-f", container)
        docker("rmi", "-f", image)


def test_an_overridden_host_is_tried_first(daemon: Path, tree: Tree) -> None:
    """A wrong one costs no more than a moment."""
    host = {"DOCKER_HOST": f"unix://{daemon}", "TESTCONTAINERS_HOST_OVERRIDE": "127.0.0.1"}
    code, text = run_with(tree, host)
    assert (code, "@127.0.0.1:" in text) == (0, True), text
    host["TESTCONTAINERS_HOST_OVERRIDE"] = "nowhere.invalid"
    code, text = run_with(tree, host)
    assert (code, "@localhost:" in text or "@172." in text) == (0, True), text


def run_with(tree: Tree, variables: dict[str, str]) -> tuple[int, str]:
    """Print the URL of a server in a container."""
    show = [sys.executable, "-c", "import os; print(os.environ['DATABASE_URL'])"]
    command = [sys.executable, "-m", "pytest_tpgen.postgres", *show]
    return run(*command, cwd=tree.path, TEST_POSTGRES="docker", **variables)


def test_a_context_of_docker_is_followed(daemon: Path, tree: Tree, short: Path) -> None:
    """R43: in the home directory or in the folder that DOCKER_CONFIG names; so does Colima."""
    for settings in (short / ".docker", short / "elsewhere"):
        context(settings, f"unix://{daemon}")
        elsewhere = {"DOCKER_CONFIG": str(settings)} if settings.name == "elsewhere" else {}
        home = short if settings.name == ".docker" else short / "empty"
        line = found_by(tree, "docker", home, **elsewhere)
        assert re.fullmatch(DOCKER, header(line)), line


def context(settings: Path, host: str) -> None:
    """Make the files of `docker context create` and `docker context use`."""
    meta = settings / "contexts/meta" / sha256(b"colima").hexdigest()
    meta.mkdir(parents=True)
    endpoints = {"docker": {"Host": host, "SkipTLSVerify": False}}
    content = {"Name": "colima", "Metadata": {}, "Endpoints": endpoints}
    (meta / "meta.json").write_text(json.dumps(content))
    (settings / "config.json").write_text('{"currentContext": "colima"}')


@pytest.mark.parametrize(
    "socket",
    ["run/podman/podman.sock", "run/docker.sock", ".colima/default/docker.sock", ".rd/docker.sock"],
    ids=["podman", "rootless", "Colima", "Rancher Desktop"],
)
def test_a_socket_that_docker_does_not_know_is_named(
    socket: str, daemon: Path, tree: Tree, short: Path
) -> None:
    """And what the sentence says leads to a server."""
    if Path("/var/run/docker.sock").exists():
        pytest.skip("this machine has a Docker at its usual place")
    place = short / socket
    place.parent.mkdir(parents=True)
    place.symlink_to(daemon)
    line = found_by(tree, "docker", short)
    [named] = re.findall(r"set (DOCKER_HOST)=(\S+), where one listens", line)
    assert named[1] == f"unix://{place}"
    assert re.fullmatch(DOCKER, header(start(tree, "docker", DOCKER_HOST=named[1])))


def test_without_docker_the_sentence_names_no_socket(tree: Tree, short: Path) -> None:
    """A file that nobody listens at is no Docker; `auto` says nothing of it but in the header."""
    if Path("/var/run/docker.sock").exists():
        pytest.skip("this machine has a Docker at its usual place")
    (short / ".rd").mkdir()
    (short / ".rd/docker.sock").touch()
    line = found_by(tree, "docker", short)
    assert line == "Docker is not running here: start it, or pass --postgres embedded."
    assert len(found_by(tree, "auto", short).splitlines()) == 1


@NEEDS_ROOT
def test_a_user_who_may_not_use_docker_is_told(daemon: Path, tree: Tree, short: Path) -> None:
    """That is not a daemon that does not run."""
    variables = {"HOME": str(short), "TMPDIR": str(short), "DOCKER_HOST": f"unix://{daemon}"}
    line = start(tree, "docker", NAMELESS, **variables)
    assert "This user may not use Docker" in line and "usermod -aG docker" in line


def docker(*arguments: str) -> str:
    """Run a command of Docker's client."""
    return subprocess.check_output(["docker", *arguments], text=True).strip()
