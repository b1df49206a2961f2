"""The value that a factory gives a column, by its type, its name and its limits."""

from ast import literal_eval
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import ceil, floor
from typing import Any

from tpgen.core.names import to_snake

from . import providers
from .constraints import Condition, quoted

PYTHON = {
    "String": {"str"},
    "Integer": {"int"},
    "Numeric": {"Decimal", "float"},
    "Float": {"float"},
    "Boolean": {"bool"},
    "DateTime": {"datetime"},
    "Date": {"date"},
    "Time": {"time"},
    "Interval": {"timedelta"},
    "LargeBinary": {"bytes"},
    "BYTEA": {"bytes"},
    "Uuid": {"UUID"},
    "JSON": {"dict", "list"},
    "ARRAY": {"list"},
}

NO = ("deleted", "archived", "disabled", "revoked", "blocked", "locked", "expired", "hidden")
LATEST = {
    "Date": "date(2030, 1, 1) + timedelta(days=n)",
    "DateTime": "datetime(2030, 1, 1{zone}) + timedelta(minutes=n)",
}


@dataclass(frozen=True)
class Column:
    """A column, as the probe describes it, with the conditions of the model's constraints.

    Attributes:
        name: the attribute of the model.
        kind: the nearest of SQLAlchemy's own types; None where it is none of those known.
        type: the type as its author wrote it.
        decorated: whether the author's own type converts the values.
        python: the name of the annotated type.
        default: whether the database or the model gives it a value.
        discriminator: whether it names the class of a row.
        enum: `module`, `name` and `first` member; or, without a name, the first value.
        model: the name of the model.
        unique: whether no two rows may have the same value.
        conditions: those of the check constraints.
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
    as_uuid: bool
    nullable: bool
    default: bool
    discriminator: bool
    enum: dict[str, Any] | None
    model: str
    unique: bool
    conditions: tuple[Condition, ...]


def value(column: Column) -> str:
    """Return the expression for a column; a placeholder if the model does not say enough."""
    is_foreign = column.decorated and column.python not in {
        None,
        *PYTHON.get(column.kind or "", ()),
    }
    if column.discriminator or (is_foreign and not column.enum):
        return _unknown(column)
    if column.enum:
        return _enum(column, column.enum)
    if choices := [
        condition.operand for condition in column.conditions if condition.operator == "in"
    ]:
        first = literal_eval(f"[{choices[0]}]")[0]
        return f"Iterator([{choices[0]}])" if column.unique else _literal(first)
    return _beside_another(column) or WRITERS.get(column.kind, _unknown)(column)


def placeholder(name: str, comment: str, unique: bool = False) -> str:
    """Return an expression for an unknown value; it fails with the line to write instead.

    Args:
        name: of the column.
        comment: what must be known.
        unique: whether no two rows may have the same value.
    """
    line = f"{name} = ...  # {comment}"
    if unique:
        line = f"{name} = Sequence(lambda n: ...)  # {comment}; no two may be alike"
    return f"LazyFunction(lambda: fill_in({quoted(line)}))"


def _unknown(column: Column) -> str:
    return placeholder(column.name, column.type, column.unique)


def _literal(value: object) -> str:
    return quoted(value) if isinstance(value, str) else repr(value)


def _enum(column: Column, enum: dict[str, Any]) -> str:
    if not enum["name"]:
        return quoted(enum["first"])
    return f"Iterator({enum['name']})" if column.unique else f"{enum['name']}.{enum['first']}"


def _beside_another(column: Column) -> str | None:
    """Return a value that meets `ends_at > starts_at`, or None."""
    for condition in column.conditions:
        if condition.operand.isidentifier():
            step = "timedelta(days=1)" if column.kind in {"Date", "DateTime"} else "1"
            sign = {">": "+", "<": "-"}.get(condition.operator)
            row = to_snake(column.model)
            more = f" {sign} {step}" if sign else ""
            return f"LazyAttribute(lambda {row}: {row}.{condition.operand}{more})"
    return None


def _between(column: Column, low: int, high: int) -> tuple[Decimal, Decimal, bool]:
    """Return the least and the greatest number, and whether both are whole numbers."""
    least, most = [], []
    for condition in column.conditions:
        if condition.operator in {">", ">=", "="}:
            least.append((Decimal(condition.operand), condition.operator == ">"))
        if condition.operator in {"<", "<=", "="}:
            most.append((Decimal(condition.operand), condition.operator == "<"))
    bottom, above = max(least, default=(Decimal(low), False))
    ceiling = Decimal(high) if high > bottom else bottom + 100
    top, below = min(most, default=(ceiling, False))
    if not least and top <= bottom:
        bottom = top - 100
    first = floor(bottom) + 1 if above else ceil(bottom)
    last = ceil(top) - 1 if below else floor(top)
    if first < last or (column.kind == "Integer" and first <= last):
        return Decimal(first), Decimal(last), True
    return bottom, top, False


def _text(column: Column) -> str:
    shortest, longest = 0, float(column.length or "inf")
    for condition in column.conditions:
        if condition.operator.startswith("length"):
            operator, number = condition.operator.removeprefix("length "), float(condition.operand)
            if operator[0] in ">=":
                shortest = max(shortest, int(number) + (operator == ">"))
            if operator[0] in "<=":
                longest = min(longest, number - (operator == "<"))
    most = int(longest) if longest != float("inf") else longest
    make = providers.unique_text if column.unique else providers.text
    return make(column.name, column.model, shortest, most)


def _integer(column: Column) -> str:
    low, high, _ = _between(column, 1 if column.unique else 0, 9999)
    if column.unique:
        return f"Sequence(lambda n: n + {low})" if low else "Sequence(lambda n: n)"
    if low == high:
        return str(low)
    bounded = any(condition.operator in {"<", "<=", ">", ">="} for condition in column.conditions)
    return f'Faker("pyint", min_value={low}, max_value={high})' if bounded else 'Faker("pyint")'


def _decimal(column: Column) -> str:
    scale = 2 if column.scale is None else column.scale
    most = 1000 if column.precision is None else min(1000, 10 ** (column.precision - scale) - 1)
    low, high, whole = _between(column, min(1, most), most)
    if column.unique:
        return f"Sequence(lambda n: Decimal(n + {ceil(low)}))"
    if whole and high <= most:
        return f'Faker("pydecimal", right_digits={scale}, min_value={low}, max_value={high})'
    middle = ((low + min(high, most or Decimal("0.9"))) / 2).quantize(Decimal(1).scaleb(-scale))
    return f'Decimal("{middle}")'


def _float(column: Column) -> str:
    most = 180 if column.name.startswith("lon") else 90 if column.name.startswith("lat") else 1000
    low, high, whole = _between(column, 0, most)
    if column.unique:
        return f"Sequence(lambda n: float(n + {ceil(low)}))"
    if whole:
        return f'Faker("pyfloat", min_value={low}, max_value={high})'
    return str(float((low + high) / 2))


def _boolean(column: Column) -> str:
    return str(not any(word in column.name for word in NO))


def _moment(column: Column) -> str:
    zone = ", tzinfo=UTC" if column.timezone else ""
    if column.unique:
        return f"Sequence(lambda n: {LATEST[column.kind or ''].format(zone=zone)})"
    if column.kind == "Date":
        return "LazyFunction(date.today)"
    return "LazyFunction(lambda: datetime.now(UTC))" if zone else "LazyFunction(datetime.now)"


def _time(column: Column) -> str:
    return "time(12, tzinfo=UTC)" if column.timezone else "time(12)"


def _bytes(column: Column) -> str:
    return f'Faker("binary", length={min(column.length or 32, 32)})'


def _uuid(column: Column) -> str:
    return "LazyFunction(uuid4)" if column.as_uuid else 'Faker("uuid4")'


def _json(column: Column) -> str:
    if column.python in {"list", "tuple", "set", "Sequence"}:
        return "LazyFunction(list)"
    known = column.python in {None, "dict", "Mapping", "MutableMapping", "Any", "object"}
    return "LazyFunction(dict)" if known else _unknown(column)


WRITERS: dict[str | None, Callable[[Column], str]] = {
    "String": _text,
    "Integer": _integer,
    "Numeric": _decimal,
    "Float": _float,
    "Boolean": _boolean,
    "DateTime": _moment,
    "Date": _moment,
    "Time": _time,
    "Interval": lambda _: "timedelta(hours=1)",
    "INTERVAL": lambda _: "timedelta(hours=1)",
    "LargeBinary": _bytes,
    "BYTEA": _bytes,
    "Uuid": _uuid,
    "JSON": _json,
    "HSTORE": lambda _: "LazyFunction(dict)",
    "ARRAY": lambda _: "LazyFunction(list)",
    "INET": lambda _: 'Faker("ipv4_private")',
    "CIDR": lambda _: 'Faker("ipv4_private", network=True)',
    "MACADDR": lambda _: 'Faker("mac_address")',
}


def last_to_differ(columns: Sequence[Column]) -> Column | None:
    """Return which of the columns that are unique together differs from row to row."""
    able = {"String", "Integer", "Numeric", "Float", "Date", "DateTime"}
    fit = [
        column
        for column in columns
        if column.kind in able and not column.default and not column.enum
    ]
    return fit[-1] if fit else None
