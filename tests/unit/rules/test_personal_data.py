"""TPG401: numbers and addresses of people, and what only looks like one."""

import random
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import iban, luhn
from stdnum.us import ssn
from tpgen.check import personal
from tpgen.check.personal import LENGTHS, numbers

from tests.checking import findings

DICE = random.Random(20)


def digits(count: int) -> str:
    """Digits without a sequence."""
    return "".join(str(DICE.choice([1, 3, 5, 7, 8, 9])) for _ in range(count))


def some_iban() -> str:
    """A Dutch IBAN with valid check digits."""
    rest = "".join(["RABO", "03", digits(8)])
    return "".join(["NL", iban.calc_check_digits("NL00" + rest), rest])


def some_card(prefix: str = "4716", length: int = 16) -> str:
    """A card number with a valid check digit."""
    body = prefix + digits(length - 1 - len(prefix))
    return body + luhn.calc_check_digit(body)


def in_fours(text: str, by: str = " ") -> str:
    """The same in groups."""
    return by.join(text[at : at + 4] for at in range(0, len(text), 4))


def joined(*parts: str) -> str:
    """Parts that stand nowhere together in this file."""
    return "".join(parts)


SSN = joined("536", "-", "22", "-", "8719")
MAIL = joined("w.devries71", "@", "gmail", ".com")
AMEX = some_card("3782", 15)
FOUND = [
    ("a.py", f'IBAN = "{some_iban()}"\n'),
    ("a.json", f'{{"iban": "{in_fours(some_iban())}"}}\n'),
    ("words.txt", f"to {in_fours(some_iban())} TODAY\n"),
    ("a.yaml", f"ssn: {SSN}\n"),
    ("a.sql", f"insert into cards values ('{some_card()}');\n"),
    ("a.txt", in_fours(some_card("5412"))),
    ("expires.txt", f"{in_fours(some_card())} 12/27"),
    ("a.xml", f"<card>{in_fours(some_card(), '-')}</card>"),
    ("a.py", f'CARD = "{some_card()}"\n'),
    ("amex.txt", AMEX),
    ("amex.txt", f"{AMEX[:4]} {AMEX[4:10]} {AMEX[10:]}"),
    ("a.py", f'MAIL = "{MAIL}"\n'),
    ("author.py", f'AUTHOR = "{MAIL}"\n'),
    ("author.json", f'{{"author": "{MAIL}"}}\n'),
    ("header.py", f'# Copyright 2026\n"""Tests."""\n\nMAIL = "{MAIL}"\n'),
    ("br.txt", joined("k.smith", "@", "yahoo", ".com.br")),
]
SHA = "3d4f2bf07dc1be38b20cd6e46949a1071f9d0e3d"
NOT_FOUND: dict[str, str | bytes] = {
    "examples.py": "IBAN = 'GB82 WEST 1234 5698 7654 32'\nCARD = '4242 4242 4242 4242'\n",
    "digests.py": f"SHA = '{SHA}'\nSHORT = '{SHA[:16]}'\n",
    "uuid.json": '{"id": "41111111-4716-4321-8765-536228719123"}\n',
    "numbers.py": f"PI = 3.141592653589793238\nBIG = {some_card()}\nNS = 1700000000123456789\n",
    "iban.txt": "RS35 2600 0560 1001 6113 78\n",
    "times.csv": "at,id\n1700000000123,175928847299117063\n2024-01-31T10:00:00+01:00,1\n",
    "mail.py": "A = 'jane@example.com'\nB = 'user@gmail.com'\n@gmail.command\ndef f(): ...\n",
    "bogus.py": "A = 'bogus@gmail.com'\n",
    "ssn.txt": "000-22-8719 666-22-8719 936-22-8719 536-00-8719 536-22-0000 123-45-6789\n",
    "phone.py": "phone = '+31 6 24 81 93 75'\nbsn = '111222333'\n",
    "dates.py": "DAY = '2024-01-31'\nRANGE = '100-20-3000000'\n",
    "database.bin": b"\0\0" + MAIL.encode(),
}
# Where an author is credited.
HEADERS = {
    "a.py": f"# Copyright (C) 2003-2009  J. de Vries <{MAIL}>\n#\n# This file is free.\nX = 1\n",
    "b.py": f"#!/usr/bin/python\n# License: MIT\n#\n#   J. de Vries\n#   <{MAIL}>\n\nX = 1\n",
    "c.py": f'"""Tests.\n\nWritten by\n\n  J. de Vries {MAIL}\n"""\n\nX = 1\n',
    "d.py": f"import a\n\n__author__ = 'J. de Vries <{MAIL}>'\n",
    "e.js": f"/*!\n * a.js (c) 2026\n *\n * J. de Vries, {MAIL}\n */\nlet x;\n",
    "f.sql": f"-- Author: {MAIL}\nselect 1;\n",
    "LICENSE": f"The MIT License\n\nCopyright (c) 2026 J. de Vries <{MAIL}>\n",
}


