"""TPG001: a file that could not be checked, or a file of the policy that is broken."""

import re
import tomllib
from collections.abc import Iterator

from tpgen.check.file import File
from tpgen.check.places import is_policy, is_python, is_test_file
from tpgen.check.rule import CODE_OF_READING, FileRule
from tpgen.core.finding import Finding

CONFLICT = re.compile(r"^(<{7} |>{7} )", re.MULTILINE)


def check(file: File) -> Iterator[Finding]:
    if is_policy(file.path) and (marker := CONFLICT.search(file.text)):
        line = file.text.count("\n", 0, marker.start()) + 1
        yield file.finding(line, "a conflict marker: resolve the conflict, and commit the file")
    elif is_python(file.path):
        _ = file.tree
    elif file.path.endswith(".toml"):
        try:
            tomllib.loads(file.text)
        except tomllib.TOMLDecodeError as error:
            message = f"the file is not valid TOML: {error}; correct it, or restore it from Git"
            yield file.finding(1, message)


RULE = FileRule(
    code=CODE_OF_READING,
    name="unreadable-file",
    section="all: what can't be read can't be checked",
    why="No rule finds what is in a file that it can't read. A note says what was not checked, "
    "such as a broken symbolic link or the end of a very large file; it fails nothing.",
    fix="Correct the syntax or the encoding, or resolve the conflict. A text file is UTF-8.",
    applies=lambda path: is_policy(path) or is_test_file(path),
    check=check,
    bad={
        "tests/unit/test_worker.py": "from time import sleep\n\ndef test_finishes(:\n",
        "tests/policy/suites/step.py": "class StepSuite:\n<" + "<<<<<< HEAD\n    pass\n",
    },
    good={
        "tests/unit/test_worker.py": "def test_finishes(worker):\n    assert worker.done\n",
        "tests/policy/suites/step.py": "class StepSuite:\n    pass\n",
    },
)
