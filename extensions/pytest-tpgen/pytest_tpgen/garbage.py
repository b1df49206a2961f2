"""Imported modules are left out of the garbage collector's walks.

They are most of the objects of a run, and none is garbage: a fifth of the time of the starter's
suite went into walking over them, while they were imported and after the last test.
"""

import atexit
import gc

import pytest

PAUSED = pytest.StashKey[bool]()


def pause(config: pytest.Config) -> None:
    """Collect nothing until the tests run; what is there by then stays."""
    if gc.isenabled():
        gc.disable()
        config.add_cleanup(gc.enable)
        config.stash[PAUSED] = True


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Set aside what exists once all is collected, and at the end what is left of the tests."""
    gc.freeze()
    if session.config.stash.get(PAUSED, False):
        gc.enable()
    # Not before: pytest looks for exceptions in the tests' garbage when it is unconfigured.
    atexit.register(gc.freeze)
