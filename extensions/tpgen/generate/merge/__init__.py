"""Adds to a person's test module what it lacks of a rendered one, and takes nothing away."""

from .module import Identity, Merged, merge, name_of_tests

__all__ = ["Identity", "Merged", "merge", "name_of_tests"]
