"""Formats of a check: `render(result)` of each module returns the text of one."""
