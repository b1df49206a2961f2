"""A warning category for the `filterwarnings` of a service: every deprecation, by its name.

Many packages derive theirs from `UserWarning`, so that `default::DeprecationWarning` misses them.
To name their classes would import the packages, and fail without them or with an older release.
"""


class _ByName(type):
    def __subclasscheck__(cls, category: type) -> bool:
        return any("Deprecat" in base.__name__ for base in category.__mro__)


class AnyDeprecation(Warning, metaclass=_ByName):
    """Every category of warnings whose name, or that of a base, says that it is a deprecation."""
