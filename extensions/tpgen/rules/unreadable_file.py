"""TPG001: a file that could not be looked at."""

from tpgen.check.rule import CODE_OF_READING, Rule

RULE = Rule(
    code=CODE_OF_READING,
    name="unreadable-file",
    section="all: what can't be read can't be checked",
    why="What hides in a file that no rule can read is found by nobody. A note says what was not "
    "looked at, such as a broken symlink or the end of a very large file; it fails nothing.",
    fix="Correct the syntax or the encoding. A text file is UTF-8.",
    bad={"tests/unit/test_worker.py": "from time import sleep\n\ndef test_finishes(:\n"},
    good={"tests/unit/test_worker.py": "def test_finishes(worker):\n    assert worker.done\n"},
)