@pytest.mark.parametrize(("name", "content"), FOUND)
def test_what_is_somebodys_is_found(name: str, content: str, tmp_path: Path) -> None:
    found = findings(tmp_path, {f"tests/fixtures/{name}": content}, select="TPG401")
    assert [finding.split(":")[0] for finding in found] == [f"tests/fixtures/{name}"]


@pytest.mark.parametrize("name", NOT_FOUND)
def test_what_is_nobodys_is_not(name: str, tmp_path: Path) -> None:
    """Published examples, reserved numbers, digests, ids and times are no finding."""
    assert findings(tmp_path, {f"tests/{name}": NOT_FOUND[name]}, select="TPG401") == []


@pytest.mark.parametrize("name", HEADERS)
def test_the_author_of_a_file_is_not(name: str, tmp_path: Path) -> None:
    assert findings(tmp_path, {f"tests/{name}": HEADERS[name]}, select="TPG401") == []


def test_only_tests_are_looked_at(tmp_path: Path) -> None:
    """An address of the service itself is none of the policy's business."""
    assert findings(tmp_path, {"src/a.py": f"SUPPORT = '{MAIL}'\n"}, select="TPG401") == []


def test_the_line_is_reported(tmp_path: Path) -> None:
    text = f"é = 1\n\nMAIL, SSN = '{MAIL}', '{SSN}'\n"
    found = findings(tmp_path, {"tests/a.py": text}, select="TPG401")
    assert found == ["tests/a.py:3:1 TPG401", "tests/a.py:3:1 TPG401"]


@given(st.integers(10**14, 10**16 - 1))
def test_the_check_digit_is_luhns(number: int) -> None:
    assert personal._luhn(str(number)) == luhn.is_valid(str(number))


@given(st.integers(0, 899), st.integers(0, 99), st.integers(0, 9999))
def test_a_social_security_number_is_one_that_is_given_out(
    area: int, group: int, serial: int
) -> None:
    text = f"{area:03}-{group:02}-{serial:04}"
    if not personal.is_made_up(text):
        assert bool(personal.SSN.fullmatch(text)) == ssn.is_valid(text)


@pytest.mark.parametrize("country", sorted(LENGTHS))
def test_the_lengths_are_those_of_the_registry(country: str) -> None:
    """As python-stdnum has it: "4!a6!n8!n" are 18 characters behind the check digits."""
    [_, (_, entry), *_] = [("", {}), *iban._ibandb.info(country + "00" + "9" * 30)]
    parts = re.findall(r"(\d+)!", entry["bban"])
    assert LENGTHS[country] == 4 + sum(map(int, parts))


@pytest.mark.parametrize("number", sorted(personal.IBANS))
def test_a_published_iban_is_not_found(number: str) -> None:
    """It is listed because it is valid: others need not be."""
    assert iban.calc_check_digits(number) == number[2:4]
    assert len(number) == LENGTHS[number[:2]] and not personal.is_made_up(number)
    assert list(numbers(number)) == []


@pytest.mark.parametrize("number", sorted(personal.CARDS))
def test_a_published_card_is_not_found(number: str) -> None:
    assert luhn.is_valid(number) and personal.ISSUERS.fullmatch(number)
    assert not personal.is_made_up(number)
    assert list(numbers(number)) == []


@given(st.text("0123456789 -.'\"NLRABO\n\0é€", max_size=400))
def test_no_text_breaks_it(text: str) -> None:
    """Whatever stands in a file, each number is in one of its lines."""
    assert all(1 <= line <= text.count("\n") + 1 for line, _ in numbers(text))
