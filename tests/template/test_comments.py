"""The lists of required cases in a new service are true."""

from tpgen.source import comments
from tpgen.source.code import Code

from tests.rendering import Service


def test_the_lists_of_the_starter_are_true(rendered: Service) -> None:
    """Those that the engine would collect, in each test file of a new service."""
    tests = rendered.path / "tests"
    code = Code([tests])
    files = [path for path in tests.rglob("test_*.py") if "policy" not in path.parts]
    texts = {path: path.read_text() for path in files}
    assert any("# Required cases of" in text for text in texts.values())
    for path, text in texts.items():
        assert comments.refresh(code, path, text) == text, path
    collected = rendered.pytest("--collect-only", "-q", "-k", "TestChat").text
    listed = texts[tests / "integration/api/test_chat.py"].partition("# Required cases of")[2]
    for name in ("test_happy_path", "test_409_on_another_request_with_the_same_key"):
        assert name in collected and name in listed
