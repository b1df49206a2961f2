"""TPG002: an exemption that has ended, or an exemption or exclusion that covers nothing."""

from datetime import date, timedelta

from tpgen.check.rule import CODE_OF_EXEMPTIONS, Rule

SLEEPING = (
    "import time\n\n\ndef test_finishes(worker):\n    time.sleep(2)\n    assert worker.done\n"
)
EXEMPT = """\
[[tool.tpgen.exemptions]]
rule = "TPG205"
path = "tests/unit/test_worker.py"
reason = "the worker has no event yet"
issue = "#12"
until = {until}
"""

RULE = Rule(
    code=CODE_OF_EXEMPTIONS,
    name="expired-exemption",
    section="all: an exemption ends",
    why="An exemption without an end becomes permanent, and one that covers nothing hides the "
    "next fault in its place.",
    fix="Fix what it covers and remove it. If the reason still holds, set a later date.",
    bad={
        "tests/unit/test_worker.py": SLEEPING,
        "pyproject.toml": EXEMPT.format(until="2020-01-31"),
    },
    good=lambda: {
        "tests/unit/test_worker.py": SLEEPING,
        "pyproject.toml": EXEMPT.format(until=date.today() + timedelta(days=30)),
    },
)
