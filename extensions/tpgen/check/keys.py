"""What the live keys of a service look like."""

import re

from .project import ANSWERS, Project

MARK = "_live_"
DEFAULT_PREFIX = "tp"
PREFIX = re.compile(r"^key_prefix:\s*[\"']?([a-z][a-z0-9]*)", re.MULTILINE)


def key_prefix(project: Project) -> str:
    """Return the prefix of a service's keys: the answer to the template's question."""
    answers = project.file(ANSWERS)
    found = PREFIX.search(answers.text) if answers else None
    return found[1] if found else DEFAULT_PREFIX
