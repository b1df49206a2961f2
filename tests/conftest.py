"""The rendered service that tests work on."""

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from pytest_copie.plugin import Copie

from tests.processes import warm
from tests.rendering import Service, Suite, install, render

if TYPE_CHECKING:
    from tests.updating import Pair

ROOT = Path(__file__).parents[1]
_ANY = settings(deadline=None, suppress_health_check=list(HealthCheck))
# CI tries few examples, the same in each run; `HYPOTHESIS_PROFILE=night` tries many new ones.
settings.register_profile("ci", _ANY, max_examples=40, derandomize=True)
settings.register_profile("night", _ANY, max_examples=3000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture(scope="session", autouse=True)
def no_settings_of_the_developer(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep the developer's own settings of Copier and git, and shell, out of what is tested."""
    settings = tmp_path_factory.mktemp("settings") / "settings.yml"
    settings.write_text("{}\n")
    os.environ["COPIER_SETTINGS_PATH"] = str(settings)
    os.environ["COPIER_CACHE_DIR"] = str(settings.with_name("cache"))
    os.environ["GIT_CONFIG_GLOBAL"] = os.devnull
    for name in ("VIRTUAL_ENV", "GITHUB_ACTIONS", "GITHUB_BASE_REF", "GITHUB_STEP_SUMMARY"):
        os.environ.pop(name, None)


@pytest.fixture(scope="session")
def rendered(copie_session: Copie) -> Service:
    """The service as the proposed answers give it, in an environment made from its files alone.

    Shared by the tests: `copy` it before you change it.
    """
    service = install(render(copie_session))
    # Compiles what each copy runs: seconds for all of them.
    service.pytest("--collect-only", "-q")
    return service


@pytest.fixture
def service(rendered: Service, tmp_path: Path) -> Service:
    """A service of this test's own."""
    return rendered.copy(tmp_path / "service")


@pytest.fixture(scope="session")
def sdk(copie_session: Copie) -> Service:
    """The SDK as the proposed answers give it, in an environment made from its files alone.

    Shared by the tests: `copy` it before you change it.
    """
    return install(render(copie_session, project="sdk"))


@pytest.fixture(scope="session")
def first(tmp_path_factory: pytest.TempPathFactory) -> "Pair":
    """This template as v1.0.0, and a service from it, for all tests: `copy` it."""
    # They need what is above.
    from tests.hooks import once
    from tests.updating import at, made

    return at(once(tmp_path_factory, "pair", made))


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> "Pair":
    """The same without the starter, for tests that are about updates of the rest."""
    from tests.hooks import once
    from tests.updating import at, made

    return at(once(tmp_path_factory, "small", partial(made, starter=False)))


@pytest.fixture(scope="session")
def suite(rendered: Service) -> Iterator[Suite]:
    """What runs tests of services like `rendered` fast, where many runs are needed."""
    python = rendered.environment / "bin/python"
    variables = {"TEST_POSTGRES": "embedded", "PYTHONDONTWRITEBYTECODE": "1"}
    postgres = (python, "-m", "pytest_tpgen.postgres")
    with warm(python, *postgres, cwd=rendered.path, **variables) as one:
        yield Suite(one)
