"""The command line: a module per command, which is imported only if the command is typed.

A new command is a module here with `add_arguments` and `run`, and a line in `tpgen.core.commands`.
"""
