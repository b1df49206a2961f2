"""The error that stops a command."""


class UserError(Exception):
    """A person must change something first: one sentence with the next command; exit code 2."""
