"""Snapshots say what changed in a response: never written unseen, nothing that differs by itself."""

import re

import pytest

from tests.rendering import Service

SNAPSHOTS = "tests/integration/api/__snapshots__/test_agents.ambr"


@pytest.fixture(autouse=True)
def no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """syrupy is silent in a process that xdist's variable names a worker, as this one may be."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)


MASKED = """
import json
import uuid
from datetime import UTC, date, datetime

from pytest_tpgen.masking import masked

def answer():
    now = datetime.now(UTC)
    return {
        "id": str(uuid.uuid4()),
        "times": [now.isoformat(), now.isoformat().replace("+00:00", "Z"), str(now)],
        "key": "tp_" + "live_" + uuid.uuid4().hex,
        "link": f"/agents/{uuid.uuid4()}/events",
        "row": {"id": uuid.uuid4().int, "agent_id": uuid.uuid4().int, "ids": 7, "paid": True},
        "day": f"paid on {date.today()}",
        "other_day": "2001-02-03",
        "count": 3,
        "none": None,
        "label": "the test agent",
    }

def test_shape(snapshot):
    one, other = masked(answer()), masked(answer())
    assert one == other == {
        "id": "<id>",
        "times": ["<time>"] * 3,
        "key": "<key>",
        "link": "/agents/<id>/events",
        "row": {"id": "<id>", "agent_id": "<id>", "ids": 7, "paid": True},
        "day": "paid on <today>",
        "other_day": "2001-02-03",
        "count": 3,
        "none": None,
        "label": "the test agent",
    }
    assert one == snapshot
"""


@pytest.mark.parametrize(
    ("arguments", "variables", "reason"),
    [
        ([], {"CI": "true"}, "snapshots are not updated in CI"),
        ([], {"CI": "1"}, "snapshots are not updated in CI"),
        (["-n2"], {}, "snapshots are not updated under -n"),
        (["-n1", "--dist=loadfile"], {}, "snapshots are not updated under -n"),
    ],
)
def test_updating_is_refused_where_nobody_sees_it(
    service: Service, arguments: list[str], variables: dict[str, str], reason: str
) -> None:
    """With the reason, as a mistake in the command; the file stays."""
    (service.path / SNAPSHOTS).write_text("")
    outcome = service.pytest("--snapshot-update", *arguments, **variables)
    assert outcome.code == 4
    assert reason in outcome.text
    assert len(outcome.text.strip().splitlines()) <= 3, outcome.text
    assert (service.path / SNAPSHOTS).read_text() == ""


def test_what_differs_from_run_to_run_is_masked(service: Service) -> None:
    """Ids, times, today and keys, wherever they stand; written once, the snapshot holds in a second run."""
    service.write({"tests/unit/test_masked.py": MASKED})
    for more in ([], ["--snapshot-update"], []):
        outcome = service.pytest("tests/unit/test_masked.py", *more)
        if more:
            assert "1 snapshot generated" in outcome.text, outcome.text
    assert (outcome.code, outcome.count("passed")) == (0, 1)


def test_a_snapshot_that_is_missing_is_not_written_by_a_plain_run(service: Service) -> None:
    """Else the first run in CI would accept whatever the service answers."""
    service.write({"tests/unit/test_masked.py": MASKED})
    outcome = service.pytest("tests/unit/test_masked.py", CI="true")
    assert outcome.failed == {"test_shape"}
    assert not (service.path / "tests/unit/__snapshots__").exists()


def test_a_changed_shape_of_a_response_fails(service: Service) -> None:
    """Whoever changes what the API answers must say so in a diff."""
    [schema] = (service.path / "src").glob("*/api/agents.py")
    name = str(schema.relative_to(service.path))
    service.replace(name, "    label: str\n", "    label: str\n    more: int = 1\n")
    outcome = service.pytest("tests/integration/api/test_agents.py")
    assert outcome.code == 1
    assert "more" in outcome.text
    assert re.search(r"\d snapshots? failed", outcome.text)
