"""Start Postgres in a container of the policy's image, with testcontainers."""

from __future__ import annotations

import contextlib
import gc
import os
import secrets
import socket
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import lease
from .server import (
    TUNING,
    PostgresUnavailable,
    Server,
    as_options,
    database_prefix,
    version,
)

if TYPE_CHECKING:
    from docker import DockerClient
    from testcontainers.community.postgres import PostgresContainer

SECONDS_TO_ANSWER = 5
SECONDS_WITHOUT_PROGRESS = 10
SECONDS_TO_START = 30
SECONDS_TO_REACH = 2  # from when the server in the container takes connections
SECONDS_TO_TRY = 0.5  # an address
RUN, HOST = "tpgen.run", "tpgen.host"
NOTE = "container"  # a file in the folder of a run that has one


class NotHere(PostgresUnavailable):
    """Nothing says that there is a Docker."""


def start(image: str, say: Callable[[str], None]) -> Server:
    """Start one tuned container for the run.

    Raises:
        PostgresUnavailable: no Docker, no image, or a container that does not come up.
    """
    try:
        with contextlib.closing(connect()) as client:
            _require_image(client, image, say)
            clean_up(client)
        return _started(image)
    except PostgresUnavailable:
        raise
    except Unreachable as error:
        raise PostgresUnavailable(
            f"The {image} container runs, but can't be reached from here (tried {error}): set "
            "TESTCONTAINERS_HOST_OVERRIDE to an address of Docker's host that leads there, or pass "
            "--postgres embedded."
        ) from error
    except Exception as error:
        raise PostgresUnavailable(_reason(image, error)) from error


def _started(image: str) -> Server:
    with contextlib.ExitStack() as undo:
        run = lease.take()
        undo.callback(run.release)
        (run.folder / NOTE).touch()
        container = _tuned_container(image, run.id)
        undo.callback(container.stop)
        container.start()
        url = _reached(container)
        if url is None:
            raise Unreachable(", ".join(_addresses(container)))
        return Server(
            url=url,
            source=f"Docker image {image}",
            version=version(url),
            prefix=database_prefix(run.id),
            stop=undo.pop_all().close,
        )


def connect() -> DockerClient:
    """Return a client of a daemon that answers.

    Raises:
        NotHere: nothing says that there is a Docker.
        PostgresUnavailable: it does not answer.
    """
    if not _may_be_there():
        raise NotHere(f"Docker is not running here: {_remedy('start it')}")
    # Imported here: it takes a second that a run without Docker need not spend.
    try:
        import docker.errors
        import requests
        from testcontainers.core.docker_client import DockerClient
    except ImportError as error:
        raise PostgresUnavailable(
            f"{(error.name or '').partition('.')[0]} is not installed: `uv sync`, or pass --postgres embedded."
        ) from error
    except RuntimeError as error:  # testcontainers reads a file of the home directory
        raise PostgresUnavailable(
            f"testcontainers needs a home directory ({error}): set HOME, or pass --postgres embedded."
        ) from error

    with warnings.catch_warnings():
        # What docker leaves open when nothing answers would be a warning in the middle of a test.
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            client = DockerClient(timeout=SECONDS_TO_ANSWER).client
            client.ping()
            return client
        except (docker.errors.DockerException, requests.RequestException, OSError) as error:
            reason = _short(error)
        gc.collect()
    if "Permission denied" in reason:
        raise PostgresUnavailable(
            f"This user may not use Docker ({reason}): `sudo usermod -aG docker $USER` and log in "
            "again, or pass --postgres embedded."
        )
    raise PostgresUnavailable(f"Docker does not answer ({reason}): {_remedy('start it')}")


def _may_be_there() -> bool:
    """Return whether anything says that there is a Docker; cheap, and right where it says no."""
    named = {"DOCKER_HOST", "DOCKER_CONTEXT", "TC_HOST"} & os.environ.keys()
    settings = [_settings() / "contexts", _home() / ".testcontainers.properties"]
    return bool(named) or any(path.exists() for path in [*settings, *_sockets()[:3]])


def _sockets() -> list[Path]:
    """Return where Docker and what replaces it listen; the first three are Docker's own."""
    run = Path(os.environ.get("XDG_RUNTIME_DIR", f"/run/user/{lease.user_id()}"))
    return [
        Path("/var/run/docker.sock"),
        _home() / ".docker/run/docker.sock",
        run / "docker.sock",  # rootless
        _home() / ".docker/desktop/docker.sock",
        Path(os.environ.get("COLIMA_HOME", _home() / ".colima")) / "default/docker.sock",
        _home() / ".rd/docker.sock",  # Rancher Desktop
        _home() / ".orbstack/run/docker.sock",
        run / "podman/podman.sock",
        Path("/run/podman/podman.sock"),
    ]


def _settings() -> Path:
    return Path(os.environ.get("DOCKER_CONFIG") or _home() / ".docker")


def _home() -> Path:
    return Path(os.path.expanduser("~"))  # Path.home() raises for a user without one.


def _remedy(otherwise: str) -> str:
    """Return what to do where Docker does not answer: a server that listens elsewhere is named."""
    here = next((path for path in _sockets() if _listens(path)), None)
    todo = f"set DOCKER_HOST=unix://{here}, where one listens" if here else otherwise
    return f"{todo}, or pass --postgres embedded."


