"""TPG401: what belongs to people, however it is packed; and what only looks like it."""

import base64
import gzip
import io
import pickle
import random
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stdnum import iban, luhn
from tpgen.check.personal import people

from tests.checking import findings

DICE = random.Random(20)


def digits(count: int) -> str:
    """Digits of which no row is known."""
    return "".join(str(DICE.choice([1, 3, 5, 7, 8, 9])) for _ in range(count))


def some_iban() -> str:
    """A Dutch IBAN whose check digits are right."""
    rest = "".join(["RABO", "03", digits(8)])
    return "".join(["NL", iban.calc_check_digits("NL00" + rest), rest])


def some_card(prefix: str = "4716", length: int = 16) -> str:
    """A card number that Luhn's check holds for."""
    body = prefix + digits(length - 1 - len(prefix))
    return body + luhn.calc_check_digit(body)


def in_fours(text: str, by: str = " ") -> str:
    """The same in groups."""
    return by.join(text[at : at + 4] for at in range(0, len(text), 4))


def joined(*parts: str) -> str:
    """Parts that stand nowhere together in this file."""
    return "".join(parts)


def zipped(text: str) -> bytes:
    """A workbook, as far as it matters: a zip with XML."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/sharedStrings.xml", f"<si><t>{text}</t></si>")
    return data.getvalue()


SSN = joined("536", "-", "22", "-", "8719")
MAIL = joined("w.devries71", "@", "gmail", ".com")
NAMED = [
    ("a.py", f'IBAN = "{some_iban()}"\n'),
    ("a.json", f'{{"iban": "{in_fours(some_iban())}"}}\n'),
    ("a.yaml", f"ssn: {SSN}\n"),
    ("a.sql", f"insert into cards values ('{some_card()}');\n"),
    ("a.txt", in_fours(some_card("5412"))),
    ("a.xml", f"<card>{in_fours(some_card(), '-')}</card>"),
    ("a.py", f'MAIL = "{MAIL}"\n'),
    ("a.xlsx", zipped(MAIL)),
    ("a.json.gz", gzip.compress(f'"{some_iban()}"'.encode(), mtime=0)),
    ("url.txt", f"?card={some_card()}&mail={MAIL.replace('@', '%40')}\n"),
    ("amex.txt", some_card("3782", 15)),
    ("br.txt", joined("k.smith", "@", "yahoo", ".com.br")),
    ("lower.csv", f"id;iban\n1;{some_iban().lower()}\n"),
    ("dots.txt", in_fours(some_iban(), ".")),
    ("at.txt", MAIL.replace("@", " [at] ")),
    ("escaped.json", MAIL.replace("@", "\\u0040")),
    ("html.html", MAIL.replace("@", "&#64;")),
    ("people.pickle", pickle.dumps([{"mail": MAIL}])),
    ("cassette.yaml", base64.b64encode(f'{{"mail": "{MAIL}"}}'.encode())),
    ("utf16.csv", f"mail\n{MAIL}\n".encode("utf-16")),
]
SHA = "3d4f2bf07dc1be38b20cd6e46949a1071f9d0e3d"
NOTHING = {
    "examples.py": "IBAN = 'GB82 WEST 1234 5698 7654 32'\nCARD = '4242 4242 4242 4242'\n",
    "digests.py": f"SHA = '{SHA}'\nSHORT = '{SHA[:16]}'\n",
    "uuid.json": '{"id": "41111111-4716-4321-8765-536228719123"}\n',
    "numbers.py": "PI = 3.141592653589793238\nBIG = 4716329481759327\nNS = 1700000000123456789\n",
    "times.csv": "at,id\n1700000000123,175928847299117063\n2024-01-31T10:00:00+01:00,1\n",
    "mail.py": "A = 'jane@example.com'\nB = 'user@gmail.com'\n@gmail.command\ndef f(): ...\n",
    "versions.txt": "python 3.11.7+20240107 lib==1.2.3.4\n",
    "bogus.py": "A = 'bogus@gmail.com'\n",
    "header.py": f"# Copyright 2026 J. de Vries <{MAIL}>\n__author__ = '{MAIL}'\n",
    "phone.py": "phone = '+31 6 24 81 93 75'\nbsn = '111222333'\n",
    "dates.py": "DAY = '2024-01-31'\nRANGE = '100-20-3000000'\n",
}


@pytest.mark.parametrize(("name", "content"), NAMED)
def test_what_is_somebodys_is_found(name: str, content: str | bytes, tmp_path: Path) -> None:
    """Numbers with a valid checksum and addresses are found in each sort of file."""
    found = findings(tmp_path, {f"tests/fixtures/{name}": content}, select="TPG401")
    assert {one.split(":")[0] for one in found} == {f"tests/fixtures/{name}"}


@pytest.mark.parametrize("name", NOTHING)
def test_what_is_nobodys_is_not(name: str, tmp_path: Path) -> None:
    """Published examples, reserved numbers, digests, ids and times are no finding."""
    assert findings(tmp_path, {f"tests/{name}": NOTHING[name]}, select="TPG401") == []


def test_only_tests_are_looked_at(tmp_path: Path) -> None:
    """An address of the service itself is none of the policy's business."""
    assert findings(tmp_path, {"src/a.py": f"SUPPORT = '{MAIL}'\n"}, select="TPG401") == []


def test_the_line_is_told(tmp_path: Path) -> None:
    """A finding names the line where it stands."""
    text = f"é = 1\n\nMAIL = '{MAIL}'\n"
    assert findings(tmp_path, {"tests/a.py": text}, select="TPG401") == ["tests/a.py:3:1 TPG401"]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.binary(max_size=400) | st.text("0123456789 +-.@gmailcosnb\n\0", max_size=400))
def test_no_text_breaks_it(given_text: str | bytes) -> None:
    """Whatever stands in a file, each finding lies inside it."""
    data = given_text.encode() if isinstance(given_text, str) else given_text
    assert all(0 <= one.offset <= len(data) for one in people(data))
