"""The commands, each the module `tpgen.cli.NAME`, and their help texts.

A kind can't have the name of a command. Only `sdk` is both: its command also works without a policy.
"""

COMMANDS = {
    "check": "find where the files fall short of the policy",
    "explain": "print what a rule looks for, and how to fix a finding",
    "exemptions": "list what is exempt, why and until when",
    "census": "show which required cases a run has proved",
    "gate": "find which tests a change lacks",
    "sdk": "write the test of the public surface of a class",
    "update": "bring the newest policy into the service",
    "drift": "find template files that were edited by hand",
    "undo": "revert what the last command wrote",
    "completion": "print the shell completion script",
    "new": "render a new project",
}
