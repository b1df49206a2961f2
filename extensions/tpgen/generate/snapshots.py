"""Snapshots of new tests: recorded from two equal runs, for a person to review."""

import json
import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree

from tpgen.core.files import Change
from tpgen.core.service import Service
from tpgen.core.terminal import waiting

LONGEST = 160


HAPPY_PATH, MALFORMED = "test_happy_path", "test_422_on_a_malformed_request"


@dataclass(frozen=True)
class Failure:
    """Why a test failed.

    Attributes:
        reason: in one line: what the app answered, or the error.
        status: the answer's, where the suite expected another one; else 0.
        case: the name of the test.
        number: which one it is of the tests of this name, from 0.
        owner: the name of its class.
        is_open: whether a placeholder is the cause.
    """

    reason: str
    status: int = 0
    case: str = HAPPY_PATH
    number: int = 0
    owner: str = ""
    is_open: bool = False

    def __str__(self) -> str:
        return f"{self.status} {self.reason}".strip() if self.status else self.reason


def record(service: Service, tests: Sequence[str]) -> tuple[list[Change], list[Failure]]:
    """Run tests with `--snapshot-update`.

    The engine runs them twice, and records no answer that differs.

    Args:
        service: where.
        tests: the ids of their classes.

    Returns:
        what pytest wrote, and which tests failed.
    """
    paths = dict.fromkeys(_snapshot(Path(test.partition("::")[0])) for test in tests)
    before = {path: _content(service.root / path) for path in paths}
    failed = list(_run(service, tests))
    after = {path: _content(service.root / path) for path in paths}
    changes = [Change(path, before[path], after[path]) for path in paths]
    return [one for one in changes if one.before != one.after], failed


def _run(service: Service, tests: Sequence[str]) -> Iterator[Failure]:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        options = ["-q", "-p", "no:cacheprovider", "-p", "no:randomly", "--snapshot-update"]
        # What the settings of the service may say otherwise.
        has_xdist = any(service.python.parents[1].glob("lib/python3*/site-packages/xdist"))
        options += ["--maxfail=0", *(["-n0"] if has_xdist else [])]
        with waiting("running the tests that were written"):
            arguments = ["-m", "pytest", *options, f"--junit-xml={report}", *tests]
            done = service.run(arguments, variables={"TPGEN_SECOND_RUN_AT_ONCE": "1"})
        if not done.returncode:
            return
        told = ElementTree.parse(report).iter("testcase") if report.exists() else ()
        found = list(_failures(told))
    yield from found
    # A test passed, but the engine refused its answer: what differs is in the lines below.
    refused = r"^\S+: ((?:two runs|a second run) .*)\n((?: {4}.*\n)*)"
    if difference := re.search(refused, done.stdout, re.MULTILINE):
        yield Failure(_short(": ".join(filter(None, difference.groups()))))
    if found or difference:
        return
    said = done.stderr.strip().splitlines()
    yield Failure(said[-1] if said else f"pytest ended with code {done.returncode}")


def _failures(tests: Iterable[ElementTree.Element]) -> Iterator[Failure]:
    """Yield the failed ones of some tests, in the order in which they ran."""
    seen: Counter[str] = Counter()
    for test in tests:
        case = test.get("name", "").partition("[")[0]
        # A case of setup says so in `message`, and what happened in its text.
        wrong = next((one for one in test if one.tag in ("failure", "error")), None)
        if wrong is not None:
            failure = _failure(wrong.get("message") or "", wrong.text or "")
            owner = test.get("classname", "").rpartition(".")[2]
            yield replace(failure, case=case, number=seen[case], owner=owner)
        seen[case] += 1


def _failure(message: str, details: str) -> Failure:
    """What the message of a failed test says; its details, where it says nothing."""
    if answer := re.search(r"^assert (\d{3}) == \d{3}$", message, re.MULTILINE):
        text = message[: answer.start()].removeprefix("AssertionError:").strip()
        return Failure(_short(_detail(text)), int(answer[1]))
    if place := re.search(r"(\S+: \w+|this line) has a placeholder", f"{message}\n{details}"):
        return Failure(place[0], is_open=True)
    errors = re.findall(r"^E {2,}(.*\S)", details, re.MULTILINE)
    reason = errors[0] if errors else message or "pytest said nothing"
    return Failure(_short(reason.removeprefix("AssertionError: ")))


def _detail(text: str) -> str:
    """What FastAPI's answer says of an error, without the input that it repeats."""
    with suppress(ValueError, AttributeError, KeyError, TypeError):
        detail = json.loads(text)["detail"]
        if isinstance(detail, str):
            return detail
        return "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in detail)
    return text


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


def _snapshot(test: Path) -> Path:
    return test.parent / "__snapshots__" / f"{test.stem}.ambr"


def _content(file: Path) -> bytes | None:
    return file.read_bytes() if file.exists() else None
