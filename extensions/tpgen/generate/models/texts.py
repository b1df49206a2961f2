"""The text that a factory gives a column: by its name, its length and the form asked for."""

import re
from ast import literal_eval
from string import ascii_lowercase, ascii_uppercase
from typing import TYPE_CHECKING

from tpgen.core.names import to_snake

from . import forms
from .constraints import quoted
from .forms import Candidate
from .providers import NAMES, PROVIDERS, RANDOM, SAMPLES, SHARED, UNIQUE

if TYPE_CHECKING:
    from .columns import Column


def text_value(column: "Column") -> str:
    """A text for a column of which no form is asked."""
    shortest, longest = _lengths(column)
    if column.unique:
        return _unique_text(column, shortest, longest)
    if shortest > 3:
        return f'Faker("lexify", text="{"?" * shortest}")'
    for pattern, expression, most in _providers(column):
        if _is_called(column, pattern) and most <= longest:
            return expression
    return _any_text(longest)


def _any_text(longest: float) -> str:
    if longest >= 20:
        return 'Faker("word")'
    if longest >= 5:
        return f'Faker("text", max_nb_chars={longest})'
    return f'Faker("lexify", text="{"?" * int(longest)}")'


def _unique_text(column: "Column", shortest: int, longest: float) -> str:
    for pattern, expression, most in PROVIDERS:
        random = any(name in expression for name in RANDOM)
        if random and _is_called(column, pattern) and most <= longest:
            return expression
    stem = _stem(column)
    for pattern, expression, most in [*UNIQUE, (".*", '"{stem}-{{n}}"', 6)]:
        more = len(stem) if "stem" in expression else 0
        if _is_called(column, pattern) and shortest <= most + more <= longest:
            return f"Sequence(lambda n: f{expression.format(stem=stem)})"
    return f'Sequence(lambda n: f"{{n:0{int(min(longest, max(shortest, 8)))}}}")'


def formed(column: "Column") -> str | None:
    """A text of the form that checks ask for, or one of the choices that has it."""
    wanted = forms.forms(column.conditions)
    choices = [each.operand for each in column.conditions if each.operator == "in"]
    if choices:
        given = [text for text in literal_eval(f"[{choices[0]}]") if isinstance(text, str)]
        kept = [text for text in given if all(forms.keeps(text, one) for one in wanted)]
        return quoted(kept[0]) if kept and not column.unique else None
    if column.kind != "String":
        return None
    candidates = _numbered(column) if column.unique else _varied(column)
    candidates = [*candidates, *forms.built(wanted, column.unique), *_cased(column)]
    return forms.first_that_keeps(candidates, wanted, *_lengths(column))


def _varied(column: "Column") -> list[Candidate]:
    """What fits the column's name, as far as it is known what that gives."""
    _, longest = _lengths(column)
    return [
        Candidate(expression, SAMPLES[expression])
        for name, expression, most in _providers(column)
        if expression in SAMPLES and most <= longest and _is_called(column, name)
    ]


def _numbered(column: "Column") -> list[Candidate]:
    """What fits the column's name, with a number, in small letters or in capitals."""
    stem = _stem(column)
    fit = [template.strip('"') for name, template, _ in UNIQUE if _is_called(column, name)]
    texts = [template.format(stem=stem) for template in [*fit, "{stem}-{{n}}"]]
    large = f"{stem.upper()}-{{n}}"
    random = [one for one in _varied(column) if any(name in one.expression for name in RANDOM)]
    return [*random, *map(forms.sequence, [*texts, large])]


def _cased(column: "Column") -> list[Candidate]:
    """A word, or letters alone, where that is enough."""
    shortest, longest = _lengths(column)
    if column.unique:
        return [forms.sequence(f"{{n:0{int(min(longest, max(shortest, 8)))}}}")]
    count = int(min(longest, max(shortest, 8)))
    plain = Candidate('Faker("word")', SAMPLES['Faker("word")'])
    word = [plain] if longest >= 20 else []
    return [*word, forms.letters(count, ascii_uppercase), forms.letters(count, ascii_lowercase)]


def _providers(column: "Column") -> list[tuple[str, str, int]]:
    if column.name != "name":
        return PROVIDERS
    owner = to_snake(column.model).rpartition("_")[2]
    return [("name", *each[1:]) for each in NAMES if re.fullmatch(each[0], owner)]


def _is_called(column: "Column", pattern: str) -> bool:
    return bool(re.search(rf"(^|_)({pattern})$", column.name))


def _stem(column: "Column") -> str:
    """What the texts of a unique column begin with: `product` for a `sku` of `Product`."""
    return to_snake(column.model if column.name in SHARED else column.name).replace("_", "-")


def _lengths(column: "Column") -> tuple[int, float]:
    shortest, longest = 0, float(column.length) if column.length else float("inf")
    for each in column.conditions:
        if each.operator.startswith("length"):
            operator, number = each.operator.removeprefix("length "), int(float(each.operand))
            if operator[0] in ">=":
                shortest = max(shortest, number + (operator == ">"))
            if operator[0] in "<=":
                longest = min(longest, number - (operator == "<"))
    return shortest, int(longest) if longest != float("inf") else longest
