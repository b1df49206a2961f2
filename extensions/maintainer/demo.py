"""`make demo`: a new service, as a user gets it, and its suite on the embedded Postgres."""

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

TEMPLATE = Path(__file__).parents[2]


def main() -> int:
    """Render, install, test; each step says what it does.

    Returns:
        0, or the exit code of the first step that failed.
    """
    service = Path(tempfile.mkdtemp(prefix="tpgen-demo-"))
    steps: list[tuple[str, Sequence[str], Path]] = [
        (
            "Render a service with the answers that copier proposes",
            [
                "copier",
                "copy",
                "--defaults",
                "--quiet",
                "--vcs-ref=HEAD",
                # Uncommitted changes are in no commit that could be fetched.
                "--data=engine_source=wheel",
                str(TEMPLATE),
                str(service),
            ],
            TEMPLATE,
        ),
        ("Install what it needs, into a .venv of its own", ["uv", "sync", "--quiet"], service),
        (
            "Run its whole suite, on a Postgres from a wheel",
            ["uv", "run", "pytest", "--postgres", "embedded"],
            service,
        ),
    ]
    # The service has an environment of its own, not ours.
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    for number, (what, command, folder) in enumerate(steps, 1):
        print(f"\n[{number}/{len(steps)}] {what}:\n      {shlex.join(command)}", flush=True)
        if code := subprocess.call(command, cwd=folder, env=environment):
            print(f"\nStopped: that ended with {code}. What there is lies in {service}")
            return code
    print(f"\nThe service lies in {service}; go there and try: make serve")
    return 0


if __name__ == "__main__":
    sys.exit(main())
