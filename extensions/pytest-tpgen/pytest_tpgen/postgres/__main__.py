"""Run a command on a throw-away Postgres: `python -m pytest_tpgen.postgres COMMAND …`.

The command finds the server in DATABASE_URL. When it ends, the server and its data are gone.
"""

import os
import subprocess
import sys
from pathlib import Path

from pytest_tpgen import policy
from pytest_tpgen.policy import PolicyError
from pytest_tpgen.postgres import PostgresUnavailable, choose_and_start


def main() -> int:
    """Run the command on the command line.

    Returns:
        its exit code, or 2 if there is no policy or no Postgres.
    """
    found = policy.near(Path.cwd())
    if found is None:
        print(
            f"no {policy.FILE} in a folder `tests` here or above: run this in a service",
            file=sys.stderr,
        )
        return 2
    try:
        source = os.environ.get("TEST_POSTGRES", "auto")
        server = choose_and_start(source, found.image, root=found.root)
    except (PostgresUnavailable, PolicyError) as error:
        print(error, file=sys.stderr)
        return 2
    print(f"postgres: {server}", file=sys.stderr)
    try:
        return subprocess.call(sys.argv[1:], env={**os.environ, "DATABASE_URL": server.url})
    except KeyboardInterrupt:
        return 130
    finally:
        server.stop()


if __name__ == "__main__":
    sys.exit(main())
