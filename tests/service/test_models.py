"""`tpgen factory NAME`: the factories that a model's rows need, read from the model."""

import ast
from collections.abc import Mapping
from pathlib import Path

import pytest
from tpgen.core import formatting
from tpgen.core.errors import UserError
from tpgen.core.service import Service as Known
from tpgen.generate import skeletons
from tpgen.generate.models import needed
from tpgen.generate.models.needed import Factories
from tpgen.source import models
from tpgen.source.code import Code

from tests.processes import Outcome
from tests.rendering import Service

SAMPLES = Path(__file__).parents[1] / "samples" / "models"
STORE = "src/gateway/store"
FACTORIES = "tests/factories.py"
SHOP = f"{STORE}/shop.py"
# Those that between them need all the others.
ALL = ["Cat", "Click", "Device", "Dog", "Member", "Parcel", "Scroll", "Shipment", "Tag"]


def sample(name: str) -> str:
    return (SAMPLES / f"{name}.py.txt").read_text()


@pytest.fixture
def known(service: Service) -> Known:
    """A service with many models, none of which has a factory."""
    service.write(
        {
            f"{STORE}/__init__.py": "",
            **{
                f"{STORE}/{name}.py": sample(name) for name in ("base", "unknown", "people", "shop")
            },
            "tests/integration/test_rows.py": sample("test_rows"),
            "tests/made/__init__.py": "",
        }
    )
    (service.path / ".venv").symlink_to(service.environment)
    return Known(service.path)


def rendered(known: Known, made: Factories) -> str:
    text = skeletons.render(known, "factory.py.j2", {"factories": made})
    return formatting.tidy(known, Path("tests/made/made.py"), text)


def written(known: Known, service: Service, names: list[str]) -> dict[str, str]:
    """Write the factories of some models, each with all that it needs in a file of its own."""
    texts = {name: rendered(known, needed.read(known, name, "", FACTORIES)) for name in names}
    service.write({f"tests/made/{name.lower()}.py": text for name, text in texts.items()})
    return texts


def rows(service: Service, *arguments: str) -> Outcome:
    return service.pytest("tests/integration/test_rows.py", *arguments)


def lines(made: Factories) -> dict[str, str]:
    """What is declared, as `InvoiceFactory.amount`."""
    return {f"{each.name}.{line.name}": line.value for each in made.made for line in each.lines}


def test_each_factory_makes_rows_and_is_clean(known: Known, service: Service) -> None:
    """Five rows of each model in the real Postgres; ruff and mypy of the service have no word."""
    written(known, service, ALL)
    outcome = rows(service)
    assert outcome.code == 0, outcome.text
    assert outcome.count("passed") == 19
    for command in (["ruff", "check"], ["ruff", "format", "--check"], ["mypy"]):
        outcome = service.run(*command, "tests/made", MYPYPATH="src")
        assert outcome.code == 0, outcome.text


def test_names_that_a_factory_cannot_declare(known: Known) -> None:
    """Each has another name there."""
    session, click = needed.read(known, "Click", "", FACTORIES).made
    assert session.rename == ()
    assert dict(click.rename) == {
        "create_value": "create",
        "build_value": "build",
        "generate_value": "generate",
        "utm_medium": "utm__medium",
        "secret": "_secret",
        "session_value": "session",
    }
    declared = {line.name: line.value for line in click.lines}
    assert declared["session_value"] == "SubFactory(SessionFactory)"
    [_, scroll] = needed.read(known, "Scroll", "", FACTORIES).made
    assert scroll.exclude == ("session_row",)
    lines = {line.name: line.value for line in scroll.lines}
    assert lines["session_id"] == 'SelfAttribute("session_row.id")'


# By the model that is asked for: what fails, and the line to write there.
PLACEHOLDERS = {
    "Paint": {
        "PaintFactory.colour": "colour = ...  # ColourType()",
        "PaintFactory.price": "price = ...  # MONEY()",
        "PaintFactory.network": "network = Sequence(lambda n: ...)  # CIDR(); no two may be alike",
        "PaintFactory.note": "note = ...  # CHECK (char_length(note) > 3)",
        "PaintFactory.shade": "shade = ...  # CHECK (shade ~ '^(dark|light)$')",
    },
    "Employee": {"EmployeeFactory.boss": "boss = ...  # of an existing Employee"},
    "Egg": {"HenFactory.egg_id": "egg_id = ...  # of an existing Egg"},
    "Link": {
        "OrgFactory.highest": "highest = ...  # CHECK (lowest <= highest)",
        "OrgFactory.email": "email = ...  # CHECK (email IS NOT NULL OR phone IS NOT NULL)",
        "LinkFactory.other": "other = ...  # of an existing Widget with the same org_id",
    },
    "Invited": {"InvitedFactory.greeting": "greeting = ...  # the constructor asks for it"},
}


@pytest.mark.parametrize("model", PLACEHOLDERS)
def test_what_only_a_person_knows_is_a_placeholder(known: Known, model: str) -> None:
    made = needed.read(known, model, "", FACTORIES)
    placeholders = {name for name, value in lines(made).items() if "fill_in(" in value}
    assert placeholders == set(PLACEHOLDERS[model])
    for name, line in PLACEHOLDERS[model].items():
        assert lines(made)[name] == f"LazyFunction(lambda: fill_in({line!r}))"


def test_a_placeholder_fails_with_the_line_to_write(known: Known, service: Service) -> None:
    written(known, service, ["Employee", "Egg"])
    outcome = rows(service)
    assert (outcome.count("passed"), outcome.count("failed")) == (0, 3), outcome.text
    for model in ("Employee", "Egg"):
        for line in PLACEHOLDERS[model].values():
            assert line in outcome.text


