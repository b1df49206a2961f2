"""The commands of `tpgen` and their help texts; no kind of component may have such a name.

The module of a command is `tpgen.cli.NAME`.
"""

COMMANDS = {
    "check": "find where the files fall short of the policy",
    "explain": "print what a rule looks for, and how to fix a finding",
    "exemptions": "list what is exempt, why and until when",
    "census": "show which required cases a run has proved",
    "update": "bring the newest policy into the service",
    "drift": "find template files that were edited by hand",
    "undo": "revert what the last command wrote",
    "completion": "print the shell completion script",
}
