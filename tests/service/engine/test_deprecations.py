"""Deprecations of other packages are shown and fail no test; other warnings are errors."""

from pathlib import Path

from tests.rendering import Service
from tests.service.engine.trees import service as small

TEST = """
import warnings

import pytest
from cryptography.utils import CryptographyDeprecationWarning
from fastapi import FastAPI
from fastapi.exceptions import FastAPIDeprecationWarning
from fastapi.testclient import TestClient
from starlette.exceptions import StarletteDeprecationWarning

CATEGORIES = [
    CryptographyDeprecationWarning,
    DeprecationWarning,
    FastAPIDeprecationWarning,
    FutureWarning,
    StarletteDeprecationWarning,
]


def test_an_app_below_a_path() -> None:
    assert FastAPI(root_path="/api").root_path == "/api"


def test_a_client_that_is_sync() -> None:
    assert TestClient(FastAPI()).get("/docs").status_code == 200


@pytest.mark.parametrize("category", CATEGORIES)
def test_deprecated(category: type[Warning]) -> None:
    warnings.warn(f"deprecated by {category.__name__}", category)


@pytest.mark.parametrize("category", [UserWarning, RuntimeWarning, ResourceWarning])
def test_an_error(category: type[Warning]) -> None:
    with pytest.raises(category):
        warnings.warn("a fault", category)
"""


def test_deprecations_are_shown_and_fail_nothing(service: Service) -> None:
    """In a service as it is rendered: `root_path` and `TestClient` are deprecated, too."""
    service.write({"tests/integration/test_deprecations.py": TEST})
    done = service.pytest("-n0", "tests/integration/test_deprecations.py")
    assert done.code == 0, done.text
    assert done.count("passed") == 10
    for category in ("Cryptography", "FastAPI", "Starlette", ""):
        assert f"deprecated by {category}DeprecationWarning" in done.text


def test_the_packages_need_not_be_there(tmp_path: Path) -> None:
    """The category is found by its name: no package is imported, whatever its release."""
    test = """
    import sys
    import warnings

    import pytest

    class OldDeprecationWarning(UserWarning): ...
    class Old(OldDeprecationWarning): ...

    def test_none_was_imported():
        assert not {"fastapi", "starlette", "cryptography"} & sys.modules.keys()

    @pytest.mark.parametrize("category", [OldDeprecationWarning, Old])
    def test_old(category):
        warnings.warn("old", category)

    def test_other():
        with pytest.raises(UserWarning):
            warnings.warn("other")
    """
    filters = "error\n    default::pytest_tpgen.deprecations.AnyDeprecation"
    ini = (
        f"[pytest]\nasyncio_default_fixture_loop_scope = session\nfilterwarnings =\n    {filters}\n"
    )
    files = {"tests/unit/test_it.py": test, "pytest.ini": ini}
    done = small(tmp_path, **files).pytest("-n0", cold=True)
    assert set(done.tests.values()) == {"passed"}, done.text
    assert len(done.tests) == 4
    assert sorted(text for _, text in done.recorded["warnings"] if text == "old") == ["old"] * 2
