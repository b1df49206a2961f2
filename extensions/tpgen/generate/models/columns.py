"""The value that a factory gives a column, by its type, its name and its checks.

Checks are read as simple conditions: `amount > 0`, `rate BETWEEN 0 AND 1`, `kind IN ('a')`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from math import ceil, floor
from typing import Any, NamedTuple

# Names of factory-boy's factories that a column may have, and the one of the database session.
RESERVED = {"build", "create", "generate", "session", "stub"}
# Types of values that the author's own type leaves as they are, if it is a `TypeDecorator`.
UNCONVERTED = {"str", "int", "float", "Decimal", "bool", "bytes", "datetime", "date", "UUID"}
# Names of text columns, what is written for them, and the longest text that it gives. The first
# match counts. Scanners for personal data must not take the texts for real.
TEXTS = [
    (r"e?mail(_address)?", 'Faker("safe_email")', 40),
    (r"phone(_number)?|mobile|telephone|fax", 'Faker("numerify", text="+120255501##")', 12),
    (r"(first|given|middle)_name", 'Faker("first_name")', 15),
    (r"(last|family)_name|surname", 'Faker("last_name")', 15),
    (r"(full|display|contact)_name|author", 'Faker("name")', 35),
    (r"company(_name)?|organi[sz]ation", 'Faker("company")', 45),
    (r"url|uri|link|website", 'Faker("url")', 45),
    (r"country(_code)?", 'Faker("country_code")', 2),
    (r"currency(_code)?", 'Faker("currency_code")', 3),
    (r"title|subject|description|summary|comment|notes?|message|body", 'Faker("sentence")', 100),
    (r".*", 'Faker("word")', 15),
]
NEGATIVE = "archived|blocked|deleted|disabled|expired|hidden|locked|revoked"
NUMBER = r"-?\d+(?:\.\d+)?"
TEXT = r"'(?:[^']|'')*'"
# Parentheses, quotes, casts and names of tables do not change the meaning of a simple condition.
IGNORED = r'::\w+(?: varying)?|"?\w+"?\.(?=[A-Za-z_"])|[()"]'
TOKENS = rf"{IGNORED}|({TEXT}|{NUMBER}|\w+|[<>=!~]+|\S)"
REWRITES = {
    # A factory leaves out a column that may be null, unless the model requires a value.
    r"^\w+ IS NULL OR ": "",
    r"(\w+) BETWEEN (\S+) AND (\S+)": r"\1 >= \2 AND \1 <= \3",
}
CHOICE = rf"(\w+) (?:IN|=) ({TEXT}|{NUMBER})(?: , (?:{TEXT}|{NUMBER}))*"
COMPARISON = rf"(\w+) (<=|>=|<|>) ({NUMBER})"


class Condition(NamedTuple):
    """A part of a check that an attribute must meet: a comparison with a number, or `in`.

    The operand of `in` is the first choice, as a Python literal.
    """

    name: str
    operator: str
    operand: str


@dataclass(frozen=True)
class Column:
    """A column, as the probe describes it, with what the constraints of the model say of it.

    Attributes:
        kind: the nearest of SQLAlchemy's own types; None where it is none of those known.
        type: the type as its author wrote it; `decorated` if it converts the values.
        python: the name of the annotated type.
        default: whether the database or the model gives it a value.
        enum: `module`, `name` and `first` member; or, without a name, the first value.
    """

    name: str
    kind: str | None
    type: str
    decorated: bool
    python: str | None
    length: int | None
    precision: int | None
    scale: int | None
    timezone: bool
    nullable: bool
    default: bool
    enum: dict[str, Any] | None
    unique: bool = False
    conditions: tuple[Condition, ...] = ()


def conditions(check: str, columns: Mapping[str, str]) -> list[Condition] | None:
    """Return the conditions of a check, or None if it is more than simple conditions.

    `columns` are the attributes of the model, by the names of their columns.
    """
    text = " ".join(filter(None, re.findall(TOKENS, check)))
    for pattern, replacement in REWRITES.items():
        text = re.sub(pattern, replacement, text, flags=re.IGNORECASE)
    found = []
    for part in re.split(" AND ", text, flags=re.IGNORECASE):
        if match := re.fullmatch(COMPARISON, part):
            name, operator, operand = match.groups()
        elif match := re.fullmatch(CHOICE, part, re.IGNORECASE):
            name, operator, operand = match[1], "in", match[2]
            if operand.startswith("'"):
                operand = repr(operand[1:-1].replace("''", "'"))
        if not match or name not in columns:
            return None
        found.append(Condition(columns[name], operator, operand))
    return found


def value(column: Column) -> str:
    """Return the expression for a column; a placeholder if the model does not say enough."""
    choices = [each.operand for each in column.conditions if each.operator == "in"]
    if column.enum:
        name, first = column.enum["name"], column.enum["first"]
        choices = [f"{name}.{first}" if name else repr(first)]
    if choices and not column.unique:
        return choices[0]
    is_converted = column.decorated and column.python not in {None, *UNCONVERTED}
    kind = "Uuid" if column.python == "UUID" else column.kind or ""
    write = None if choices or is_converted else WRITERS.get(kind)
    return write(column) if write else placeholder(column.name, column.type, column.unique)


def placeholder(name: str, comment: str, unique: bool = False) -> str:
    """Return an expression for an unknown value; it fails with the line to write instead."""
    line = f"{declared(name)} = ...  # {comment}"
    if unique:
        line = f"{declared(name)} = Sequence(lambda n: ...)  # {comment}; no two may be alike"
    return f"LazyFunction(lambda: fill_in({line!r}))"


def declared(name: str) -> str:
    """Return the name under which a factory declares an attribute.

    factory-boy reads `tenant__name` as an attribute of the row `tenant`, and ignores values under
    names that begin with an underscore.
    """
    usable = re.sub("_+", "_", name.lstrip("_"))
    return f"{usable}_value" if usable in RESERVED else usable


def _number(column: Column) -> str:
    """Return a number that the checks allow: the one in the middle, if there are any."""
    least = [Decimal(each.operand) for each in column.conditions if each.operator[0] == ">"]
    most = [Decimal(each.operand) for each in column.conditions if each.operator[0] == "<"]
    low = max(least, default=min([Decimal(0), *(number - 1 for number in most)]))
    high = min(most, default=low + 100)
    if column.unique:
        convert = {"Integer": "{}", "Numeric": "Decimal({})"}.get(column.kind or "", "float({})")
        return f"Sequence(lambda n: {convert.format(f'n + {floor(low) + 1}')})"
    if column.kind == "Integer":
        return str(ceil((low + high) / 2)) if column.conditions else 'Faker("pyint")'
    scale = 2 if column.scale is None else column.scale
    if column.precision is not None:
        high = min(high, Decimal(10) ** (column.precision - scale))
    middle = ((low + high) / 2).quantize(Decimal(1).scaleb(-scale))
    return f'Decimal("{middle}")' if column.kind == "Numeric" else str(float(middle))


def _text(column: Column) -> str:
    longest = column.length or 1000
    if column.unique:
        end = "@example.com" if "mail" in column.name else ""
        text = f"{column.name.strip('_').replace('_', '-')}-{{n}}{end}"
        # A number has up to six digits.
        text = text if len(text) + 3 <= longest else f"{{n:0{min(longest, 8)}}}"
        return f'Sequence(lambda n: f"{text}")'
    for pattern, expression, most in TEXTS:
        if most <= longest and re.search(rf"(^|_)({pattern})$", column.name):
            return expression
    return f'Faker("lexify", text="{"?" * longest}")'


def _moment(column: Column) -> str:
    zone = ", tzinfo=UTC" if column.timezone else ""
    if column.unique:
        first = "date(2030, 1, 1)" if column.kind == "Date" else f"datetime(2030, 1, 1{zone})"
        return f"Sequence(lambda n: {first} + timedelta(days=n))"
    if column.kind == "Date":
        return "LazyFunction(date.today)"
    return "LazyFunction(lambda: datetime.now(UTC))" if zone else "LazyFunction(datetime.now)"


def _json(column: Column) -> str:
    if column.python in {"dict", "list", "Any", None}:
        return f"LazyFunction({'list' if column.python == 'list' else 'dict'})"
    return placeholder(column.name, column.type)


WRITERS: dict[str, Callable[[Column], str]] = {
    "String": _text,
    **dict.fromkeys(("Integer", "Numeric", "Float"), _number),
    "Boolean": lambda column: str(not re.search(NEGATIVE, column.name)),
    **dict.fromkeys(("DateTime", "Date"), _moment),
    "Time": lambda column: f"time(12{', tzinfo=UTC' if column.timezone else ''})",
    **dict.fromkeys(("Interval", "INTERVAL"), lambda _: "timedelta(hours=1)"),
    **dict.fromkeys(
        ("LargeBinary", "BYTEA"),
        lambda column: f'Faker("binary", length={min(column.length or 32, 32)})',
    ),
    "Uuid": lambda column: 'Faker("uuid4")' if column.python == "str" else "LazyFunction(uuid4)",
    "JSON": _json,
    "ARRAY": lambda _: "LazyFunction(list)",
    "INET": lambda _: 'Faker("ipv4_private")',
}
