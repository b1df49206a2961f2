"""Start Postgres in a container of the policy's image, with testcontainers."""

from __future__ import annotations

import contextlib
import gc
import os
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
RUN, HOST = "tpgen.run", "tpgen.host"
NOTE = "container"  # a file in the folder of a run that has one


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
        url = container.get_connection_url()
        return Server(
            url=url,
            source=f"Docker image {image}",
            version=version(url),
            prefix=database_prefix(run.id),
            stop=undo.pop_all().close,
        )


def connect() -> DockerClient:
    """Return a client of the Docker daemon.

    Raises:
        PostgresUnavailable: no daemon answers, or a package is missing.
    """
    if not _may_be_there():
        raise PostgresUnavailable(
            "Docker is not running here: start it, or say --postgres embedded."
        )
    # Imported here: it takes a second that a run without Docker need not spend.
    try:
        import docker.errors
        import requests
        from testcontainers.core.docker_client import DockerClient
    except ImportError as error:
        raise PostgresUnavailable(
            f"{(error.name or '').partition('.')[0]} is not installed: `uv sync`, or say --postgres embedded."
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
    raise PostgresUnavailable(
        f"Docker does not answer ({reason}): start it, or say --postgres embedded."
    )


def _may_be_there() -> bool:
    """Return False if there is certainly no Docker; a cheap check before the slow import."""
    home = Path(os.path.expanduser("~"))  # Path.home() raises for a user without one.
    sockets = [Path("/var/run/docker.sock"), home / ".docker/run/docker.sock"]
    sockets.append(Path(os.environ.get("XDG_RUNTIME_DIR", "/run")) / "docker.sock")
    settings = [home / ".docker/contexts", home / ".testcontainers.properties"]
    named = {"DOCKER_HOST", "DOCKER_CONTEXT", "TC_HOST"} & os.environ.keys()
    return bool(named) or any(path.exists() for path in sockets + settings)


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
            f"`docker pull {image}` where there is a network, or say --postgres embedded."
        ) from error


def _tuned_container(image: str, run: str) -> PostgresContainer:
    """Return a container with its data in memory; the next run removes it if this one can't."""
    from testcontainers.community.postgres import PostgresContainer
    from testcontainers.core.config import testcontainers_config

    # The lease does ryuk's work: no second image, and a second less to wait.
    testcontainers_config.ryuk_disabled = True
    labels = {RUN: run, HOST: lease.host()}
    return (
        PostgresContainer(image, driver=None, labels=labels)
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
            while not _answers(container):
                container.reload()
                if container.status not in {"created", "running"}:
                    raise OSError(b"".join(container.get_logs()).decode(errors="replace"))
                if time.monotonic() > deadline:
                    host = container.get_container_host_ip()
                    raise OSError(
                        f"nothing answers at {host}; where the tests run in a container "
                        "themselves, set TESTCONTAINERS_HOST_OVERRIDE"
                    )
                time.sleep(0.05)

    return AcceptingConnections()


def _answers(container: Any) -> bool:
    try:
        version(container.get_connection_url())
    except (PostgresUnavailable, ConnectionError, TimeoutError):
        # Testcontainers can't tell the port of a container that has ended.
        return False
    return True


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
            "Docker's disk is full: `docker system prune` frees some, or say --postgres embedded."
        )
    return f"The {image} container did not start: {_short(error)}"


def _short(error: Exception) -> str:
    """Return the end of an error message, on one line."""
    return " ".join(str(error).split())[-200:]
