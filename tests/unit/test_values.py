"""A valid value is readable and valid; a malformed one breaks one rule, and is sent as it stands."""

from collections.abc import Mapping
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from tpgen.core.errors import UserError
from tpgen.generate.routes.schemas import FORMATS, Node, node_of
from tpgen.generate.routes.values import Change, other, references, source, valid, violations

DOCUMENT = {
    "components": {
        "schemas": {
            "Address": {
                "type": "object",
                "properties": {"street": {"type": "string", "minLength": 2}},
                "required": ["street"],
            },
            "Tree": {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "left": {"anyOf": [{"$ref": "#/components/schemas/Tree"}, {"type": "null"}]},
                    "all": {"type": "array", "items": {"$ref": "#/components/schemas/Tree"}},
                },
                "required": ["name", "left", "all"],
            },
            "Cat": {
                "type": "object",
                "properties": {"kind": {"const": "cat"}, "lives": {"type": "integer"}},
                "required": ["kind", "lives"],
            },
            "Dog": {
                "type": "object",
                "properties": {"kind": {"const": "dog"}, "barks": {"type": "boolean"}},
                "required": ["kind", "barks"],
            },
            "Endless": {
                "type": "object",
                "properties": {"next": {"$ref": "#/components/schemas/Endless"}},
                "required": ["next"],
            },
        }
    }
}
ADDRESS = {"$ref": "#/components/schemas/Address"}
TREE = {"$ref": "#/components/schemas/Tree"}
PETS = [{"$ref": "#/components/schemas/Cat"}, {"$ref": "#/components/schemas/Dog"}]
PET = {"oneOf": PETS, "discriminator": {"propertyName": "kind"}}
# As pydantic writes a Decimal.
DECIMAL = {
    "anyOf": [
        {"type": "number", "minimum": 0},
        {"type": "string", "pattern": r"^(?!^[-+.]*$)[+-]?0*\d*\.?\d*$"},
    ]
}


def node(schema: Mapping[str, Any], name: str = "body") -> Node:
    return node_of(schema, DOCUMENT, name)


def text(**rules: Any) -> dict[str, Any]:
    return {"type": "string", **rules}


def number(**rules: Any) -> dict[str, Any]:
    return {"type": "number", **rules}


def integer(**rules: Any) -> dict[str, Any]:
    return {"type": "integer", **rules}


def array(items: Mapping[str, Any], **rules: Any) -> dict[str, Any]:
    return {"type": "array", "items": items, **rules}


def record(required: list[str], /, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (text(), "label-name"),
        (text(maxLength=3), "lab"),
        (text(minLength=12), "label-nameee"),
        (text(examples=["the first"]), "the first"),
        (text(examples=["too long"], maxLength=5), "label"),
        (text(default="pre-1", pattern="[a-z]-1"), "pre-1"),
        (text(enum=["a", "b"]), "a"),
        ({"const": "fixed"}, "fixed"),
        (text(pattern=r"^[^\x00]+$"), "label-name"),
        (text(pattern="^[a-z_]+$"), "label_name"),
        (text(pattern="^[A-Z]{3}$", minLength=3, maxLength=3), "LAB"),
        (text(format="uuid4"), "00000000-0000-4000-8000-000000000001"),
        (text(format="email"), "name@example.com"),
        (integer(), 1),
        (integer(minimum=1, maximum=100), 1),
        (integer(minimum=18), 18),
        (integer(exclusiveMinimum=18), 19),
        (integer(maximum=-5), -5),
        (integer(minimum=1, multipleOf=3), 3),
        (number(exclusiveMinimum=0, exclusiveMaximum=1), 0.5),
        (DECIMAL, 1),
        ({"type": "boolean"}, False),
        ({"type": "null"}, None),
        ({"anyOf": [{"type": "null"}, integer()]}, 1),
        (array(text()), ["label-name"]),
        (array(text(), minItems=2), ["label-name", "label-name"]),
        (record(["a"], a=integer(), b=integer()), {"a": 1}),
        ({"type": "object", "additionalProperties": integer()}, {}),
        ({"allOf": [ADDRESS], "title": "Home"}, {"street": "street"}),
        ({**ADDRESS, "example": {"street": "Dam"}}, {"street": "Dam"}),
        (TREE, {"name": "name", "left": None, "all": []}),
        (PET, {"kind": "cat", "lives": 1}),
        ({}, "label-name"),
    ],
    ids=str,
)
def test_a_valid_value_is_readable(schema: dict[str, Any], expected: Any) -> None:
    """And is what a validator of JSON Schema takes."""
    value = valid(node(schema, "labelName"))
    assert (value, type(value)) == (expected, type(expected))
    assert Draft202012Validator({**schema, **DOCUMENT}).is_valid(value)


