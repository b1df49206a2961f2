"""Remove what killed runs left on this machine, for every source of Postgres."""

import shutil
from contextlib import closing

from . import binaries, docker, lease
from .server import PostgresUnavailable


def clean_up() -> None:
    """Remove the servers, clusters and containers of dead runs, but not those of live ones."""
    for folder in lease.dead_folders():
        binaries.remove(folder)
        if not (folder / docker.NOTE).exists() or _removed_containers():
            shutil.rmtree(folder, ignore_errors=True)


def _removed_containers() -> bool:
    """Return whether Docker was reachable; if not, the folder is kept for the next run."""
    try:
        with closing(docker.connect()) as client:
            docker.clean_up(client)
    except PostgresUnavailable:
        return False
    return True
