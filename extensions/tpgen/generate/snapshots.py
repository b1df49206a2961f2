"""Record the snapshots of new tests, for a person to review."""

import json
import re
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree

from tpgen.core.files import Change
from tpgen.core.service import Service
from tpgen.core.terminal import waiting

LONGEST_REASON = 160
HAPPY_PATH, MALFORMED = "test_happy_path", "test_422_on_a_malformed_request"


@dataclass(frozen=True)
class Failure:
    """The failure of the test `case` of the class `owner`.

    Attributes:
        reason: what the app answered, or the error.
        status: of the answer, if the suite expected another one; else 0.
        number: the position of the test among those of its name, from 0.
        is_open: whether a placeholder is the cause.
    """

    reason: str
    status: int = 0
    case: str = HAPPY_PATH
    number: int = 0
    owner: str = ""
    is_open: bool = False

    def __str__(self) -> str:
        """Return the status and the reason in one line."""
        line = " ".join([str(self.status or ""), *self.reason.split()]).strip()
        return line if len(line) <= LONGEST_REASON else f"{line[: LONGEST_REASON - 1]}…"


def record(service: Service, tests: Sequence[str]) -> tuple[list[Change], list[Failure]]:
    """Run test classes with `--snapshot-update`; return what pytest wrote, and which tests failed.

    The engine runs them twice, and records no answer that differs.
    """
    files = dict.fromkeys(Path(test.partition("::")[0]) for test in tests)
    paths = [file.parent / "__snapshots__" / f"{file.stem}.ambr" for file in files]
    before = {path: _content(service.root / path) for path in paths}
    failed = list(_run(service, tests))
    changes = (Change(path, before[path], _content(service.root / path)) for path in paths)
    return [change for change in changes if change.before != change.after], failed


def _run(service: Service, tests: Sequence[str]) -> Iterator[Failure]:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        options = ["-q", "-p", "no:cacheprovider", "-p", "no:randomly", "--snapshot-update"]
        # The settings of the service may say otherwise.
        has_xdist = any(service.python.parents[1].glob("lib/python3*/site-packages/xdist"))
        options += ["--maxfail=0", *(["-n0"] if has_xdist else [])]
        with waiting("running the tests that were written"):
            arguments = ["-m", "pytest", *options, f"--junit-xml={report}", *tests]
            done = service.run(arguments, variables={"TPGEN_SECOND_RUN_AT_ONCE": "1"})
        if not done.returncode:
            return
        found = list(_failures(report)) if report.exists() else []
    yield from found
    # A test passed, but the engine refused its answer: the next lines say what differs.
    refused = r"^\S+: ((?:two runs|a second run) .*)\n((?: {4}.*\n)*)"
    if difference := re.search(refused, done.stdout, re.MULTILINE):
        yield Failure(": ".join(filter(None, difference.groups())))
    elif not found:
        errors = done.stderr.strip().splitlines()
        yield Failure(errors[-1] if errors else f"pytest ended with code {done.returncode}")


def _failures(report: Path) -> Iterator[Failure]:
    """Yield the failures of some tests, in the order in which they ran."""
    seen: Counter[str] = Counter()
    for case in ElementTree.parse(report).iter("testcase"):
        name = case.get("name", "").partition("[")[0]
        for wrong in [part for part in case if part.tag in ("failure", "error")][:1]:
            failure = _failure(wrong.get("message") or "", wrong.text or "")
            owner = case.get("classname", "").rpartition(".")[2]
            yield replace(failure, case=name, number=seen[name], owner=owner)
        seen[name] += 1


def _failure(message: str, details: str) -> Failure:
    """Return what the message of a failed test says, or else its details."""
    if answer := re.search(r"^assert (\d{3}) == \d{3}$", message, re.MULTILINE):
        reason = message[: answer.start()].removeprefix("AssertionError:").strip()
        # What FastAPI's answer says of an error, without the input that it repeats.
        with suppress(ValueError, AttributeError, KeyError, TypeError):
            detail = json.loads(reason)["detail"]
            if not isinstance(detail, str):
                parts = (f"{'.'.join(map(str, part['loc']))}: {part['msg']}" for part in detail)
                detail = "; ".join(parts)
            reason = detail
        return Failure(reason, int(answer[1]))
    if place := re.search(r"(\S+: \w+|this line) has a placeholder", f"{message}\n{details}"):
        return Failure(place[0], is_open=True)
    # An error of a fixture has only a general message; its text says what happened.
    errors = re.findall(r"^E {2,}(.*\S)", details, re.MULTILINE)
    reason = errors[0] if errors else message or "pytest gave no reason"
    return Failure(reason.removeprefix("AssertionError: "))


def _content(file: Path) -> bytes | None:
    return file.read_bytes() if file.exists() else None
