"""Texts of a form that a check asks for: `code ~ '^[A-Z]{3}$'`, `email LIKE '%@%'`, upper case.

Nothing is taken on trust: an expression stands where samples of what it gives keep every check.
"""

import re
from ast import literal_eval
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from string import ascii_lowercase, ascii_uppercase

from .constraints import Condition, quoted

OPERATORS = {"~", "~*", "like", "ilike", "upper", "lower"}
NUMBERS = (0, 1, 9, 10, 123, 4567)
# One item of a pattern, and how often it stands there.
ITEM = re.compile(
    r"(?P<set>\[[^\]^\\]+\]|\\d|\\w)|\\(?P<escaped>\W)|(?P<literal>[^\\.\[\](){}*+?|^$])"
)
TIMES = re.compile(r"\{(\d+)(?:,(\d*))?\}|[+*?]")
# What Faker replaces in a text.
REPLACED = set("#?%!@")
POSIX = {"alpha": "A-Za-z", "upper": "A-Z", "lower": "a-z", "digit": "0-9", "alnum": "A-Za-z0-9"}


@dataclass(frozen=True)
class Candidate:
    """An expression for a factory, and samples of what it gives."""

    expression: str
    samples: Sequence[str]


def forms(conditions: Iterable[Condition]) -> list[Condition]:
    """Those of the conditions that ask for a form."""
    return [each for each in conditions if each.operator in OPERATORS]


def keeps(text: str, condition: Condition) -> bool:
    """Whether a text has the form; False where the pattern is not one that Python reads."""
    if condition.operator in {"upper", "lower"}:
        return text == (text.upper() if condition.operator == "upper" else text.lower())
    pattern = str(literal_eval(condition.operand))
    ignore = re.IGNORECASE if condition.operator in {"ilike", "~*"} else 0
    try:
        if condition.operator in {"like", "ilike"}:
            return bool(re.fullmatch(_of_like(pattern), text, ignore | re.DOTALL))
        return bool(re.search(_of_postgres(pattern), text, ignore))
    except re.error:
        return False


def first_that_keeps(
    candidates: Iterable[Candidate], conditions: Sequence[Condition], least: int, most: float
) -> str | None:
    """The expression of the first candidate whose samples have the form and the length."""
    for each in candidates:
        fits = all(least <= len(text) <= most for text in each.samples)
        if fits and all(keeps(text, one) for text in each.samples for one in conditions):
            return each.expression
    return None


def sequence(template: str) -> Candidate:
    """`Sequence(lambda n: f"…")` of a text with one hole for a number, as `str.format` has it."""
    return Candidate(
        f"Sequence(lambda n: f{quoted(template)})", [template.format(n=n) for n in NUMBERS]
    )


def letters(count: int, of: str) -> Candidate:
    """So many letters of an alphabet."""
    text = "?" * count
    return Candidate(f'Faker("lexify", text="{text}", letters="{of}")', _samples(text, of))


def built(conditions: Iterable[Condition], unique: bool) -> Iterator[Candidate]:
    """What the patterns themselves say how to build."""
    for each in conditions:
        if each.operator == "~" and (items := _items(str(literal_eval(each.operand)))):
            yield from _numbered(items) if unique else _random(items)
    for each in conditions:
        if each.operator in {"like", "ilike"}:
            text = str(literal_eval(each.operand))
            if "%" in text and not set(text) & set("\\{}"):
                yield sequence(text.replace("%", "{n}", 1).replace("%", "").replace("_", "a"))


def _of_like(pattern: str) -> str:
    wild = {"%": ".*", "_": "."}
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    return "".join(wild.get(part, re.escape(part[-1])) for part in parts)


def _of_postgres(pattern: str) -> str:
    """The pattern in Python's words; what is left of Postgres's own stays an error there."""
    for name, characters in POSIX.items():
        pattern = pattern.replace(f"[:{name}:]", characters)
    if "[:" in pattern or "***" in pattern or re.search(r"\(\?[^:=!]", pattern):
        raise re.error("only Postgres knows")
    return pattern


def _items(pattern: str) -> list[tuple[str, int]]:
    """A set of characters, or one alone, with how often it stands there; none if it is not so."""
    try:
        rest = _of_postgres(pattern).removeprefix("^").removesuffix("$")
    except re.error:
        return []
    items = []
    while rest:
        found = ITEM.match(rest)
        if found is None:
            return []
        rest = rest[found.end() :]
        times = TIMES.match(rest)
        rest = rest[times.end() :] if times else rest
        characters = found["escaped"] or found["literal"] or _set(found["set"])
        items.append((characters, _count(times)))
    return items


def _set(text: str) -> str:
    """The characters of `[A-Z0-9_]`, without the brackets; of `\\w` the letters and digits."""
    return {"\\d": "0-9", "\\w": "a-z0-9"}.get(text, text[1:-1])


def _count(times: "re.Match[str] | None") -> int:
    """How often an item is to stand: as often as it must, at a free choice a few times."""
    if times is None:
        return 1
    if times[1] is None:
        return 3 if times[0] == "+" else 0
    least = int(times[1])
    most = least if times[2] is None else int(times[2] or least + 8)
    return max(least, min(most, 8))


def _random(items: Sequence[tuple[str, int]]) -> Iterator[Candidate]:
    """Digits and letters, as Faker puts them in the place of `#` and `?`."""
    signs = [_sign(characters) for characters, _ in items]
    literal = {characters for characters, _ in items if len(characters) == 1}
    alphabets = {
        ascii_uppercase if "A-Z" in characters else ascii_lowercase
        for (characters, _), sign in zip(items, signs, strict=True)
        if sign == "?"
    }
    if literal & REPLACED or len(alphabets) > 1:
        return
    text = "".join(count * sign for (_, count), sign in zip(items, signs, strict=True))
    if not alphabets:
        yield Candidate(f'Faker("numerify", text={quoted(text)})', _samples(text, ascii_lowercase))
        return
    [alphabet] = alphabets
    faker = "bothify" if "#" in text else "lexify"
    expression = f'Faker("{faker}", text={quoted(text)}, letters="{alphabet}")'
    yield Candidate(expression, _samples(text, alphabet))


def _sign(characters: str) -> str:
    """What stands for one of the characters: `#` a digit, `?` a letter, or one of them."""
    if "A-Z" in characters or "a-z" in characters:
        return "?"
    return "#" if "0-9" in characters else characters[0]


def _samples(text: str, alphabet: str) -> list[str]:
    pairs = [("0", alphabet[0]), ("9", alphabet[-1]), ("5", alphabet[7])]
    return [text.replace("#", digit).replace("?", letter) for digit, letter in pairs]


def _numbered(items: Sequence[tuple[str, int]]) -> Iterator[Candidate]:
    """With a number in the widest place that has digits, and the same elsewhere."""
    widths = [count if "0-9" in characters else 0 for characters, count in items]
    if not any(widths):
        return
    parts = [count * _first(characters) for characters, count in items]
    place = widths.index(max(widths))
    parts[place] = f"{{n:0{widths[place]}}}"
    yield sequence("".join(parts))


def _first(characters: str) -> str:
    """One of the characters, as `str.format` takes it."""
    plain = {"?": "A" if "A-Z" in characters else "a", "#": "0"}
    sign = _sign(characters) if len(characters) > 1 else characters
    return plain.get(sign, {"{": "{{", "}": "}}"}.get(sign, sign))
