"""The value that a factory gives a column: chosen by its name, its type and its limits."""

import re
from ast import literal_eval
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import ceil, floor
from typing import Any

from tpgen.naming import to_snake

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

# Names of columns, what is written for them, and the longest that it gives. The first that fits.
# None gives what a scanner for personal data must take for real.
PROVIDERS = [
    (r"e?mail(_address)?", 'Faker("safe_email")', 40),
    (r"phone(_number)?|mobile|telephone|fax", 'Faker("numerify", text="+120255501##")', 12),
    (r"(first|given)_name", 'Faker("first_name")', 15),
    (r"(last|family)_name|surname", 'Faker("last_name")', 15),
    (r"(full|display|contact|person)_name|author", 'Faker("name")', 35),
    (r"user_?name|login|nickname|handle", 'Faker("user_name")', 25),
    (r"company(_name)?|organi[sz]ation|employer|vendor|merchant", 'Faker("company")', 45),
    (r"file_?name", 'Faker("file_name")', 30),
    (r"domain(_name)?|host(_?name)?", 'Faker("safe_domain_name")', 11),
    (r"url|uri|link|website|homepage", 'Faker("url")', 45),
    (r"street|address|(address_)?line_?\d?", 'Faker("street_address")', 45),
    (r"city|town", 'Faker("city")', 30),
    (r"province|region", 'Faker("state")', 20),
    (r"post(al_)?code|zip(_code)?", 'Faker("postcode")', 5),
    (r"country", 'Faker("country")', 60),
    (r"country(_code)?", 'Faker("country_code")', 2),
    (r"currency(_code)?", 'Faker("currency_code")', 3),
    (r"locale", 'Faker("locale")', 8),
    (r"lang(uage)?(_code)?", 'Faker("language_code")', 3),
    (r"time_?zone|tz", 'Faker("timezone")', 35),
    (r"slug", 'Faker("slug")', 30),
    (r"title|subject|headline", 'Faker("sentence", nb_words=4)', 60),
    (r"description|summary|bio|comment|notes?|message|reason", 'Faker("sentence")', 100),
    (r"body|content|text", 'Faker("paragraph")', 300),
    (r"ip(_?addr(ess)?)?", 'Faker("ipv4_private")', 15),
    (r"mac(_address)?", 'Faker("mac_address")', 17),
    (r"(sha256|hash|digest|fingerprint|checksum|token|secret|signature)", 'Faker("sha256")', 64),
    (r"(md5|hash|digest|fingerprint|checksum|token|secret|signature)", 'Faker("md5")', 32),
    (r"uuid|guid", 'Faker("uuid4")', 36),
    (r"user_agent", 'Faker("user_agent")', 200),
    (r"(mime|content|media)_type", 'Faker("mime_type")', 80),
    (r"colou?r", 'Faker("hex_color")', 7),
    (r"job(_title)?|occupation|profession", 'Faker("job")', 70),
    (r"path", 'Faker("file_path")', 60),
    (r"isbn", 'Faker("isbn13")', 17),
    (r"ean|barcode", 'Faker("ean13")', 13),
]
NAMES = [
    (r"user|customer|person|employee|contact|member|author|patient", 'Faker("name")', 35),
    (r"company|tenant|organi[sz]ation|vendor|supplier|merchant|account", 'Faker("company")', 45),
    (r"product|plan|project|campaign", 'Faker("catch_phrase")', 70),
    (r".*", 'Faker("word")', 20),
]
UNIQUE = [
    (r"e?mail(_address)?", '"{stem}-{{n}}@example.com"', 18),
    (r"phone(_number)?|mobile|telephone|fax", '"+1555{{n:07}}"', 12),
    (r"url|uri|link|website|homepage", '"https://example.com/{{n}}"', 26),
]
# What differs by itself, however many there are.
RANDOM = ("sha256", "md5", "uuid4", "mac_address", "ipv4_private")
NO = ("deleted", "archived", "disabled", "revoked", "blocked", "locked", "expired", "hidden")
LATEST = {
    "Date": "date(2030, 1, 1) + timedelta(days=n)",
    "DateTime": "datetime(2030, 1, 1{zone}) + timedelta(minutes=n)",
}