def _listens(path: Path) -> bool:
    if not hasattr(socket, "AF_UNIX") or f"unix://{path}" == os.environ.get("DOCKER_HOST"):
        return False
    with socket.socket(socket.AF_UNIX) as client, contextlib.suppress(OSError):
        client.settimeout(SECONDS_TO_TRY)
        client.connect(str(path))
        return True
    return False


def _require_image(client: DockerClient, image: str, say: Callable[[str], None]) -> None:
    """Pull the image if it is missing, and give up when the pull makes no progress."""
    import docker.errors
    import requests

    try:
        client.images.get(image)
        return
    except docker.errors.ImageNotFound:
        say(f"pulling {image}, once (about 200 MB) …")
    try:
        client.api.timeout = SECONDS_WITHOUT_PROGRESS
        for event in client.api.pull(image, stream=True, decode=True):
            if "error" in event:
                raise docker.errors.APIError(event["error"])
    except (docker.errors.DockerException, requests.RequestException, OSError) as error:
        raise PostgresUnavailable(
            f"Docker has no image {image} and cannot pull it ({_short(error)}): "
            f"`docker pull {image}` where there is a network, or pass --postgres embedded."
        ) from error


def _tuned_container(image: str, run: str) -> PostgresContainer:
    """Return a container with its data in memory; the next run removes it if this one can't."""
    from testcontainers.community.postgres import PostgresContainer
    from testcontainers.core.config import testcontainers_config

    # The lease does ryuk's work: no second image, and a second less to wait.
    testcontainers_config.ryuk_disabled = True
    labels = {RUN: run, HOST: lease.host()}
    return (
        # A password of its own: no other server that is tried can be taken for this one.
        PostgresContainer(image, driver=None, labels=labels, password=secrets.token_hex(8))
        .with_command(["postgres", *as_options(TUNING)])
        .with_env("POSTGRES_INITDB_ARGS", "--no-sync")
        .with_tmpfs_mount("/var/lib/postgresql/data")
        .waiting_for(_accepting_connections())
    )


def _accepting_connections() -> Any:
    """Return a wait that ends with the container; that of testcontainers goes on polling."""
    from testcontainers.core.waiting_utils import WaitStrategy, WaitStrategyTarget

    class AcceptingConnections(WaitStrategy):
        def wait_until_ready(self, container: WaitStrategyTarget) -> None:
            deadline = time.monotonic() + SECONDS_TO_START
            is_up = False
            while not _reached(container):
                container.reload()
                log = b"".join(container.get_logs()).decode(errors="replace")
                if container.status not in {"created", "running"}:
                    raise OSError(log)
                if not is_up and _is_up(log):
                    is_up = True
                    deadline = time.monotonic() + SECONDS_TO_REACH
                if time.monotonic() > deadline:
                    raise Unreachable(", ".join(_addresses(container)))
                time.sleep(0.05)

    return AcceptingConnections()


class Unreachable(Exception):
    """The server in the container takes connections, but not from here. The text: addresses."""


def _is_up(log: str) -> bool:
    """Return whether the official entrypoint says that the server takes connections."""
    _, _, after = log.partition("PostgreSQL init process complete")
    return "ready to accept connections" in after


def _reached(container: Any) -> str | None:
    """Return the URL at which the server answers, or None.

    Which address leads from here to the container depends on where the tests and the daemon run
    (`/.dockerenv`, a mounted socket, a daemon in the same container): all are tried.
    """
    for address in _addresses(container):
        host, _, port = address.rpartition(":")
        url = f"postgresql://{container.username}:{container.password}@{address}/{container.dbname}"
        with contextlib.suppress(PostgresUnavailable, OSError):
            socket.create_connection((host, int(port)), SECONDS_TO_TRY).close()
            version(url)
            return url
    return None


def _addresses(container: Any) -> list[str]:
    """Return the addresses that may lead to the container, the likeliest first."""
    attributes = container.get_wrapped_container().attrs["NetworkSettings"]
    published = (attributes["Ports"] or {}).get("5432/tcp") or []
    networks = (attributes["Networks"] or {}).values()
    # By DOCKER_HOST, or what overrides it.
    hosts = [container.get_docker_client().host(), "localhost"]
    hosts += [network["Gateway"] for network in networks]
    found = [f"{host}:{binding['HostPort']}" for binding in published[:1] for host in hosts if host]
    found += [f"{network['IPAddress']}:5432" for network in networks if network["IPAddress"]]
    return list(dict.fromkeys(found))


def clean_up(client: DockerClient) -> None:
    """Remove the containers of killed runs of this machine."""
    import docker.errors

    mine = {"label": f"{HOST}={lease.host()}"}
    for container in client.containers.list(all=True, filters=mine, ignore_removed=True):
        if not lease.is_alive(container.labels[RUN]):
            # Another run may be at it too.
            with contextlib.suppress(docker.errors.APIError):
                container.remove(force=True, v=True)


def _reason(image: str, error: Exception) -> str:
    if "No space left" in str(error):
        return (
            "Docker's disk is full: `docker system prune` frees some, or pass --postgres embedded."
        )
    return f"The {image} container did not start: {_short(error)}"


def _short(error: Exception) -> str:
    """Return the end of an error message, on one line."""
    return " ".join(str(error).split())[-200:]
