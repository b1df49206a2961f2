"""The names of mock libraries and of their fixtures."""

LIBRARIES = (
    *("unittest.mock", "mock", "pytest_mock", "asynctest", "asyncmock", "flexmock", "mockito"),
    *("aioresponses", "doublex", "mocket", "pytest_httpx", "requests_mock", "respx"),
)
MOCKERS = {f"{scope}mocker" for scope in ("", "class_", "module_", "package_", "session_")}
# `responses` and `aioresponses` are common names of a project's own fixtures.
FIXTURES = MOCKERS | {"httpx_mock", "respx_mock", "requests_mock"}


def is_library(name: str) -> bool:
    """Return whether a full name is a mock library, or something in it."""
    return name.startswith(tuple(f"{library}." for library in LIBRARIES)) or name in LIBRARIES
