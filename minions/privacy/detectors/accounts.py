"""Payment cards (Luhn and an issuer's prefix) and bank accounts (IBAN by its check digits; others beside a keyword)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from minions.privacy.detectors.spans import BREAK, GAP, Sensitive, digits_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from minions.privacy.detectors.spans import View

_G = rf"(?:[ .\-]|{BREAK})"
_CARD = re.compile(
    rf"[2-6](?<![0-9A-Za-z.,].)(?:[0-9]{{12,18}}|[0-9]{{3}}{_G}(?:[0-9]{{4}}{_G}[0-9]{{4}}{_G}[0-9]{{4}}(?:{_G}[0-9]{{3}})?"
    rf"|[0-9]{{6}}{_G}[0-9]{{4,5}}))(?![0-9A-Za-z])"
)
# Prefix, and the lengths its issuer uses (ISO/IEC 7812 ranges as the card schemes publish them).
_ISSUERS = re.compile(
    r"(?:4(?:[0-9]{12}|[0-9]{15}|[0-9]{18})|5[1-5][0-9]{14}|(?:222[1-9]|22[3-9][0-9]|2[3-6][0-9]{2}|27[01][0-9]|2720)[0-9]{12}"
    r"|220[0-4][0-9]{12}|3[47][0-9]{13}|3(?:0[0-5]|[68][0-9]|9[0-9])[0-9]{11}|35(?:2[89]|[3-8][0-9])[0-9]{12}"
    r"|(?:6011|64[4-9][0-9]|65[0-9]{2}|62[0-9]{2}|60[0-9]{2})[0-9]{12}(?:[0-9]{3})?|(?:50|5[6-8]|67)[0-9]{11,17})"
)
_IBAN = re.compile(r"[0-9]{2}(?<=[A-Z]{2}..)(?<![A-Z0-9]....)", re.IGNORECASE)
_IBAN_REST = re.compile(rf"(?:{GAP}?[A-Z0-9]){{11,30}}", re.IGNORECASE)
# ISO 13616: the length of a country's numbers, and the countries that have it.
_COUNTRIES = {
    15: "NO",
    16: "BE",
    18: "DK FI FO GL NL",
    19: "MK SI",
    20: "AT BA EE KZ LT LU XK",
    21: "CH HR LI LV",
    22: "BG BH CR DE GB GE IE ME RS VA",
    23: "AE GI IL IQ OM SO TL",
    24: "AD CZ ES MD PK RO SA SE SK TN VG",
    25: "LY PT ST",
    26: "IS TR",
    27: "BI DJ FR GR IT MC MR SM",
    28: "AL AZ BY CY DO GT HU LB NI PL",
    29: "BR EG PS QA UA",
    30: "JO KW MU",
    31: "MT SC",
    32: "LC",
    33: "RU",
}
_LENGTHS = {country: length for length, countries in _COUNTRIES.items() for country in countries.split()}


def find(view: View) -> Iterator[Sensitive]:
    """The cards and accounts of a text."""
    for found in _CARD.finditer(view.text):
        digits = digits_of(found[0])
        if _ISSUERS.fullmatch(digits) and luhn(digits):
            yield Sensitive("CARD", *found.span())
    yield from _ibans(view)


def _ibans(view: View) -> Iterator[Sensitive]:
    for head in _IBAN.finditer(view.text):
        start = head.start() - 2
        country = view.text[start : head.start()].upper()
        rest = _IBAN_REST.match(view.text, head.end())
        if country not in _LENGTHS or not rest:
            continue
        missing, place = _LENGTHS[country] - 4, head.end()
        while missing and place < rest.end():
            missing -= view.text[place].isalnum()
            place += 1
        whole = view.text[start:place]
        if not missing and not view.text[place : place + 1].isalnum() and _mod_97(whole):
            yield Sensitive("ACCOUNT", start, place)


def luhn(digits: str) -> bool:
    """Whether the last digit checks the others (ISO/IEC 7812-1, annex B)."""
    doubled = [int(digit) * 2 for digit in digits[-2::-2]]
    return (sum(map(int, digits[-1::-2])) + sum(value - 9 if value > 9 else value for value in doubled)) % 10 == 0  # noqa: PLR2004 - two digits


def _mod_97(iban: str) -> bool:
    """Whether the check digits of an IBAN are right (ISO 13616)."""
    plain = "".join(filter(str.isalnum, iban)).upper()
    return int("".join(str(int(one, 36)) for one in plain[4:] + plain[:4])) % 97 == 1
