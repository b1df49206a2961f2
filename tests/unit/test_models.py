"""The checks and columns of a model become values of its factory, or placeholders."""

from collections.abc import Mapping

import pytest
from pytest_tpgen.factory import AsyncSQLAlchemyFactory
from tpgen.generate.models.attributes import RESERVED
from tpgen.generate.models.columns import placeholder
from tpgen.generate.models.constraints import Condition, conditions
from tpgen.generate.models.factories import factory


def test_the_names_are_those_of_the_engine() -> None:
    public = {name for name in dir(AsyncSQLAlchemyFactory) if not name.startswith("_")}
    assert public | {"Meta", "Params", "session"} == RESERVED


COLUMNS = {name: name for name in ("a", "b", "code")}
CHECKS: Mapping[str, list[tuple[str, str, str]] | None] = {
    "a > 0": [("a", ">", "0")],
    "(0 < a)": [("a", ">", "0")],
    "t.a >= 0.5 AND t.a<=10": [("a", ">=", "0.5"), ("a", "<=", "10")],
    "(a between -1 and 1)": [("a", ">=", "-1"), ("a", "<=", "1")],
    "a IS NULL OR a > 3": [("a", ">", "3")],
    "((a > (0)::numeric))": [("a", ">", "0")],
    "code in ('x', 'it''s')": [("code", "in", '"x", "it\'s"')],
    "code::text = ANY (ARRAY['x'::text, 'y'::text])": [("code", "in", '"x", "y"')],
    "code = 'x'": [("code", "in", '"x"')],
    "code <> ''": [("code", "length >", "0")],
    "char_length(code) = 2": [("code", "length =", "2")],
    "length(code) BETWEEN 2 AND 4": [("code", "length >=", "2"), ("code", "length <=", "4")],
    "a <= b": [("a", "<=", "b")],
    "a > 0 OR b > 0": None,
    "code ~ '^[a-z]  +$'": [("code", "~", '"^[a-z]  +$"')],
    "(code ~~* 'x%'::text)": [("code", "ilike", '"x%"')],
    "lower((code)) = code": None,
    "lower(code) = code": [("code", "lower", "")],
    "code = upper(code)": [("code", "upper", "")],
    "code = upper(b)": None,
    "code !~ '^[a-z]+$'": None,
    "a % 2 = 0": None,
    "a > now()": None,
    "a = true": None,
    "a > c": None,
}


@pytest.mark.parametrize("check", CHECKS)
def test_checks_are_read_or_left_to_a_person(check: str) -> None:
    """Never half: a check that is not understood leads to a placeholder."""
    expected = CHECKS[check]
    found = conditions(check, COLUMNS)
    assert found == (None if expected is None else [Condition(*each) for each in expected])


CAPITALS = 'letters="ABCDEFGHIJKLMNOPQRSTUVWXYZ"'
# Column, what its checks ask, whether it is unique, and what is written.
FORMS = [
    ("email", "email LIKE '%@%'", False, 'Faker("safe_email")'),
    ("email", "email LIKE '%@%'", True, 'Sequence(lambda n: f"product-{n}@example.com")'),
    ("country_code", "country_code ~ '^[A-Z]{2}$'", False, 'Faker("country_code")'),
    ("code", "code = upper(code)", False, f'Faker("lexify", text="????????", {CAPITALS})'),
    ("code", "code = upper(code)", True, 'Sequence(lambda n: f"PRODUCT-{n}")'),
    ("code", "lower(code) = code", True, 'Sequence(lambda n: f"product-{n}")'),
    ("sku", "sku ~ '^[A-Z]{3}-[0-9]{4}$'", True, 'Sequence(lambda n: f"AAA-{n:04}")'),
    (
        "sku",
        "sku ~ '^[A-Z]{3}-[0-9]{4}$'",
        False,
        f'Faker("bothify", text="???-####", {CAPITALS})',
    ),
    ("number", "number LIKE 'INV-%'", False, 'Sequence(lambda n: f"INV-{n}")'),
    ("phone", r"phone ~ '^\+[1-9]\d{7,14}$'", True, 'Sequence(lambda n: f"+1555{n:07}")'),
    ("slug", "slug ~ '^[a-z0-9-]+$'", False, 'Faker("slug")'),
    ("url", "url LIKE 'https://%'", False, 'Sequence(lambda n: f"https://{n}")'),
    ("hash", "hash ~ '^[0-9a-f]{64}$'", True, 'Faker("sha256")'),
    ("kind", "kind IN ('a', 'B') AND kind = upper(kind)", False, '"B"'),
]


def first_line(name: str, check: str, unique: bool) -> str:
    """What is written for the one column of a model."""
    column = {
        **dict.fromkeys(("length", "precision", "scale", "enum")),
        **dict.fromkeys(
            ("decorated", "timezone", "as_uuid", "nullable", "default", "discriminator"), False
        ),
        "name": name,
        "kind": "String",
        "type": "String()",
        "python": "str",
    }
    model = {
        "name": "Product",
        "columns": [column],
        "references": [],
        "uniques": [[name]] if unique else [],
        "checks": [{"text": check, "columns": {name: name}}],
        "constructor": {"takes": None, "requires": {}},
    }
    return factory(model, {}).lines[0].value


@pytest.mark.parametrize(("name", "check", "unique", "expected"), FORMS)
def test_a_text_of_the_form_that_a_check_asks_for(
    name: str, check: str, unique: bool, expected: str
) -> None:
    assert first_line(name, check, unique) == expected


@pytest.mark.parametrize("check", ["sku ~ '^[A-Z]{3}$'", r"sku ~ '\mx'", "sku ~ '^(a|b)$'"])
def test_a_placeholder_of_a_unique_column_says_so(check: str) -> None:
    """With an example that keeps it."""
    line = placeholder("sku", f"CHECK ({check})", unique=True)
    assert first_line("sku", check, unique=True) == line
    assert "sku = Sequence(lambda n: ...)" in line
    assert "no two may be alike" in line
