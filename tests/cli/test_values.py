"""Values are the same in each process."""

import os
import subprocess
import sys

PRINT = r"""
from tpgen.generate.routes.expressions import source
from tpgen.generate.routes.values import valid
from tpgen.generate.routes.violations import violations
rules = {"type": "string", "pattern": r"^sk_(live|test)_[a-f]{3}\d+$"}
schema = {"type": "object", "required": ["a"], "properties": {"a": rules}}
value = valid(schema, {}, "body")
print(source(value), [source(one.value) for one in violations(schema, {}, value)])
"""


def test_the_values_are_the_same_in_each_run() -> None:
    """Whatever seed Python's hashes have, and also those that Hypothesis finds."""
    runs = [
        subprocess.run(
            [sys.executable, "-c", PRINT],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert runs[0] == runs[1]
    assert runs[0].startswith('{"a": "sk_live_aaa0"} [')
