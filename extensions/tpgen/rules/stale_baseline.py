"""TPG003: an entry of the baseline without a finding."""

from tpgen.check.baseline import as_text
from tpgen.check.rule import CODE_OF_BASELINE, Rule

SLEEPING = (
    "import time\n\n\ndef test_finishes(worker):\n    time.sleep(2)\n    assert worker.done\n"
)
FINISHED = "def test_finishes(worker):\n    assert worker.done\n"
PATH = "tests/test_job.py"
BASELINE = as_text({(PATH, "TPG205", "test_finishes"): 1})

RULE = Rule(
    code=CODE_OF_BASELINE,
    name="stale-baseline",
    section="all: an exception ends",
    why="The entry would cover the next fault of its kind in the same test. It is a warning: a "
    "change that fixes a finding does not fail.",
    fix="Run `tpgen check --write-baseline`, and commit the file.",
    bad={PATH: FINISHED, "tpgen-baseline.json": BASELINE},
    good={PATH: SLEEPING, "tpgen-baseline.json": BASELINE},
)
