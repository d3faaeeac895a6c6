"""Finds payment cards and bank accounts.

Cards are known by their check digit (Luhn) and an issuer's prefix, IBANs by their check digits,
other accounts by a word beside them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from minions.redaction.detectors.checksums import aba, luhn, mod_97
from minions.redaction.detectors.spans import BREAK, LABEL, Rule, Sensitive, anchored, digits_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from minions.redaction.detectors.spans import View

_GAP = rf"(?:[ .\-]|{BREAK})"
_FOUR = rf"{_GAP}[0-9]{{4}}"
_CARD = re.compile(
    r"[2-6](?<![0-9A-Za-z].)(?<![0-9][.,\-].)"
    r"(?:[0-9]{12,18}|[0-9]{3}"
    rf"(?:{_FOUR}{_FOUR}{_FOUR}(?:{_GAP}[0-9]{{3}})?|{_GAP}[0-9]{{6}}{_GAP}[0-9]{{4,5}}))"
    rf"(?![0-9A-Za-z])"
)
# Prefixes with the lengths that their issuers use (ISO/IEC 7812; the card schemes publish them).
_ISSUERS = re.compile(
    r"4(?:[0-9]{12}|[0-9]{15}|[0-9]{18})"  # Visa
    r"|5[1-5][0-9]{14}"  # Mastercard
    r"|(?:222[1-9]|22[3-9][0-9]|2[3-6][0-9]{2}|27[01][0-9]|2720)[0-9]{12}"  # Mastercard, too
    r"|220[0-4][0-9]{12}"  # Mir
    r"|3[47][0-9]{13}"  # American Express
    r"|3(?:0[0-5]|[689][0-9])[0-9]{11}"  # Diners Club
    r"|35(?:2[89]|[3-8][0-9])[0-9]{12}"  # JCB
    r"|(?:60|62|64|65)[0-9]{14}(?:[0-9]{3})?"  # Discover, UnionPay, RuPay
    r"|(?:50|5[6-8]|67)[0-9]{11,17}"  # Maestro
)
_SPACED_CARD = re.compile(
    rf"(?i:card|kreditkarte|carte|tarjeta|carta|pan){LABEL}"
    rf"(?P<value>[2-6](?:{_GAP}?[0-9]){{12,18}})(?![0-9A-Za-z])"
)
_IBAN = re.compile(r"[0-9](?<=[A-Za-z]{2}.)(?<![A-Za-z0-9]...)[0-9]")
_REST = re.compile(rf"(?:(?:[ \-]|{BREAK})?[A-Za-z0-9]){{11,30}}")
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
_LENGTHS = {
    country: length for length, countries in _COUNTRIES.items() for country in countries.split()
}
_MORE = (
    "AR AU BM BO CA CL CN CO EC HK ID IN JP KE KR KY LK MA MX MY NG NZ PA PE PH SG TH TW US UY VE"
    " VN ZA"
)
_BANKS = {*_LENGTHS, *_MORE.split()}  # countries that a BIC may name
_END = r"(?![0-9A-Za-z/%]|[.,][0-9])"
_ACCOUNT = (
    "account",
    "acct",
    "a/c",
    "konto",
    "kto",
    "rekening",
    "compte",
    "cuenta",
    "conto",
    "clabe",
    "policy",
    "kontonummer",
    "kontonr",
    "rekeningnummer",
)
_WORDS = "|".join(sorted(_ACCOUNT, key=len, reverse=True))
_NUMBER = (
    r"(?:[0-9]{6,20}|[A-Z]{1,4}[0-9]{5,14}"
    r"|(?:[A-Z]{1,4}[ \-]?)?[0-9]{2,10}(?:[ \-][0-9]{1,8}){1,5})"
)
_SHORTEST = 5  # digits of an account
_YEARS = re.compile(r"(?:19|20)[0-9]{2}(?:[ \-](?:19|20)[0-9]{2})+")

_RULES = (
    Rule(
        "ACCOUNT",
        _ACCOUNT,
        re.compile(
            rf"(?i:{_WORDS})s?(?:[ ](?i:bancaire|bancaria|corrente|corriente))?{LABEL}"
            rf"(?P<value>{_NUMBER}){_END}"
        ),
        lambda value: len(digits_of(value)) >= _SHORTEST and not _YEARS.fullmatch(value),
        numeric=True,
    ),
    Rule(
        "ACCOUNT",
        ("routing", "aba", "rtn"),
        re.compile(
            rf"(?i:aba\s)?(?i:routing|aba|rtn)(?:[\s/]{{1,2}}(?i:transit))?{LABEL}"
            rf"(?P<value>[0-9]{{9}}){_END}"
        ),
        aba,
        numeric=True,
    ),
    Rule(
        "ACCOUNT",
        ("sort code", "sort-code", "sortcode"),
        re.compile(
            rf"(?i:sort.?code){LABEL}(?P<value>[0-9]{{2}}[ \-]?[0-9]{{2}}[ \-]?[0-9]{{2}}){_END}"
        ),
    ),
    Rule(
        "ACCOUNT",
        ("blz", "bankleitzahl", "bsb"),
        re.compile(
            rf"(?i:blz|bankleitzahl|bsb){LABEL}"
            rf"(?P<value>[0-9]{{3}}[ \-]?[0-9]{{3}}(?:[ ]?[0-9]{{2}})?){_END}"
        ),
    ),
    Rule(
        "ACCOUNT",
        ("bic", "swift"),
        re.compile(
            rf"(?i:bic|swift)(?:[\s/\-]{{0,2}}\(?(?i:bic|swift|address)\)?)?{LABEL}"
            rf"(?P<value>[A-Z]{{6}}[A-Z0-9]{{2}}(?:[A-Z0-9]{{3}})?){_END}"
        ),
        lambda value: value[4:6] in _BANKS,
    ),
)
_CARDS = (
    Rule(
        "CARD",
        ("card", "kreditkarte", "carte", "tarjeta", "carta", "pan"),
        _SPACED_CARD,
        lambda value: luhn(digits_of(value)),
        numeric=True,
    ),
)


def find(view: View) -> Iterator[Sensitive]:
    """The cards and accounts of a text."""
    for found in _CARD.finditer(view.text):
        digits = digits_of(found[0])
        if _ISSUERS.fullmatch(digits) and luhn(digits):
            yield Sensitive("CARD", *found.span())
    yield from _ibans(view)
    yield from anchored(view, _RULES)
    yield from anchored(view, _CARDS)


def _ibans(view: View) -> Iterator[Sensitive]:
    """The IBANs of a text.

    Right after the word "IBAN" a wrong check digit is taken for a typing error: the number is still
    sensitive.
    """
    for found in _IBAN.finditer(view.text):
        start = found.start() - 2
        country = view.text[start : found.start()].upper()
        length = _LENGTHS.get(country)
        rest = _REST.match(view.text, found.end())
        if not length or not rest:
            continue
        # The end: where so many letters and digits are counted, of which there may be too few.
        end = start
        while length and end < rest.end():
            length -= view.text[end].isalnum()
            end += 1
        if length or view.text[end : end + 1].isalnum():
            continue
        plain = "".join(filter(str.isalnum, view.text[start:end])).upper()
        if mod_97(plain) or "iban" in view.lowered[max(0, start - 8) : start]:
            yield Sensitive("ACCOUNT", start, end)
