"""The skeletons of the policy folder fit services that were not made with the template."""

from pathlib import Path

import pytest
from tpgen.core.service import Service
from tpgen.generate import skeletons
from tpgen.generate.classes.context import ComponentContext
from tpgen.source.code import Code, Definition
from tpgen.source.components import Component

POLICY = Path(__file__).parents[2] / "template/service/tests/policy/skeletons"
VAULT = """
from sqlalchemy.ext.asyncio import async_sessionmaker


class RowVault:
    def __init__(self, sessions: async_sessionmaker) -> None: ...
"""
IMPORT = "from shop.database import Session\n"


@pytest.mark.parametrize(
    ("database", "argument"),
    [
        ("Session = async_sessionmaker()", "sessions=Session"),
        ("engine = create_async_engine()", "sessions=fill_in("),
        (None, "sessions=fill_in("),
    ],
)
def test_a_vault_takes_the_sessionmaker_if_the_service_has_it(
    database: str | None, argument: str, tmp_path: Path
) -> None:
    """Under the template's name; otherwise a person fills it in, and nothing is imported."""
    folder = tmp_path / skeletons.FOLDER
    folder.mkdir(parents=True)
    [skeleton] = POLICY.glob("*vault.py.j2*")
    (folder / "vault.py.j2").write_text(skeleton.read_text())
    package = tmp_path / "src/shop"
    package.mkdir(parents=True)
    (package / "vault.py").write_text(VAULT)
    if database:
        (package / "database.py").write_text(database)
    code = Code([package])
    [module] = code.matching("vault.py")
    definition = Definition(module, module.definitions["RowVault"])
    place = Path("src/shop/vault.py")
    component = Component("row", "RowVault", "shop.vault", place, code, definition)
    context = {"name": "row", "package": "shop", "component": ComponentContext(component)}
    text = skeletons.render(Service(tmp_path), "vault.py.j2", context)
    assert f"return RowVault({argument}" in text
    assert (IMPORT in text) == ("=Session" in argument)
