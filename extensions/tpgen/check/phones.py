"""Phone numbers of people: international ones, and national ones after a word for them."""

import re
from collections.abc import Iterator

from .numbers import Person, is_made_up
from .published import is_reserved_phone

# The plus comes first: a pattern that begins with a plain character is as fast as a search.
INTERNATIONAL = re.compile(r"\+(?<![\w.+)\]/-]\+)[1-9](?:[ ().-]{0,2}\d){7,14}(?!\d|[ .-]\d|\w)")
NO_PERSON = {3, 4, 5, 8, 9, 10}  # Of phonenumbers' types: toll-free, premium, shared, pagers …
ANY: frozenset[int] = frozenset()
MOBILE = frozenset({1, 2})  # Where a country tells both kinds apart, and where it doesn't.
WORDS = ("phone", "telefo", "mobiel", "mobile", "mobil", "gsm", "handy", "whatsapp", "tel")
GAP = r"(?:[a-z_]{0,12}(?:\W{1,6}(?:nr|no|number|nummer|type=\w{1,8}))?[^\w\n+(]{1,12})?"
END = r"(?!\w|[ .-]?\d|[/=])"
AMERICAN = re.compile(rf"(?:\([2-9]\d\d\) ?|[2-9]\d\d[-. ])[2-9]\d\d[-. ]\d{{4}}{END}")
NATIONAL = re.compile(rf"(?:00[1-9](?:[ .-]?\d){{8,13}}|0[1-9](?:[ .-]?\d){{7,10}}){END}")
HEAD = re.compile(GAP)
REGIONS = ("NL", "DE", "FR", "BE", "GB", "CH", "AT", "SE", "AU", "IE")


def international(text: str) -> Iterator[Person]:
    """Numbers with a plus and a country."""
    for found in INTERNATIONAL.finditer(text):
        digits = re.sub(r"\D", "", found[0])
        if not is_made_up(digits) and _is_somebodys(f"+{digits}", None, ANY):
            yield Person(found.start(), "a phone number")


def national(text: str, near: str, is_table: bool) -> Iterator[Person]:
    """Numbers without a country, mobile or American, right after a word for a phone.

    Args:
        text: all of it.
        near: what is around numbers in it.
        is_table: whether its first line names columns.
    """
    head = text[: text.find("\n")].lower() if is_table else ""
    if any(word in head for word in WORDS):
        starts = {found.start() for form in (AMERICAN, NATIONAL) for found in form.finditer(text)}
        yield from (one for at in sorted(starts) if (one := _national(text, at)))
    elif any(word in near for word in WORDS):
        for at in _after_words(text.lower()):
            if one := _national(text, at):
                yield one


def _after_words(lowered: str) -> Iterator[int]:
    for word in WORDS:
        at = lowered.find(word)
        while at >= 0:
            end = at + len(word)
            is_word = word != "tel" or not (lowered[at - 1 : at] + lowered[end : end + 1]).isalpha()
            if is_word and (gap := HEAD.match(lowered, end)):
                yield gap.end()
            at = lowered.find(word, end)


def _national(text: str, at: int) -> Person | None:
    if at and (text[at - 1].isalnum() or text[at - 1] in "+_"):
        return None
    american, other = AMERICAN.match(text, at), NATIONAL.match(text, at)
    found = american or other
    if not found or is_made_up(found[0]):
        return None
    digits = re.sub(r"\D", "", found[0])
    if american:
        is_one = _is_somebodys(digits, "US", MOBILE)
    elif digits.startswith("00"):
        is_one = _is_somebodys(f"+{digits[2:]}", None, ANY)
    else:
        is_one = _is_mobile(digits)
    return Person(at, "a phone number") if is_one else None


def _is_mobile(digits: str) -> bool:
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE as REGION_OF

    codes = [code for code, regions in REGION_OF.items() if regions[0] in REGIONS]
    if any(is_reserved_phone(f"{code}{digits[1:]}") for code in codes):
        return False
    return any(_is_somebodys(digits, region, frozenset({1})) for region in REGIONS)


def _is_somebodys(number: str, region: str | None, types: frozenset[int]) -> bool:
    from phonenumbers import NumberParseException, is_valid_number, number_type, parse

    try:
        parsed = parse(number, region)
    except NumberParseException:
        return False
    digits = f"{parsed.country_code}{parsed.national_number}"
    if is_reserved_phone(digits) or not is_valid_number(parsed):
        return False
    kind = number_type(parsed)
    return kind in types if types else kind not in NO_PERSON
