"""TPG401: personal data in tests, or in what they read."""

import secrets
from collections.abc import Iterator

from tpgen.check.file import File
from tpgen.check.mail import addresses
from tpgen.check.personal import numbers
from tpgen.check.places import is_python, is_test_path
from tpgen.check.rule import FileRule
from tpgen.core.finding import Finding

# Other people's lines, and files that a program wrote.
SKIPPED = (".patch", ".diff", ".min.js", ".map", ".svg", ".po")


def check(file: File) -> Iterator[Finding]:
    if file.path.endswith(SKIPPED) or b"\0" in file.data[:1000]:
        return
    found = set(numbers(file.text, is_code=is_python(file.path)))
    if b"@" in file.data:
        people = (address for address in addresses(file.text) if address.is_free)
        found |= {(address.line, "a mail address") for address in people}
    for line, what in sorted(found):
        yield file.finding(
            line,
            f"this looks like {what} of a real person: let Faker or a factory make one, or use "
            "one that was published for tests",
        )


RULE = FileRule(
    code="TPG401",
    name="personal-data",
    section="Data: no real PII in fixtures; use Faker",
    why="Personal data in a repository is copied to every clone, log and snapshot, and can't be "
    "taken back.",
    fix="Let Faker or a factory make it. For a fixed value use example.com, or a test card of your "
    "payment provider.",
    applies=is_test_path,
    check=check,
    # Random, so that it is nobody's.
    bad=lambda: {
        "tests/fixtures/people.json": f'[{{"email": "jane.{secrets.token_hex(6)}@gmail.com"}}]\n'
    },
    good={
        "tests/fixtures/people.json": '[{"email": "jane@example.com", "card": "4242 4242 4242 4242"}]\n'
    },
)