def test_a_number_is_in_the_middle_of_what_a_check_allows(known: Known) -> None:
    assert lines(needed.read(known, "Org", "", FACTORIES))["OrgFactory.lowest"] == "55"
    found = lines(needed.read(known, "Shipment", "", FACTORIES))
    assert found["OrderFactory.discount"] == 'Decimal("0.25")'
    assert found["OrderFactory.amount"] == 'Decimal("50.00")'


HAS_CLIENT = """
class ClientFactory(AsyncSQLAlchemyFactory[Customer]):
    class Meta:
        model = people.Customer
"""


def test_a_factory_that_is_there_is_used(known: Known) -> None:
    """Whatever its name; and is not made again."""
    made = needed.read(known, "Parcel", HAS_CLIENT, FACTORIES)
    assert [each.name for each in made.made] == ["ParcelFactory"]
    assert lines(made)["ParcelFactory.owner"] == "SubFactory(ClientFactory)"
    assert needed.read(known, "Customer", HAS_CLIENT, FACTORIES).made == ()
    assert "Customer" not in models.without_factory(Code(known.packages), HAS_CLIENT, FACTORIES)


def test_models_are_found_without_importing_them(known: Known, service: Service) -> None:
    """Neither a mixin nor a Base is one; a file that is half written is passed over."""
    service.write({f"{STORE}/half.py": "class Half(Base):\n    __tablename__ = \n"})
    starter = {"Agent", "AuditEvent", "Completion", "Secret", "Tenant"}
    ours = {
        node.name
        for name in ("shop", "people", "unknown")
        for node in ast.parse(sample(name)).body
        if isinstance(node, ast.ClassDef)
    }
    others = {"Status", "Lowered", "Owned", "Other", "Plan", "Colour", "ColourType"}
    assert {model.name for model in models.definitions(Code(known.packages))} == starter | (
        ours - others
    )


def test_a_model_that_is_not_there(known: Known) -> None:
    with pytest.raises(UserError, match=r"no model Shipmnet: did you mean Shipment\?$"):
        needed.read(known, "Shipmnet", "", FACTORIES)
    with pytest.raises(
        UserError, match="no model Zebra: write the model first, then run this again"
    ):
        needed.read(known, "Zebra", "", FACTORIES)


@pytest.mark.parametrize("name", ["order_line", "orderline", "order-line", "OrderLine"])
def test_a_name_that_one_model_alone_can_mean(known: Known, name: str) -> None:
    assert needed.read(known, name, "", FACTORIES).model == "OrderLine"


BROKEN: Mapping[str, tuple[dict[str, str], str, str]] = {
    "two of a name": (
        {"src/gateway/more.py": 'class Tag(Base):\n    __tablename__ = "more"\n'},
        "",
        "gateway.more and gateway.store.shop both define a model Tag",
    ),
    "a failed import": (
        {f"{STORE}/base.py": "import no_such_library\n"},
        "",
        "No module named 'no_such_library'",
    ),
    "a foreign key to nothing": (
        {f"{STORE}/more.py": sample("unknown").replace('"Employee"]', '"Emploi"]')},
        "",
        "Emploi",
    ),
    "broken factories": ({}, "class X(\n", "tests/factories.py:1: "),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_stops_it(known: Known, service: Service, case: str) -> None:
    files, factories, reason = BROKEN[case]
    if case == "a foreign key to nothing":
        (service.path / STORE / "unknown.py").unlink()
    service.write(files)
    with pytest.raises(UserError, match=reason):
        needed.read(known, "Tag", factories, FACTORIES)


LINE1 = "line1: Mapped[str] = mapped_column(String(80))"
# What changes in the models, and what then is red, or is written.
MUTATIONS: Mapping[str, tuple[str, str, str, str]] = {
    "not null": (
        "note: Mapped[str | None]",
        "note: Mapped[str]",
        "OrderFactory.note",
        'Faker("sentence")',
    ),
    "shorter": (
        LINE1,
        LINE1.replace("80", "6"),
        "AddressFactory.line1",
        'Faker("lexify", text="??????")',
    ),
    "unique": (
        LINE1,
        LINE1.replace("80)", "80), unique=True"),
        "AddressFactory.line1",
        'Sequence(lambda n: f"line1-{n}")',
    ),
    "another enum": ('OPEN = "open"', 'NEW = "new"', "OrderFactory.status", "Status.NEW"),
    "another check": (
        "channel in ('web', 'phone')",
        "channel in ('shop')",
        "OrderFactory.channel",
        "'shop'",
    ),
    "another bound": (
        "quantity between 1 and 10",
        "quantity > 20",
        "OrderLineFactory.quantity",
        "70",
    ),
}
# Which rows made before happen to keep.
KEPT = {"unique"}


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_a_changed_model(known: Known, service: Service, mutation: str) -> None:
    """The factory from before makes no row, and a new one takes account of the change."""
    old, new, name, expected = MUTATIONS[mutation]
    written(known, service, ["Shipment"])
    service.replace(SHOP, old, new)
    if mutation not in KEPT:
        factory = name.partition(".")[0]
        assert rows(service, "-k", f"shipment-{factory}").code in {1, 2}
    assert lines(needed.read(known, "Shipment", "", FACTORIES))[name] == expected


def test_factories_of_changed_models_make_rows(known: Known, service: Service) -> None:
    for old, new, *_ in MUTATIONS.values():
        if (service.path / SHOP).read_text().count(old) == 1:
            service.replace(SHOP, old, new)
    written(known, service, ["Shipment"])
    assert (outcome := rows(service)).code == 0, outcome.text