@pytest.mark.parametrize(
    "schema",
    [
        text(pattern=r"^\d{4} ?[A-Z]{2}$"),
        text(pattern=r"^\p{L}+$"),
        integer(minimum=2, maximum=1),
    ],
    ids=str,
)
def test_a_value_that_is_hard_to_find_is_a_guess(schema: dict[str, Any]) -> None:
    """The first run shows the app's answer to it; pydantic's patterns are not Python's."""
    assert valid(node(schema, "label")) in ("label", 1)


@pytest.mark.parametrize("format", FORMATS)
def test_each_format_takes_its_example(format: str) -> None:
    """And refuses a text that is none, where services do so too."""
    schema = node(text(format=format))
    assert schema.accepts(valid(schema))
    wrong = [change.value for change in violations(schema, valid(schema))]
    assert wrong == [f"no-{format}"]
    assert all(map(schema.accepts, FORMATS[format][:2]))


@pytest.mark.parametrize("schema", [{"$ref": "#/components/schemas/Endless"}, {"not": {}}])
def test_where_there_is_no_value_a_person_is_asked_for_one(schema: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="the schema of label accepts: give it an example"):
        valid(node(schema, "label"))


@pytest.mark.parametrize(
    ("schema", "wrong"),
    [
        (integer(), ["wrong"]),
        (text(), [7]),
        ({"type": "boolean"}, ["wrong"]),
        (integer(minimum=1, maximum=9), ["wrong", 0, 10]),
        (number(exclusiveMinimum=0, exclusiveMaximum=2.5), ["wrong", 0, 2.5]),
        (text(minLength=2, maxLength=5), [7, "b", "bbbbbb"]),
        (text(maxLength=10**9), [7]),
        (text(pattern=r"^[^\x00]+$"), [7]),
        (text(pattern=r"^\d{4}$"), [7, "!"]),
        (text(pattern="^[A-Z]+$", maxLength=4), [7, "BBBBB", "!"]),
        (text(format="uuid"), ["no-uuid"]),
        (text(enum=["a", "b"]), ["no-body"]),
        ({"enum": [1, 2]}, [3]),
        ({"const": "fixed"}, ["no-body"]),
        (array(integer(), minItems=1, maxItems=2), ["wrong", [], [1, 1, 1], ["wrong"]]),
        (array(text(), uniqueItems=True, maxItems=2), ["wrong", [7]]),
        ({"anyOf": [text(format="date"), {"type": "null"}]}, ["no-date"]),
        ({"anyOf": [integer(), text()]}, []),
        (DECIMAL, ["wrong", -1]),
        ({}, []),
        (record(["a"], a=integer(), b=text()), ["wrong", {}, {"a": "wrong"}, {"a": 1, "b": 7}]),
        ({**record([]), "additionalProperties": False}, ["wrong", {"unknown": 1}]),
        (
            record(["home"], home=ADDRESS),
            [
                "wrong",
                {},
                *({"home": wrong} for wrong in ("wrong", {}, {"street": 7}, {"street": "s"})),
            ],
        ),
        (
            {**array(ADDRESS), "default": []},
            ["wrong", ["wrong"], [{}], [{"street": 7}], [{"street": "s"}]],
        ),
        (
            PET,
            [
                "wrong",
                {"lives": 1},
                {"kind": "cat"},
                {"kind": "no-kind", "lives": 1},
                {"kind": "cat", "lives": "wrong"},
            ],
        ),
    ],
    ids=lambda value: str(value)[:60],
)
def test_each_rule_is_broken_once(schema: dict[str, Any], wrong: list[Any]) -> None:
    """By a whole value that a validator refuses too, formats aside."""
    value = valid(node(schema))
    found = [change.apply(value) for change in violations(node(schema), value)]
    assert sorted(map(source, found)) == sorted(map(source, wrong))
    plain = Draft202012Validator({**schema, **DOCUMENT})
    assert not any(map(plain.is_valid, found)) or "format" in str(schema)


