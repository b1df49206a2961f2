"""The command line: one module per command, with `add_arguments` and `run`.

`main` runs a command and turns errors into exit codes, `command_line` puts the parser together, and
`component` has the commands of the kinds in `policy.toml`. A new command is a module here, and a
line in `tpgen.core.commands`. Its module is imported only if the command is typed.
"""
