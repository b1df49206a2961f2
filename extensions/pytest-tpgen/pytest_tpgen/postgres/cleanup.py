"""Remove what killed runs left on this machine, whatever the source of the next run is."""

import shutil
from contextlib import closing

from . import binaries, docker, lease
from .server import PostgresUnavailable


def clean_up() -> None:
    """Remove the servers, clusters and containers of dead runs. A living run's are left alone."""
    for folder in lease.dead_folders():
        binaries.remove(folder)
        if not (folder / docker.NOTE).exists() or _removed_containers():
            shutil.rmtree(folder, ignore_errors=True)


def _removed_containers() -> bool:
    """Whether Docker could be asked; where it can't, the folder reminds the next run."""
    try:
        with closing(docker.connect()) as client:
            docker.clean_up(client)
    except PostgresUnavailable:
        return False
    return True