def test_a_violation_says_where_it_is() -> None:
    schema = record(["homes"], homes=array(ADDRESS))
    value = {"homes": [{"street": "Dam"}]}
    found = {change.source for change in violations(node(schema), value)}
    assert {
        'with_value("homes.0.street", "D")',
        'without("homes.0.street")',
        'with_value("homes", "wrong")',
    } <= found


def test_a_recursive_model_ends() -> None:
    """What is wrong with it is said at its first level."""
    found = [change.place for change in violations(node(TREE), valid(node(TREE)))]
    assert ("name",) in found
    assert max(map(len, found)) == 1


@pytest.mark.parametrize(
    ("schema", "value", "expected"),
    [
        (record(["a"], a=text()), {"a": "a"}, {"a": "a-2"}),
        (record(["a"], a=text(maxLength=1)), {"a": "a"}, {"a": "A"}),
        (
            record(["a_id", "n"], a_id=integer(), n=integer()),
            {"a_id": 1, "n": 1},
            {"a_id": 1, "n": 2},
        ),
        (record(["a_id"], a_id=integer(), b=text()), {"a_id": 1}, {"a_id": 1, "b": "b"}),
        (record(["k"], k={"enum": ["x", "y"]}), {"k": "x"}, {"k": "y"}),
        (record(["l"], l=array(ADDRESS)), {"l": [{"street": "s1"}]}, {"l": [{"street": "street"}]}),
        (record(["k"], k={"const": "x"}), {"k": "x"}, None),
    ],
    ids=lambda value: str(value)[:40],
)
def test_another_valid_value_differs_in_one_place(
    schema: dict[str, Any], value: Any, expected: Any
) -> None:
    """Not in the id of something, which would have to exist."""
    assert other(node(schema), value) == expected


@pytest.mark.parametrize(
    ("change", "expected", "source"),
    [
        (Change(("json", "a"), 2), {"json": {"a": 2, "b": [{"c": 2}]}}, 'with_value("json.a", 2)'),
        (
            Change(("json", "b", 0, "c"), is_removal=True),
            {"json": {"a": 1, "b": [{}]}},
            'without("json.b.0.c")',
        ),
        (
            Change(("params", "limit"), 0),
            {"json": {"a": 1, "b": [{"c": 2}]}, "params": {"limit": 0}},
            'with_value("params.limit", 0)',
        ),
    ],
    ids=str,
)
def test_a_change_of_a_request(change: Change, expected: dict[str, Any], source: str) -> None:
    """The given request stays as it is."""
    request = {"json": {"a": 1, "b": [{"c": 2}]}}
    assert (change.apply(request), change.source) == (expected, source)
    assert request == {"json": {"a": 1, "b": [{"c": 2}]}}


def test_the_places_of_a_value_that_name_a_row() -> None:
    line = record(["article_id", "count_id"], article_id=text(format="uuid"), count_id=text())
    optional = {"anyOf": [{"type": "null"}, integer()]}
    schema = record([], customerId=optional, lines=array(line), days=integer())
    article = "00000000-0000-4000-8000-000000000001"
    value = {"customerId": 1, "days": 2, "lines": [{"article_id": article, "count_id": "x"}]}
    assert list(references(node(schema), value)) == [("customerId",), ("lines", 0, "article_id")]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('a "b"', r'"a \"b\""'),
        (201 * "x", '201 * "x"'),
        ("\0\n\\é☃😀", r'"\u0000\n\\é☃😀"'),
        (20 * "\n", r'20 * "\n"'),
        ("", '""'),
        ({"a": [1, None, True, 1.5]}, '{"a": [1, None, True, 1.5]}'),
        (30 * [{"a": 1}], '30 * [{"a": 1}]'),
    ],
    ids=lambda value: str(value)[:20],
)
def test_values_are_short_in_source(value: Any, expected: str) -> None:
    assert source(value) == expected
    assert eval(expected) == value
