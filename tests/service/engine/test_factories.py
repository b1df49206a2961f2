"""Factories of models with difficult names, server-side values and foreign keys."""

from pathlib import Path

import pytest

from tests.service.engine.environments import ENGINE, environment
from tests.service.engine.trees import Tree, service

SAMPLES = Path(__file__).parents[2] / "samples" / "factories"


def test_names_server_values_and_foreign_keys(tmp_path: Path) -> None:
    """On a sessionmaker with SQLAlchemy's defaults, which expires rows on commit."""
    tree = service(
        tmp_path,
        **{
            "pytest.ini": "[pytest]\npythonpath = .\n",
            "tests/models.py": (SAMPLES / "models.py.txt").read_text(),
            "tests/conftest.py": (SAMPLES / "conftest.py.txt").read_text(),
            "tests/integration/test_names.py": (SAMPLES / "names.py.txt").read_text(),
        },
    )
    outcome = tree.pytest("--postgres=embedded")
    assert outcome.code == 0, outcome.text
    assert len(outcome.tests) > 40


RANDOM = """
    import random
    import pytest
    from factory import Faker
    from factory.fuzzy import FuzzyInteger
    from pytest_tpgen.factory import AsyncSQLAlchemyFactory

    class Row:
        def __init__(self, **values): self.values = values

    class RowFactory(AsyncSQLAlchemyFactory[Row]):
        class Meta: model = Row
        name = Faker("name")
        n = FuzzyInteger(0, 10**9)

    def write(where):
        with open("values.txt", "a") as file:
            print(where, RowFactory.build().values, file=file)

    @pytest.fixture
    def row():
        write("fixture")

    def test_with_fixture(row): write("test")
    def test_alone(): write("alone")
    async def test_async(row): write("async")
    def test_random(): print("random", random.random(), file=open("random.txt", "a"))
    """


@pytest.fixture(scope="module")
def randomly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment with pytest-randomly."""
    folder = tmp_path_factory.mktemp("randomly") / "venv"
    return environment(
        folder, "--editable", f"{ENGINE}[postgres]", "pytest-randomly", "pytest-xdist"
    )


def test_values_do_not_depend_on_the_seed_of_pytest_randomly(
    randomly: Path, tmp_path: Path
) -> None:
    """They are the same with any of its seeds, and without it; other random values follow it."""
    tree = Tree(service(tmp_path, **{"tests/unit/test_rows.py": RANDOM}).path, randomly)
    runs = []
    for options in ([], ["--randomly-seed=1"], ["--randomly-seed=2"]):
        plugin = "pytest_randomly" if options else "no:randomly"
        (tmp_path / "values.txt").unlink(missing_ok=True)
        outcome = tree.pytest("-p", plugin, *options)
        assert outcome.code == 0, outcome.text
        runs.append(sorted((tmp_path / "values.txt").read_text().splitlines()))
    assert runs[0] == runs[1] == runs[2]
    assert len(set((tmp_path / "random.txt").read_text().splitlines())) == 3
