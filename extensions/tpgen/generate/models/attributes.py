"""Names that a factory can't declare, and what it declares instead."""

import re
from collections.abc import Iterable

# Methods and settings of factory-boy's factories, and the parameter for the database session.
RESERVED = {
    "AssociatedClassError",
    "Meta",
    "Params",
    "UnknownStrategy",
    "UnsupportedStrategy",
    "build",
    "build_batch",
    "create",
    "create_batch",
    "generate",
    "generate_batch",
    "reset_sequence",
    "session",
    "simple_generate",
    "simple_generate_batch",
    "stub",
    "stub_batch",
}


def is_usable(name: str) -> bool:
    """Return whether a factory can declare an attribute by this name.

    factory-boy reads `tenant__name` as an attribute of the row `tenant`, and ignores values under
    names that begin with an underscore.
    """
    return name not in RESERVED and "__" not in name and not name.startswith("_")


def is_settable(name: str) -> bool:
    """Return whether a test can give the attribute by this name, if nothing is declared."""
    return "__" not in name and name != "session"


def usable(name: str, taken: Iterable[str], is_row: bool = False) -> str:
    """Return the name that a factory declares for an attribute.

    Args:
        name: of the attribute.
        taken: the names of all attributes.
        is_row: whether the attribute is a row of another model.
    """
    plain = re.sub("_+", "_", name.strip("_"))
    # Not `session_`: factory-boy would read `session___name` as an attribute of `session`.
    ending = "row" if is_row else "value"
    candidates = [plain, f"{plain}_{ending}", *(f"{plain}_{ending}_{n}" for n in range(2, 100))]
    return next(each for each in candidates if is_usable(each) and each not in taken)


def renamed(value: str, old: str, new: str) -> str:
    """Return the expression of a declaration that refers to another one by its new name."""
    value = value.replace(f'SelfAttribute("{old}.', f'SelfAttribute("{new}.')
    value = value.replace(f'fill_in("{old} = ', f'fill_in("{new} = ')
    return re.sub(rf"(lambda (\w+): \2\.){re.escape(old)}\b", rf"\g<1>{new}", value)
