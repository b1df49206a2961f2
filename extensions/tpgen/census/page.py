"""The census as one self-contained page of HTML."""

from .render import as_json
from .table import Census


def render(census: Census) -> str:
    """Return the page.

    Args:
        census: to show.
    """
    return as_json(census)