@dataclass(frozen=True)
class Column:
    """A column, as the probe describes it, with what the model's constraints ask of it.

    Attributes:
        name: the attribute of the model.
        kind: the nearest of SQLAlchemy's own types; None where it is none of those known.
        type: the type as its author wrote it.
        decorated: whether the author's own type converts the values.
        python: the name of the annotated type.
        default: whether a row gets a value without being told.
        discriminator: whether it tells the class of a row.
        enum: `module`, `name` and `first` member; or, without a name, the first value.
        model: the name of the model.
        unique: whether no two rows may have the same.
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
    """The expression that a factory has for the column; a blank where only a person knows it."""
    strange = column.decorated and column.python not in {None, *PYTHON.get(column.kind or "", ())}
    if column.discriminator or (strange and not column.enum):
        return blank(column.name, column.type)
    if column.enum:
        return _enum(column, column.enum)
    if choices := [each.operand for each in column.conditions if each.operator == "in"]:
        first = literal_eval(f"[{choices[0]}]")[0]
        return f"Iterator([{choices[0]}])" if column.unique else _literal(first)
    if (other := _beside_another(column)) is not None:
        return other
    return WRITERS.get(column.kind, _unknown)(column)


def blank(name: str, comment: str) -> str:
    """The expression for what only a person knows; it fails with the line to write instead."""
    return f"LazyFunction(lambda: blank({quoted(f'{name} = ...  # {comment}')}))"


def _unknown(column: Column) -> str:
    return blank(column.name, column.type)


def _literal(value: object) -> str:
    return quoted(value) if isinstance(value, str) else repr(value)


def _enum(column: Column, enum: dict[str, Any]) -> str:
    if not enum["name"]:
        return quoted(enum["first"])
    return f"Iterator({enum['name']})" if column.unique else f"{enum['name']}.{enum['first']}"


def _beside_another(column: Column) -> str | None:
    """A value that keeps `ends_at > starts_at`."""
    for each in column.conditions:
        if each.operand.isidentifier() and each.operator in {"<", "<=", ">", ">=", "="}:
            step = "timedelta(days=1)" if column.kind in {"Date", "DateTime"} else "1"
            sign = {">": "+", "<": "-"}.get(each.operator)
            row = to_snake(column.model)
            more = f" {sign} {step}" if sign else ""
            return f"LazyAttribute(lambda {row}: {row}.{each.operand}{more})"
    return None


def _text(column: Column) -> str:
    shortest, longest = _lengths(column)
    if column.unique:
        return _unique_text(column, shortest, longest)
    if shortest > 3:
        return f'Faker("lexify", text="{"?" * shortest}")'
    for pattern, expression, most in _providers(column):
        if re.search(rf"(^|_)({pattern})$", column.name) and most <= longest:
            return expression
    return _any_text(longest)


def _providers(column: Column) -> list[tuple[str, str, int]]:
    if column.name != "name":
        return PROVIDERS
    owner = to_snake(column.model).rpartition("_")[2]
    return [("name", *each[1:]) for each in NAMES if re.fullmatch(each[0], owner)]


def _any_text(longest: float) -> str:
    if longest >= 20:
        return 'Faker("word")'
    if longest >= 5:
        return f'Faker("text", max_nb_chars={longest})'
    return f'Faker("lexify", text="{"?" * int(longest)}")'


def _unique_text(column: Column, shortest: int, longest: float) -> str:
    for pattern, expression, most in PROVIDERS:
        random = any(name in expression for name in RANDOM)
        if random and re.search(rf"(^|_)({pattern})$", column.name) and most <= longest:
            return expression
    stem = to_snake(column.model if column.name in SHARED else column.name).replace("_", "-")
    for pattern, expression, most in [*UNIQUE, (".*", '"{stem}-{{n}}"', 6)]:
        more = len(stem) if "stem" in expression else 0
        if re.search(rf"(^|_)({pattern})$", column.name) and shortest <= most + more <= longest:
            return f"Sequence(lambda n: f{expression.format(stem=stem)})"
    return f'Sequence(lambda n: f"{{n:0{int(min(longest, max(shortest, 8)))}}}")'


# Names that say nothing of whose they are.
SHARED = {"code", "email", "handle", "key", "label", "name", "number", "sku", "slug", "title"}


def _lengths(column: Column) -> tuple[int, float]:
    shortest, longest = 0, float(column.length) if column.length else float("inf")
    for each in column.conditions:
        if each.operator.startswith("length"):
            operator, number = each.operator.removeprefix("length "), int(float(each.operand))
            if operator[0] in ">=":
                shortest = max(shortest, number + (operator == ">"))
            if operator[0] in "<=":
                longest = min(longest, number - (operator == "<"))
    return shortest, int(longest) if longest != float("inf") else longest


def _between(column: Column, low: int, high: int) -> tuple[Decimal, Decimal, bool]:
    """The least and the most, and whether whole numbers lie between."""
    least, most = [], []
    for each in column.conditions:
        if each.operator in {">", ">=", "="}:
            least.append((Decimal(each.operand), each.operator == ">"))
        if each.operator in {"<", "<=", "="}:
            most.append((Decimal(each.operand), each.operator == "<"))
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


def _integer(column: Column) -> str:
    low, high, _ = _between(column, 1 if column.unique else 0, 9999)
    if column.unique:
        return f"Sequence(lambda n: n + {low})" if low else "Sequence(lambda n: n)"
    if low == high:
        return str(low)
    bounded = any(each.operator in {"<", "<=", ">", ">="} for each in column.conditions)
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
    """The one of columns that are unique together that shall differ from row to row."""
    able = {"String", "Integer", "Numeric", "Float", "Date", "DateTime"}
    fit = [each for each in columns if each.kind in able and not each.default and not each.enum]
    return fit[-1] if fit else None
