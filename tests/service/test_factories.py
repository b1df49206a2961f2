"""Factories: `await AgentFactory.create(session=db)` with all that factory-boy can do."""

from pathlib import Path

from tests.rendering import Service

SAMPLE = Path(__file__).parents[1] / "samples" / "factories" / "factories.py.txt"


def test_what_factory_boy_can_do_works_on_an_async_session(service: Service) -> None:
    service.write({"tests/integration/test_factories.py": SAMPLE.read_text()})
    outcome = service.pytest("tests/integration/test_factories.py")
    assert outcome.code == 0, outcome.text
    assert outcome.count("passed") > 30
