"""Imported modules are left out of the garbage collector's walks.

They are most of the objects of a run, and none is garbage: a sixth of the time of the starter's
suite went into walking over them, most of it after the last test.
"""

import atexit
import gc

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop() -> None:
    """Set aside what exists once all is collected, and at the end what is left of the tests."""
    gc.freeze()
    # Not before: pytest looks for exceptions in the tests' garbage when it is unconfigured.
    atexit.register(gc.freeze)
