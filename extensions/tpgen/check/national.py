"""Numbers that countries give to people; each counts only where a word for it is near."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .numbers import AFTER, BEFORE, Person, is_made_up, is_valid


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
    _national("a US SSN", "ssn|social security|social_security|social-security",
              r"\d{3} ?\d{2} ?\d{4}", "us.ssn"),
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
    _national("a CPR number", "cpr|cpr_nummer|cprnummer", r"\d{6}-?\d{4}", "dk.cpr"),
    _national("a fødselsnummer", "fodselsnummer|fødselsnummer|fnr", r"\d{6} ?\d{5}", "no.fodselsnummer"),
    _national("a SIN", "social insurance number|social_insurance_number", r"\d{3}[ -]?\d{3}[ -]?\d{3}",
              "ca.sin"),
    _national("a TFN", "tfn|tax_file_number|tax file number", r"\d{3} ?\d{3} ?\d{3}", "au.tfn"),
    _national("an ITIN", "itin", r"9\d{2}-?\d{2}-?\d{4}", "us.itin"),
    _national("a PPS number", "pps|ppsn|pps_number", r"\d{7}[A-W][A-IW]?", "ie.pps"),
    _national("a NIF", "nif|contribuinte", r"[1-3]\d{8}", "pt.nif"),
    _national("a rodné číslo", "rodne cislo|rodné číslo|rodne_cislo|rc", r"\d{6}/\d{3,4}", "cz.rc"),
    _national("a Sozialversicherungsnummer", "svnr|sozialversicherungsnummer", r"\d{4} ?\d{6}",
              "at.vnr"),
    _national("a T.C. kimlik", "tckimlik|kimlik|tckn", r"[1-9]\d{10}", "tr.tckimlik"),
    _national("a resident identity number", "resident_id|身份证|id_card|idcard", r"\d{17}[\dX]", "cn.ric"),
    _national("a National Insurance number", "nino|national insurance|national_insurance|ni_number",
              r"(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]",
              ""),
    _national("a CURP", "curp", r"[A-Z]{4}\d{6}[A-Z]{6}[0-9A-Z]\d", "mx.curp"),
)  # fmt: skip
# What stands in each of them, once digits are zeros and letters are A, without separators.
SHAPES = (b"0" * 6, b"00A00A000A")
NEAR, WIDE = 80, 110
# The same with separators: where to look for a word.
_PLACES = (b"0" * 6, b"00.000", b"00-000", b"00 000", b"00.00.00", b"00 00 00", b"00A00A000A")


def around_numbers(data: bytes, shape: bytes) -> str:
    """What stands around numbers, in lower case: where no word is there, none is anywhere."""
    found = []
    for mark in _PLACES:
        at = shape.find(mark)
        while at >= 0:
            found.append(data[max(0, at - WIDE) : at + 2 * WIDE])
            at = shape.find(mark, at + WIDE)
    return b"\n".join(found).decode(errors="replace").lower()


def national_numbers(text: str, near: str, is_table: bool) -> Iterator[Person]:
    """The numbers in a text that are valid.

    Args:
        text: all of it.
        near: what is around numbers in it.
        is_table: whether its first line names columns.
    """
    lowered = text.lower() if is_table else near
    named = [one for one in NATIONAL if any(word in lowered for word in one.words)]
    lowered = text.lower() if named else ""
    for one in named:
        yield from _numbers(one, text, lowered, is_table)


def _numbers(one: National, text: str, lowered: str, is_table: bool) -> Iterator[Person]:
    places = sorted(at for word in one.words for at in _places(lowered, word))
    if not places:
        return
    heads = is_table and places[0] < text.find("\n")
    for found in one.shape.finditer(text):
        near = heads or _is_near(places, found.start())
        if near and not is_made_up(found[0]) and is_valid(one.module, found[0].replace(" ", "")):
            yield Person(found.start(), one.what)


def _is_near(places: Sequence[int], at: int) -> bool:
    """Whether one of the sorted places is less than `NEAR` characters away."""
    following = bisect_right(places, at - NEAR)
    return following < len(places) and places[following] < at + NEAR


def _places(lowered: str, word: str) -> Iterator[int]:
    """Where a word stands by itself; `_` and digits are no part of a word."""
    at = lowered.find(word)
    while at >= 0:
        end = at + len(word)
        if not lowered[at - 1 : at].isalpha() and not lowered[end : end + 1].isalpha():
            yield at
        at = lowered.find(word, end)
