"""What stops a command."""


class Misuse(Exception):
    """Something that a person must change first: one sentence, with the next command; exit 2."""
