"""TPG402: a mail address outside the reserved domains."""

from collections.abc import Iterator

from tpgen.check.file import File
from tpgen.check.mail import addresses
from tpgen.check.places import is_test_path
from tpgen.check.rule import FileRule
from tpgen.core.finding import Finding
from tpgen.core.service import POLICY


def check(file: File) -> Iterator[Finding]:
    """Yield each mail address outside the reserved domains, if the policy asks for those."""
    if file.project.number("personal_data", "emails", "") != "reserved":
        return
    for address in addresses(file.text):
        # TPG401 reports those at free providers.
        if not address.is_reserved and not address.is_free:
            yield file.finding(
                address.line,
                f"{address.domain} may be a real domain ({address.local[:2]}…@{address.domain}): "
                "use an address at example.com, or Faker's `safe_email`",
                column=address.column,
            )


RESERVED = {str(POLICY): '[personal_data]\nemails = "reserved"\n'}
RULE = FileRule(
    code="TPG402",
    name="unreserved-email",
    section="Data: no real PII in fixtures; use Faker",
    why="A mail address at a domain that exists belongs to somebody, or will; a test that sends "
    "mail reaches that person one day.",
    fix="Use example.com, example.org or a name that ends in .test or .example; Faker's `email` "
    "and `safe_email` do. The rule is on where `tests/policy/policy.toml` has `[personal_data] "
    'emails = "reserved"`.',
    applies=is_test_path,
    triggers=(b"@",),
    check=check,
    bad={**RESERVED, "tests/unit/test_mail.py": 'SENDER = "jane@acme-widgets.com"\n'},
    good={**RESERVED, "tests/unit/test_mail.py": 'SENDER = "jane@example.com"\n'},
)
