"""Snapshots of new tests: recorded from two equal runs, for a person to review."""

import json
import re
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from .files import Change
from .service import Service

LONGEST = 160


@dataclass(frozen=True)
class Failure:
    """Why a test failed.

    Attributes:
        reason: in one line: what the app answered, or the error.
        status: the answer's, where the suite expected another one; else 0.
    """

    reason: str
    status: int = 0

    def __str__(self) -> str:
        return f"{self.status} {self.reason}".strip() if self.status else self.reason


def record(service: Service, tests: Sequence[str]) -> tuple[list[Change], Failure | None]:
    """Run tests with `--snapshot-update`.

    The engine runs them twice, and records no answer that differs.

    Args:
        service: where.
        tests: their ids.

    Returns:
        what pytest wrote, and why the first test failed; None where all passed.
    """
    paths = dict.fromkeys(_snapshot(Path(test.partition("::")[0])) for test in tests)
    before = {path: _content(service.root / path) for path in paths}
    failed = _run(service, tests)
    after = {path: _content(service.root / path) for path in paths}
    changes = [Change(path, before[path], after[path]) for path in paths]
    return [one for one in changes if one.before != one.after], failed


def _run(service: Service, tests: Sequence[str]) -> Failure | None:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        options = ["-q", "-p", "no:cacheprovider", "--snapshot-update", f"--junit-xml={report}"]
        done = service.run(["-m", "pytest", *options, *tests])
        if not done.returncode:
            return None
        told = list(ElementTree.parse(report).iter()) if report.exists() else []
    # A case of setup says so in `message`, and what happened in its text.
    wrong = [one for one in told if one.tag in ("failure", "error")]
    if wrong:
        return _failure(wrong[0].get("message") or "", wrong[0].text or "")
    # The tests passed, and the engine refused an answer: what differs is in the lines below.
    refused = r"^\S+: ((?:two runs|a second run) .*)\n((?: {4}.*\n)*)"
    if found := re.search(refused, done.stdout, re.MULTILINE):
        return Failure(_short(": ".join(filter(None, found.groups()))))
    said = done.stderr.strip().splitlines()
    return Failure(said[-1] if said else f"pytest ended with code {done.returncode}")


def _failure(message: str, details: str) -> Failure:
    """What the message of a failed test says; its details, where it says nothing."""
    if answer := re.search(r"^assert (\d{3}) == \d{3}$", message, re.MULTILINE):
        text = message[: answer.start()].removeprefix("AssertionError:").strip()
        return Failure(_short(_detail(text)), int(answer[1]))
    if place := re.search(r"(\S+: \w+|this line) has a placeholder", f"{message}\n{details}"):
        return Failure(place[0])
    errors = re.findall(r"^E {2,}(.*\S)", details, re.MULTILINE)
    return Failure(_short(errors[0] if errors else message or "pytest said nothing"))


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
