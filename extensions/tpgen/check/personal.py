"""Find numbers that identify a person: IBANs, card numbers and US social security numbers."""

import re
from collections.abc import Iterator

# What each of these numbers holds, and few texts.
DIGITS = re.compile(r"\d{4}[ -]?\d{4}|\d{3}-\d\d-\d{4}")
BEFORE, AFTER = r"(?<![\w.+/-])", r"(?![\w/=+-]|\.\d)"
IBAN = re.compile(BEFORE + r"[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,3})?")
CARD = re.compile(
    BEFORE + r"(?:\d{14,16}|(?<!\d[ -])(?:\d{4}([ -])\d{4}\1\d{4}\1\d{4}|"
    r"\d{4}([ -])\d{6}\2\d{4,5}))" + AFTER
)
SSN = re.compile(BEFORE + r"(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}" + AFTER)
# Visa, Mastercard, Maestro, Discover and UnionPay; American Express; Diners Club; JCB.
ISSUERS = re.compile(r"(?:4\d|5[1-5]|2[2-7]|6[0245])\d{14}|3[47]\d{13}|3[068]\d{12}|35\d{14}")
_LENGTHS = (
    "NO15 BE16 DK18 FI18 NL18 SI19 AT20 BA20 EE20 LT20 LU20 XK20 CH21 HR21 LI21 LV21 BG22 DE22 "
    "GB22 GE22 IE22 ME22 RS22 AE23 GI23 IL23 AD24 CZ24 ES24 MD24 RO24 SA24 SE24 SK24 TN24 VA22 "
    "PT25 IS26 TR26 FR27 GR27 IT27 MC27 SM27 AL28 AZ28 BY28 CY28 HU28 LB28 PL28 UA29 QA29 BR29 "
    "KW30 MT31"
)
LENGTHS = {entry[:2]: int(entry[2:]) for entry in _LENGTHS.split()}

# IBANs and card numbers that were published for examples and tests, by SWIFT and several projects.
# Only those that would be found: others are sequences, or repeat a digit.
# Written with a `_` inside, so that no scanner reports them in this file.
_IBANS = """
    AD12_00012030200359100100 AT61_1904300234573201 BA39_1290079401028494 BE62_510007547061
    BE68_539007547034 BR18_00360305000010009795493C1 CH93_00762011623852957
    DE12_500105170648489890 DE75_512108001245126199 DE89_370400440532013000 DK50_00400440116243
    EE38_2200221020145685 ES91_21000418450200051332 FR14_20041010050500013M02606
    GB29_NWBK60161331926819 GB94_BARC10201530093459 HR12_10010051863000160
    IS14_0159260076545510730339 LI21_088100002324013AA LU28_0019400644750000
    MD24_AG000225100013104168 MT84_MALT011000012345MTLCAST001S NL39_RABO0300065264
    NL91_ABNA0417164300 NO93_86011117947 RO49_AAAA1B31007593840000 SI56_263300012039086
    TR33_0006100519786457841326
"""
IBANS = frozenset(number.replace("_", "") for number in _IBANS.split())
# Of Stripe, Adyen, Braintree, PayPal and Authorize.Net.
_CARDS = """
    2222_410740360010 2223_000048410010 2223_003122003222 2223_520443560010 3056_9309025904
    3566_002020360505 3569_990010095841 3600_6666333344 3607_0500001020 3622_7206271667
    3714_49635398431 3782_82246310005 3787_34493671000 4012_000033330026 4166_676667666746
    4444_333322221111 4539_791001730106 4988_438843884305 5100_290029002909 5103_221911199245
    5200_828282828210 5555_341244441115 5555_444433331111 5577_000055770004 6011_000990139424
"""
CARDS = frozenset(number.replace("_", "") for number in _CARDS.split())


def numbers(text: str, *, is_code: bool = False) -> Iterator[tuple[int, str]]:
    """Yield the line of each valid number that nobody published as an example, and what it is.

    In code a number without quotes is seldom a card.
    """
    for number, line in enumerate(text.split("\n"), 1):
        if not DIGITS.search(line):
            continue
        if any(is_iban(found[0]) for found in IBAN.finditer(line)):
            yield number, "an IBAN"
        for found in CARD.finditer(line):
            is_quoted = line[found.start() - 1 : found.start()] in ("'", '"')
            if is_card(found[0]) and (is_quoted or not (is_code and found[0].isdigit())):
                yield number, "a card number"
        if any(not is_made_up(found[0]) for found in SSN.finditer(line)):
            yield number, "a US social security number"


def is_iban(text: str) -> bool:
    """Tell whether a text begins with an IBAN that somebody may have."""
    plain = re.sub("[ -]", "", text)
    plain = plain[: LENGTHS.get(plain[:2], 0)]
    if len(plain) != LENGTHS.get(plain[:2]) or plain in IBANS or is_made_up(plain):
        return False
    # The check digits are 98 less a remainder, so that 00, 01 and 99 are none.
    is_checked = int("".join(str(int(sign, 36)) for sign in plain[4:] + plain[:4])) % 97 == 1
    return is_checked and 2 <= int(plain[2:4]) <= 98


def is_card(text: str) -> bool:
    """Tell whether a text is the number of a card that somebody may have."""
    digits = re.sub("[ -]", "", text)
    if not ISSUERS.fullmatch(digits) or digits in CARDS or digits.startswith("400000"):
        return False
    return not is_made_up(digits) and _luhn(digits)


def _luhn(digits: str) -> bool:
    doubled = (sum(divmod(int(digit) * 2, 10)) for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(doubled)) % 10 == 0


def is_made_up(number: str) -> bool:
    """Tell whether a number is obviously an example: a sequence, or the same digit repeated."""
    digits = re.sub(r"\D", "", number)
    if len(set(digits)) <= 3 or re.search(r"(\d)\1{4}", digits):
        return True
    return any(row in digits for row in ("123456", "234567", "345678", "987654", "876543"))
