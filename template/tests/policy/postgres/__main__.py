"""Run a command on a throw-away Postgres: `python -m tests.policy.postgres COMMAND …`.

The command finds it in DATABASE_URL. When it ends, the server and its data are gone.
"""

import os
import subprocess
import sys

from tests.policy import POLICY
from tests.policy.postgres import PostgresUnavailable, choose_and_start


def main() -> int:
    """Returns: the exit code of the command, or 2 where there is no Postgres."""
    try:
        source = os.environ.get("TEST_POSTGRES", "auto")
        server = choose_and_start(source, POLICY["postgres"]["image"])
    except PostgresUnavailable as error:
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
