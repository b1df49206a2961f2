"""Add to a test module what it is missing, compared with a rendered one; nothing is removed."""

from .module import Identity, merge, name_of_tests

__all__ = ["Identity", "merge", "name_of_tests"]
