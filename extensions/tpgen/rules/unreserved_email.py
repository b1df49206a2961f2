"""TPG402: a mail address that may be somebody's."""

import re
from collections.abc import Iterator

from tpgen.check.file import File
from tpgen.check.places import is_policy, is_test_path
from tpgen.check.rule import FileRule
from tpgen.core.finding import Finding
from tpgen.core.service import POLICY

RESERVED = re.compile(
    r"(?:.+\.)?(?:example\.(?:com|org|net|edu)|example|test|invalid|localhost|local)", re.IGNORECASE
)
# Where mail goes; other endings are of files and of attributes.
_ENDINGS = (
    "com org net edu gov mil int info biz name pro io dev app ai co me xyz cloud tech online site "
    "shop store email eu group company team work world news agency digital solutions"
)
ENDINGS = frozenset(_ENDINGS.split())
AT = re.compile(
    r"(?<=[A-Za-z0-9_+-])@((?:[A-Za-z0-9-]{1,63}\.){1,6}([A-Za-z]{2,24}))(?![\w(-]|\.\w)"
)
LOCAL = re.compile(r"[A-Za-z0-9._%+:/-]{1,80}$")
NO_MAIL = ("git@github.com", "git@gitlab.com", "git@bitbucket.org", "noreply@github.com")


def check(file: File) -> Iterator[Finding]:
    """Each mail address outside the reserved domains, where the policy asks for those."""
    if file.project.number("personal_data", "emails", "") != "reserved":
        return
    for number, line in enumerate(file.lines, 1):
        if "@" in line:
            for found in AT.finditer(line):
                if address := _address(line, found):
                    yield file.finding(
                        number,
                        f"{found[1]} may be a real domain ({_shown(address)}): take an address at "
                        "example.com, or Faker's `safe_email`",
                        column=found.start() - len(address.split("@")[0]) + 1,
                    )


def _address(line: str, found: re.Match[str]) -> str:
    """The whole address; nothing where it is none, or reserved."""
    domain, ending = found[1].lower(), found[2].lower()
    before = LOCAL.search(line[: found.start()])
    # The name of a user in an URL, or in `git@host:path`.
    if before is None or "//" in before[0] or line[found.end() :].startswith((":", "/")):
        return ""
    local = re.split(r"[:/]", before[0])[-1]
    address = f"{local}@{found[1]}"
    is_mail = local and (ending in ENDINGS or (len(ending) == 2 and ending not in {"py", "so"}))
    if not is_mail or RESERVED.fullmatch(domain) or domain.endswith("users.noreply.github.com"):
        return ""
    return "" if address in NO_MAIL else address


def _shown(address: str) -> str:
    local, domain = address.split("@")
    return f"{local[:2]}…@{domain}"


def _applies(path: str) -> bool:
    return is_test_path(path) and not is_policy(path)


POLICY_OF_NEW = '[personal_data]\nemails = "reserved"\n'
RULE = FileRule(
    code="TPG402",
    name="unreserved-email",
    section="Data: no real PII in fixtures; use Faker",
    why="A mail address at a domain that exists is somebody's, or will be; a test that sends "
    "reaches a person one day.",
    fix="Take example.com, example.org or a name that ends in .test or .example; Faker's `email` "
    "and `safe_email` do. Only services whose policy says so are held to this.",
    applies=_applies,
    triggers=(b"@",),
    check=check,
    bad={
        str(POLICY): POLICY_OF_NEW,
        "tests/unit/test_mail.py": 'SENDER = "jane@acme-widgets.com"\n',
    },
    good={
        str(POLICY): POLICY_OF_NEW,
        "tests/unit/test_mail.py": 'SENDER = "jane@example.com"\n',
    },
)
