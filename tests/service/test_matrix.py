"""A service without some of its parts passes its suite in an environment of its own."""

import pytest
from pytest_copie.plugin import Copie

from tests.rendering import install, render
from tests.template.test_matrix import label


@pytest.mark.parametrize(
    "answers",
    [
        {"pipeline": False, "vault": False, "frontend": False},
        {"pipeline": True, "vault": False, "frontend": True},
        {"pipeline": False, "vault": True, "frontend": False},
    ],
    ids=label,
)
def test_the_suite_passes_in_an_environment_of_its_own(
    answers: dict[str, bool], copie: Copie
) -> None:
    names = {"package": "billing", "api_prefix": "/api/v2", "key_prefix": "bl"}
    done = install(render(copie, **answers, **names)).pytest()
    assert done.code == 0, done.text
    assert done.count("passed") > 40
