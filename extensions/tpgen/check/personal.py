"""Numbers and addresses that belong to people, as they stand in a text."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module

from .published import CARDS, IBANS, is_reserved_phone

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
    rb"(?i)(?:user|test|tester|foo|bar|baz|spam|eggs|abc|example|someone|somebody|anyone|nobody|"
    rb"admin|me|you|x+|local|[a-z]|(?:my|your|some|user|e|the)?[._-]?(?:e?mail|name|address))"
    rb"[._-]?\d{0,3}"
)
_DIGITS = bytes.maketrans(b"123456789", b"000000000")
# Digits as zeros: what must stand in a text before it is worth to look for a number of some kind.
_LONG = (b"0" * 10, b"0000 0000", b"0000-0000")
_DASHED = b"000-00-0000"
_OTHER = (b"0" * 6, b"000 000", b"000.000", b"00.00.00", b"00.000", b"00 00 00")
BEFORE, AFTER = r"(?<![\w.+/-])", r"(?![\w/=+-]|\.\d)"
IBAN = re.compile(
    r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,3})?" + AFTER
)
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
PHONE = re.compile(r"(?<![\w+.)\]/-])\+[1-9](?:[ ().-]{0,2}\d){7,14}(?!\d|[ .-]\d|\w)")
NO_PERSON = {3, 4, 5, 8, 9, 10}  # Of phonenumbers' types: toll-free, premium, shared, pagers …


@dataclass(frozen=True)
class Person:
    """Something of a person: where it begins, and what it is."""

    offset: int
    what: str


@dataclass(frozen=True)
class National:
    """A national number, which counts only where a word for it is near.

    Attributes:
        what: it is called.
        words: one of them must be near.
        shape: of the number.
        module: of python-stdnum, that knows which are valid.
    """

    what: str
    words: tuple[str, ...]
    shape: re.Pattern[str]
    module: str


def _national(what: str, words: str, shape: str, module: str) -> National:
    return National(what, tuple(words.split("|")), re.compile(BEFORE + shape + AFTER), module)


NATIONAL = (
    _national("a BSN", "bsn|burgerservicenummer|citizen_service_number|sofinummer",
              r"(?:\d{9}|\d{4}[ .]\d{2}[ .]\d{3}|\d{3}[ .]\d{3}[ .]\d{3})", "nl.bsn"),
    _national("a US SSN", "ssn|social security|social_security|social-security", r"\d{9}", "us.ssn"),
    _national("a CPF", "cpf", r"\d{3}\.?\d{3}\.?\d{3}-?\d{2}", "br.cpf"),
    _national("a PESEL", "pesel", r"\d{11}", "pl.pesel"),
    _national("an NHS number", "nhs", r"\d{3}[ -]?\d{3}[ -]?\d{4}", "gb.nhs"),
    _national("a DNI", "dni|nif", r"\d{8}-?[A-Z]", "es.dni"),
    _national("an NIE", "nie", r"[XYZ]-?\d{7}-?[A-Z]", "es.nie"),
    _national("a codice fiscale", "codice fiscale|codice_fiscale|codicefiscale", r"[A-Z]{6}\d{2}[A-Z]\d{2}[A-Z]\d{3}[A-Z]",
              "it.codicefiscale"),
    _national("a personnummer", "personnummer|personal number|personal_number", r"(?:\d{2})?\d{6}[-+]?\d{4}",
              "se.personnummer"),
    _national("a HETU", "hetu|henkilötunnus", r"\d{6}[-+A]\d{3}[0-9A-Z]", "fi.hetu"),
    _national("a rijksregisternummer", "rijksregister|rijksregisternummer|insz|niss|nrn",
              r"\d{2}\.?\d{2}\.?\d{2}-?\d{3}[.-]?\d{2}", "be.nn"),
    _national("a NIR", "nir|insee|nss|sécurité sociale|securite_sociale",
              r"[12] ?\d{2} ?\d{2} ?\d[\dAB] ?\d{3} ?\d{3} ?\d{2}", "fr.nir"),
    _national("an Aadhaar number", "aadhaar", r"\d{4}[ -]?\d{4}[ -]?\d{4}", "in_.aadhaar"),
    _national("a Steuer-ID", "steuer_id|steuer-id|steuerid|idnr|steueridentifikationsnummer", r"\d{2}[ ]?\d{3}[ ]?\d{3}"
              r"[ ]?\d{3}", "de.idnr"),
    _national("an AHV number", "ahv|avs", r"756\.?\d{4}\.?\d{4}\.?\d{2}", "ch.ssn"),
    _national("a CURP", "curp", r"[A-Z]{4}\d{6}[A-Z]{6}[0-9A-Z]\d", "mx.curp"),
)  # fmt: skip
NEAR = 80


def people(data: bytes, *, is_code: bool = False, is_table: bool = False) -> Iterator[Person]:
    """What belongs to people in a text.

    Args:
        data: the text, in UTF-8.
        is_code: whether it is Python, where a bare number is seldom a card.
        is_table: whether its first line names columns.
    """
    mail, phone = FREE_MAIL.search(data), b"+" in data
    shape = data.translate(_DIGITS)
    phone = phone and b"+0" in shape
    long, dashed = any(one in shape for one in _LONG), _DASHED in shape
    other = dashed or any(one in shape for one in _OTHER)
    if not (mail or phone or long or other):
        return
    text = data.decode("utf-8", errors="replace")
    if mail:
        yield from _mail(data)
    if phone:
        yield from _phones(text)
    if long:
        yield from _ibans(text)
        yield from _cards(text, is_code)
    if dashed:
        yield from _ssns(text)
    if other:
        yield from _national_numbers(text, is_table)


def _mail(data: bytes) -> Iterator[Person]:
    for found in FREE_MAIL.finditer(data):
        local = LOCAL_PART.search(data[max(0, found.start() - 64) : found.start()])
        if local and not ANYBODY.fullmatch(local[0]):
            offset = len(data[: found.start()].decode(errors="replace"))
            yield Person(offset, "a mail address at a free provider")


def _ibans(text: str) -> Iterator[Person]:
    for found in IBAN.finditer(text):
        plain = re.sub(r"[ -]", "", found[0])
        if plain not in IBANS and not is_made_up(plain) and _valid("iban", plain):
            yield Person(found.start(), "an IBAN")


def _ssns(text: str) -> Iterator[Person]:
    for found in SSN.finditer(text):
        if not is_made_up(found[0]) and _valid("us.ssn", found[0]):
            yield Person(found.start(), "a US SSN")


def _cards(text: str, is_code: bool) -> Iterator[Person]:
    for found in CARD.finditer(text):
        is_bare = is_code and found[0].isdigit() and text[found.start() - 1] not in "\"'"
        if is_card(re.sub(r"\D", "", found[0])) and not (is_bare and not ABOUT_CARDS.search(text)):
            yield Person(found.start(), "a card number")


def is_card(digits: str) -> bool:
    """Whether digits are the number of a card that somebody may have."""
    if not PREFIX.fullmatch(digits) or digits in CARDS or digits.startswith("400000"):
        return False
    return not is_made_up(digits) and _valid("luhn", digits)


def _national_numbers(text: str, is_table: bool) -> Iterator[Person]:
    lowered = text.lower()
    for one in NATIONAL:
        places = [at for word in one.words for at in _places(lowered, word)]
        if not places:
            continue
        heads = is_table and min(places) < text.find("\n")
        for found in one.shape.finditer(text):
            near = heads or any(-NEAR < found.start() - at < NEAR for at in places)
            if near and not is_made_up(found[0]) and _valid(one.module, found[0]):
                yield Person(found.start(), one.what)


def _places(lowered: str, word: str) -> Iterator[int]:
    """Where a word stands by itself; `_` and digits are no part of a word."""
    at = lowered.find(word)
    while at >= 0:
        end = at + len(word)
        if not lowered[at - 1 : at].isalpha() and not lowered[end : end + 1].isalpha():
            yield at
        at = lowered.find(word, end)


def _phones(text: str) -> Iterator[Person]:
    from phonenumbers import NumberParseException, is_valid_number, number_type, parse

    for found in PHONE.finditer(text):
        digits = re.sub(r"\D", "", found[0])
        if is_made_up(digits) or is_reserved_phone(digits):
            continue
        try:
            number = parse(f"+{digits}")
        except NumberParseException:
            continue
        if is_valid_number(number) and number_type(number) not in NO_PERSON:
            yield Person(found.start(), "a phone number")


def is_made_up(number: str) -> bool:
    """Whether anybody sees that a number is nobody's: a row, or the same again and again."""
    digits = re.sub(r"\D", "", number)
    if len(set(digits)) <= 3 or re.search(r"(\d)\1{4}", digits):
        return True
    return any(row in digits for row in ("123456", "234567", "345678", "987654", "876543"))


def _valid(module: str, number: str) -> bool:
    is_valid: Callable[[str], bool] = import_module(f"stdnum.{module}").is_valid
    return is_valid(number)
