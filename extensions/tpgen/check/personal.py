"""Numbers and addresses that belong to people, as they stand in a text."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module

from .published import CARDS, IBANS

BEFORE, AFTER = r"(?<![\w.+/-])", r"(?![\w/=+-]|\.\d)"
FREE_MAIL = re.compile(
    rb"@(?:(?:gmail|googlemail|hotmail|outlook|live|yahoo|ymail|icloud|protonmail|proton|aol|msn|"
    rb"gmx|yandex|zoho|fastmail|tutanota|hey|rocketmail|(?:hotmail|yahoo|outlook|live)\.com?)\."
    rb"(?:com|me|net|de|fr|nl|be|it|es|ru|uk|at|ch|br|au|ar|mx|in|jp|pl)|(?:me|mac|qq|163|126)\.com|web\.de|pm\.me|duck\.com|mail\.ru|"
    rb"(?:t-online|freenet)\.de|(?:orange|free|wanadoo|laposte|sfr)\.(?:fr|net)|"
    rb"(?:libero|virgilio)\.it|(?:ziggo|kpnmail|xs4all|planet|hetnet|upcmail|home)\.nl|"
    rb"(?:btinternet|comcast|verizon)\.(?:com|net)|seznam\.cz|wp\.pl|o2\.pl|onet\.pl)(?![\w.-]*\w)",
    re.IGNORECASE,
)
LOCAL_PART = re.compile(rb"[A-Za-z0-9](?:[A-Za-z0-9._%+-]{0,62})?$")
# What stands for any address rather than for a person's.
ANYBODY = re.compile(
    rb"(?i)(?:user|test|tester|bogus|dummy|fake|sample|demo|asdf|qwerty|hello|info|no-?reply|"
    rb"foo|bar|baz|spam|eggs|abc|example|someone|somebody|anyone|nobody|"
    rb"admin|me|you|x+|local|[a-z]|(?:my|your|some|user|e|the)?[._-]?(?:e?mail|name|address))"
    rb"[._-]?\d{0,3}"
)
# Digits as zeros, letters as A: what a text must hold before it is worth to look for a number.
_SHAPE = bytes(48 if 48 <= one < 58 else 65 if chr(one).isalpha() and one < 128 else one
               for one in range(256))  # fmt: skip
_IBAN = (b"0" * 10, b"0000 0000", b"0000-0000", b"0000.0000", b"0000\xc2\xa00000", b"A0000000000")
_CARD = (
    b"0" * 14,
    b"0000 0000 0000 ",
    b"0000-0000-0000-",
    b"0000 000000 0000",
    b"0000-000000-0000",
)
_DASHED = b"000-00-0000"
IBAN = re.compile(
    rb"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?:(?:[ .-]|\xc2\xa0)?[A-Z0-9]{4}){2,7}"
    rb"(?:(?:[ .-]|\xc2\xa0)?[A-Z0-9]{1,3})?" + AFTER.encode(),
    re.IGNORECASE,
)
SEPARATED = re.compile(rb"[ .-]|\xc2\xa0")
SSN = re.compile(BEFORE + r"\d{3}-\d{2}-\d{4}" + AFTER)
CARD = re.compile(
    BEFORE + r"(?:[2-6]\d{15}|3[47]\d{13}|3[068]\d{12}|[2-6]\d{3}([ -])\d{4}\1\d{4}\1\d{4}|"
    r"3[47]\d{2}[ -]\d{6}[ -]\d{5}|3[068]\d{2}[ -]\d{6}[ -]\d{4})" + AFTER
)
PREFIX = re.compile(
    r"4\d{15}|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}|"
    r"6(?:011|5\d\d|4[4-9]\d)\d{12}|3(?:0[0-5]|6\d|8\d)\d{11}|35(?:2[89]|[3-8]\d)\d{12}|62\d{14}"
)
ABOUT_CARDS = re.compile(r"(?i)card|visa|amex|payment|credit|\bpan\b|billing")
# Whoever wrote a file stands in its header.
CREDIT = re.compile(rb"(?i)copyright|author|maintain|licen[cs]e|signed-off-by|credits?\b")


@dataclass(frozen=True)
class Person:
    """Something of a person: where it begins, and what it is."""

    offset: int
    what: str


def people(data: bytes, *, is_code: bool = False) -> Iterator[Person]:
    """What belongs to people in a text: mail addresses, IBANs, cards and US social security numbers.

    Args:
        data: the text, in UTF-8.
        is_code: whether it is Python, where a bare number is seldom a card.
    """
    if FREE_MAIL.search(data):
        yield from _mail(data)
    shape = data.translate(_SHAPE)
    if b"AA00" in shape and any(one in shape for one in _IBAN):
        yield from _ibans(data, shape)
    has_card, has_ssn = any(one in shape for one in _CARD), _DASHED in shape
    if not has_card and not has_ssn:
        return
    text = data.decode("utf-8", errors="replace")
    if has_card:
        yield from _cards(text, is_code)
    if has_ssn:
        yield from _ssns(text)


def _mail(data: bytes) -> Iterator[Person]:
    for found in FREE_MAIL.finditer(data):
        local = LOCAL_PART.search(data[max(0, found.start() - 64) : found.start()])
        line = data[data.rfind(b"\n", 0, found.start()) + 1 : found.start()]
        if local and not ANYBODY.fullmatch(local[0]) and not CREDIT.search(line):
            yield Person(_offset(data, found.start()), "a mail address at a free provider")


def _ibans(data: bytes, shape: bytes) -> Iterator[Person]:
    at = shape.find(b"AA00")
    while at >= 0:
        # A search for every place where one may begin is faster than the pattern's own.
        if found := IBAN.match(data, at):
            plain = SEPARATED.sub(b"", found[0]).decode().upper()
            if plain not in IBANS and not is_made_up(plain) and is_valid("iban", plain):
                yield Person(_offset(data, at), "an IBAN")
        at = shape.find(b"AA00", at + 1)


def _offset(data: bytes, at: int) -> int:
    return len(data[:at].decode(errors="replace"))


def _ssns(text: str) -> Iterator[Person]:
    for found in SSN.finditer(text):
        if not is_made_up(found[0]) and is_valid("us.ssn", found[0]):
            yield Person(found.start(), "a US SSN")


def _cards(text: str, is_code: bool) -> Iterator[Person]:
    cards = [found for found in CARD.finditer(text) if is_card(re.sub(r"\D", "", found[0]))]
    if cards and is_code and not ABOUT_CARDS.search(text):
        cards = [found for found in cards if not _is_bare(text, found)]
    yield from (Person(found.start(), "a card number") for found in cards)


def _is_bare(text: str, found: "re.Match[str]") -> bool:
    """Whether a number stands in code as a number, which may be any."""
    return found[0].isdigit() and text[found.start() - 1] not in "\"'"


def is_card(digits: str) -> bool:
    """Whether digits are the number of a card that somebody may have."""
    if not PREFIX.fullmatch(digits) or digits in CARDS or digits.startswith("400000"):
        return False
    return not is_made_up(digits) and is_valid("luhn", digits)


def is_made_up(number: str) -> bool:
    """Whether anybody sees that a number is nobody's: a row, or the same again and again."""
    digits = re.sub(r"\D", "", number)
    if len(set(digits)) <= 3 or re.search(r"(\d)\1{4}", digits):
        return True
    return any(row in digits for row in ("123456", "234567", "345678", "987654", "876543"))


def is_valid(module: str, number: str) -> bool:
    """Whether a module of python-stdnum takes a number."""
    check: Callable[[str], bool] = import_module(f"stdnum.{module}").is_valid
    return check(number)
