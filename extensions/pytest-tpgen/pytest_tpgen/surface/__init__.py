"""The public surface of a class: read it, write it as a stub, compare it, and test it.

`SurfaceSuite` needs the extra `pytest-tpgen[sdk]`. `tpgen sdk package.module:Class` writes the test
of a class.
"""

from .comparing import Change, compare
from .model import Surface, SurfaceError
from .parsing import parse
from .reading import load, read
from .suite import SurfaceSuite, check

__all__ = [
    "Change",
    "Surface",
    "SurfaceError",
    "SurfaceSuite",
    "check",
    "compare",
    "load",
    "parse",
    "read",
]
