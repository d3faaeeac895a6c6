"""Finds national ids.

Those with check digits or a strict form are found wherever they stand, others beside a word that
names them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from minions.redaction.detectors import checksums
from minions.redaction.detectors.spans import (
    FRESH,
    LABEL,
    Rule,
    Sensitive,
    anchored,
    digits_of,
    near,
    shape,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from minions.redaction.detectors.spans import View

KIND = "ID"
_REACH = 120  # characters between a number and the word for it, on the cover of a filing
_END = r"(?![0-9A-Za-z]|[.,\-/][0-9])"
_FEWEST_DIGITS = 4  # of the number of a passport or licence


class _Form(NamedTuple):
    """A number that is known by its form.

    ``accepts`` checks the number. One of the ``words``, if there are any, must stand near it.
    """

    pattern: re.Pattern[str]
    accepts: Callable[[str], bool] = bool
    words: tuple[str, ...] = ()


def _form(picture: str, check: Callable[[str], bool] = bool, words: tuple[str, ...] = ()) -> _Form:
    """The form of a ``picture``, see `shape`; ``check`` is given the value's letters and digits."""
    return _Form(re.compile(shape(picture) + _END), _checked(check), words)


def _checked(check: Callable[[str], bool]) -> Callable[[str], bool]:
    return lambda value: check("".join(filter(str.isalnum, value)).upper())


_SOCIAL_SECURITY = (
    "social security",
    "ssn",
    "itin",
    "taxpayer id",
    "ss#",
    "ss no",
    "soc. sec",
    "soc sec",
)
_EMPLOYER = ("employer", "ein ", "ein:", "taxpayer", "tax id", "fein", "i.r.s")
_DIGITS = re.compile(rf"[0-9]{FRESH}(?=(?:[ ]?[0-9.\-]){{6}})")
_NUMERIC = (
    _form("999-99-9999", checksums.ssn),
    _form("999_99_9999", checksums.ssn, _SOCIAL_SECURITY),
    _form("99-9999999", words=_EMPLOYER),
    _form("9_99_99_99_999_999_99", checksums.nir),
    _form("9_99_99_9A_999_999_99", checksums.nir),
    _form("99999999~A", checksums.dni),
    _form("99.999.999~A", checksums.dni),
    _form("99999999999", checksums.pesel),
    _form("99999999999", checksums.cpf, ("cpf",)),
    _form("999.999.999-99", checksums.cpf),
    _form("756.9999.9999.99", checksums.ean),
    _form("7569999999999", checksums.ean),
)
_CAPITALS = re.compile(r"[A-Z](?<![0-9A-Za-z].)(?=[A-Z0-9 \-]{7})")
_LETTERED = (
    _form("AA_99_99_99_A", checksums.nino),
    _form("A~9999999~A", checksums.nie),
    _form("AAAAAA_99A99_A999A", checksums.fiscal_code),
)

_WORD = r"[^\W\d_]{2,20}"
_MORE = (
    "s|de|di|license|licence|conduire|conducir|guida|record|id|card|security|insurance"
    "|identit\u00e9|nr"
)
_YEARS = re.compile(r"(?:19|20)[0-9]{2}(?:[ \-](?:19|20)?[0-9]{2})+")
_DOCUMENTS = (
    "passport",
    "reisepass",
    "passnummer",
    "passeport",
    "pasaporte",
    "passaporto",
    "paspoort",
    "personalausweis",
    "driver's license",
    "driver\u2019s license",
    "drivers license",
    "driver license",
    "driving licence",
    "driver's licence",
    "driving license",
    "f\u00fchrerschein",
    "permis de conduire",
    "licencia de conducir",
    "patente di guida",
    "rijbewijs",
    "identity card",
    "carte d'identit\u00e9",
    "ausweisnummer",
    "id card",
    "national id",
    "mrn",
    "medical record",
    "patient id",
    "health insurance",
    "versichertennummer",
    "medicare",
    "dl:",
    "dl#",
    "dl no",
)


def _beside(
    words: tuple[str, ...], named: str, picture: str, check: Callable[[str], bool] = bool
) -> Rule:
    """A number of the form ``picture`` right after one of the words.

    ``named`` is a pattern of the whole name that the word is a part of.
    """
    pattern = re.compile(rf"(?i:{named}){LABEL}(?P<value>(?i:{shape(picture)})){_END}")
    return Rule(KIND, words, pattern, _checked(check), numeric=True)


_RULES = (
    Rule(
        KIND,
        _DOCUMENTS,
        re.compile(
            rf"{_WORD}(?:[ '\u2019\-]{{1,2}}(?i:{_MORE})\b){{0,3}}{LABEL}"
            r"(?P<value>[A-Z]{0,3}[ \-]?[0-9][0-9A-Z]{1,4}(?:[ \-]?[0-9A-Z]{2,8}){1,3})"
            rf"{_END}"
        ),
        lambda value: len(digits_of(value)) >= _FEWEST_DIGITS and not _YEARS.fullmatch(value),
        numeric=True,
    ),
    _beside(
        ("steuer", "identifikationsnummer", "idnr", "tin", "tax"),
        r"steuer(?:liche)?[ \-]?[\w.\-]{0,28}|identifikationsnummer|idnr|tin"
        r"|tax[ \-]id(?:entification)?",
        "99_999_999_999",
        checksums.tax_id,
    ),
    _beside(
        ("national insurance", "nino", "ni no"),
        r"national insurance|nino|ni",
        "AA_99_99_99_A",
        checksums.nino,
    ),
    _beside(
        ("codice fiscale", "cod. fisc", "c.f."),
        r"codice fiscale|cod\. fisc|c\.f",
        "AAAAAA_99A99_A999A",
        checksums.fiscal_code,
    ),
    _beside(
        ("alien", "a#", "a-number", "uscis"),
        r"alien(?: registration)?|a#|a-number|uscis",
        "A999~999~999",
    ),
    _beside(("sozialvers", "rentenvers", "sv-nummer"), rf"{_WORD}(?:-nummer)?", "99_999999_A_999"),
    _beside(("bsn", "burgerservicenummer", "sofinummer"), _WORD, "999~999~999", checksums.bsn),
    _beside(("bsn", "burgerservicenummer", "sofinummer"), _WORD, "9999.99.999", checksums.bsn),
    _beside(("pan", "permanent account"), "pan|permanent account", "AAAAA9999A"),
    _beside(("aadhaar", "aadhar", "uid"), _WORD, "9999~9999~9999", checksums.verhoeff),
    _beside(("nhs",), "nhs", "999~999~9999", checksums.nhs),
    _beside(("sin", "social insurance"), "sin|social insurance", "999~999~999", checksums.luhn),
)


def find(view: View) -> Iterator[Sensitive]:
    """The national ids of a text."""
    for starts, forms in ((_DIGITS, _NUMERIC), (_CAPITALS, _LETTERED)):
        for start in starts.finditer(view.text):
            for form in forms:
                found = form.pattern.match(view.text, start.start())
                if not found or not form.accepts(found[0]):
                    continue
                if form.words and not near(view, *found.span(), form.words, _REACH):
                    continue
                yield Sensitive(KIND, *found.span())
    yield from anchored(view, _RULES)
