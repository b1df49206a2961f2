"""The checks and columns of a model become values of its factory, or placeholders."""

from collections.abc import Mapping

import pytest
from pytest_tpgen.factory import AsyncSQLAlchemyFactory
from tpgen.generate.models.columns import RESERVED, Condition, conditions, placeholder
from tpgen.generate.models.factories import factory


def test_the_names_are_those_of_the_engine() -> None:
    """Those of several words, such as `create_batch`, are left out."""
    words = {name for name in dir(AsyncSQLAlchemyFactory) if name.isalpha() and name.islower()}
    assert words | {"session"} == RESERVED


COLUMNS = {name: name for name in ("a", "b", "code")}
CHECKS: Mapping[str, list[tuple[str, str, str]] | None] = {
    "a > 0": [("a", ">", "0")],
    "(a > 0)": [("a", ">", "0")],
    "t.a >= 0.5 AND t.a<=10": [("a", ">=", "0.5"), ("a", "<=", "10")],
    "(a between -1 and 1)": [("a", ">=", "-1"), ("a", "<=", "1")],
    "a IS NULL OR a > 3": [("a", ">", "3")],
    "((a > (0)::numeric))": [("a", ">", "0")],
    "code in ('it''s', 'x')": [("code", "in", '"it\'s"')],
    "code IN ('x  (y)'::varchar)": [("code", "in", "'x  (y)'")],
    "code = 'x'": [("code", "in", "'x'")],
    "a IN (1, 2)": [("a", "in", "1")],
    "0 < a": None,
    "code IN ('x', b)": None,
    "NOT (a > 0)": None,
    "a > 0 OR b > 0": None,
    "a <= b": None,
    "code <> ''": None,
    "char_length(code) = 2": None,
    "code ~ '^[a-z]  +$'": None,
    "(code ~~* 'x%'::text)": None,
    "lower((code)) = code": None,
    "lower(code) = code": None,
    "code = upper(code)": None,
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


OTHER_CHECKS = ["sku ~ '^[A-Z]{3}$'", "sku LIKE 'INV-%'", "sku = upper(sku)", "num_nulls(sku) = 0"]


def first_line(name: str, check: str, unique: bool) -> str:
    """What is written for the one column of a model."""
    column = {
        **dict.fromkeys(("length", "precision", "scale", "enum")),
        **dict.fromkeys(("decorated", "timezone", "nullable", "default"), False),
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


@pytest.mark.parametrize("check", OTHER_CHECKS)
def test_any_other_check_is_left_to_a_person(check: str) -> None:
    """The placeholder holds it, and says that the column is unique."""
    line = placeholder("sku", f"CHECK ({check})", unique=True)
    assert first_line("sku", check, unique=True) == line
    assert "sku = Sequence(lambda n: ...)" in line
    assert "no two may be alike" in line
