"""Telephone numbers: international, North American and national ones, others beside a word.

Figures are the danger, so a number alone must have a form that figures do not take: a plus and a country's code, groups
of three, three and four with hyphens or brackets, or a leading zero with groups that are no date.
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

from minions.redaction.detectors.spans import (
    BREAK,
    FRESH,
    LABEL,
    Rule,
    Sensitive,
    anchored,
    digits_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from minions.redaction.detectors.spans import View

KIND = "PHONE"
_EXTENSION = r"(?:[ ,;]{0,2}(?i:ext|extension|x|durchwahl|dw|poste)\.?[ ]?[0-9]{1,5}(?![0-9]))?"
_SEPARATORS = rf"(?:[ .\-/()]{{0,3}}|{BREAK})"
_INTERNATIONAL = re.compile(
    rf"[+0](?<![0-9A-Za-z.+].)(?<![0-9][, ].)(?:(?<=\+)|0(?=[1-9]))[ (]{{0,2}}"
    rf"(?P<number>[1-9](?:{_SEPARATORS}[0-9]){{6,14}})(?![0-9]){_EXTENSION}"
)
_NORTH_AMERICAN = re.compile(
    rf"[(18](?<![0-9A-Za-z].)(?:(?<!\()[ \-]?\()?[2-9][0-9]{{2}}\)(?:[ \-.]{{0,2}}|{BREAK})"
    rf"[0-9]{{3}}(?:(?:[\-.]|-?{BREAK})[0-9]{{4}}|-[0-9]{{2}}-[0-9]{{2}})"
    rf"(?![0-9]|[.,\-][0-9]){_EXTENSION}"
)
_NO_BRACKETS = re.compile(
    rf"(?:1{FRESH}[ .\-][2-9]|[2-9]{FRESH})[0-9]{{2}}"
    rf"(?:-(?:{BREAK})?[0-9]{{3}}-(?:{BREAK})?|\.[0-9]{{3}}\.|/[0-9]{{3}}-)[0-9]{{4}}(?![0-9]|[.,\-][0-9]){_EXTENSION}"
)
_NATIONAL = re.compile(
    rf"(?:\((?<![0-9A-Za-z].)0(?=[0-9]{{1,5}}\))|0{FRESH}(?<![0-9][ ].))[1-9][0-9]{{0,4}}\)?"
    rf"(?:(?:(?:[ ]?[\-/.][ ]?|[ ]|{BREAK})[0-9]{{1,8}}){{1,5}}|(?<=\))[0-9]{{5,8}})"
    rf"(?![0-9]|[.,\-/][0-9]){_EXTENSION}"
)
_FREE = re.compile(
    rf"1{FRESH}-8(?:00|33|44|55|66|77|88)-[0-9A-Z][0-9A-Z\-]{{5,8}}[0-9A-Z](?![0-9A-Za-z])"
)
_DATE = re.compile(
    r"(?:[0-3]?[0-9][./\-]){1,2}(?:19|20)[0-9]{2}(?![0-9])|(?:19|20)[0-9]{2}[./\-][01]?[0-9](?![0-9])"
)
_YEARS = re.compile(r"[ \-/.]*(?:(?:19|20)[0-9]{2}[ \-/.]*)+")
_GROUPS = re.compile("[0-9]+")
_STRONG = (
    *(
        "tel",
        "phone",
        "ph",
        "fax",
        "telefax",
        "facsimile",
        "hotline",
        "whatsapp",
        "rufnummer",
        "\u96fb\u8a71",
    ),
    *("t\u00e9l", "fernruf", "tfno", "tlf", "telf", "fon"),
)
_WEAK = (
    *(
        "mobile",
        "mobil",
        "cell",
        "handy",
        "portable",
        "m\u00f3vil",
        "movil",
        "cellulare",
        "call",
        "ring",
        "dial",
    ),
    *("bel", "rufen", "appeler"),
)
_BETWEEN = r"(?i:[ ](?:me|us|him|her|them|back|again|toll[ -]free|number|no|at|on|under|unter|au|al|is|the)){0,4}"
_NUMBER = r"(?P<value>\+?\(?[0-9](?:[ .\-/()]{0,2}[0-9]){6,14})(?![0-9%]|[.,][0-9])" + _EXTENSION

_SHORTEST, _LONGEST = 9, 15  # digits with the country's code
_LENGTH_NORTH_AMERICA = 11
_SHORTEST_NATIONAL, _LONGEST_NATIONAL = 10, 12  # with the zero
_PAIRS, _TRIPLES = 5, 4  # groups
_LONGEST_CODE = 3

# Country codes (ITU-T E.164) of two and of three digits; besides them there are 1 and 7.
_TWO = re.findall(
    "..", "2027303132333436394041434445464748495152535455565758606162636465668182848690919293949598"
)
_THREE = re.compile(
    "21[1-8]|22[0-9]|23[0-9]|24[0-9]|25[0-8]|26[0-9]|29[01789]|35[0-9]|37[0-9]|38[0-9]|42[013]|50[0-9]|59[0-9]"
    "|67[02-9]|68[0-35-9]|69[0-2]|800|808|85[02356]|87[08]|88[0-38]|96[0-8]|97[0-79]|99[2-68]"
)


def _plausible(value: str) -> bool:
    """Whether a number beside a word can be one: no years, no row of short figures."""
    row = re.fullmatch(r"[0-9](?:[ ][0-9])+", value)
    return not row and not _YEARS.fullmatch(value) and not _DATE.search(value)


def _marked(value: str) -> bool:
    """Whether a number has a form that plain figures rarely take."""
    marked = value[0] in "+(0" or "-" in value or value.count(".") > 1
    return _plausible(value) and (marked or (value.isdigit() and len(value) >= _SHORTEST_NATIONAL))


_STRONG_WORDS = "|".join(sorted(_STRONG, key=len, reverse=True))
_RULES = (
    Rule(
        KIND,
        _STRONG,
        re.compile(
            rf"(?i:{_STRONG_WORDS})[^\W\d_]{{0,8}}{_BETWEEN}"
            rf"(?=[^0-9]{{0,20}}[:.#+(])[.:]?{LABEL}{_NUMBER}"
        ),
        _plausible,
        numeric=True,
    ),
    Rule(
        KIND,
        (*_STRONG, *_WEAK),
        re.compile(
            rf"[^\W\d_]{{2,10}}\.?(?i:[ ](?:uns|nous|center|centre|office|ufficio|phone)){{0,2}}"
            rf"{_BETWEEN}[.]?{LABEL}{_NUMBER}"
        ),
        _marked,
        numeric=True,
    ),
    Rule(
        KIND,
        _WEAK,
        re.compile(
            rf"[^\W\d_]{{2,10}}(?i:[ ](?:phone|no|number|office|ufficio)){{0,2}}\.?:[ ]{{0,2}}{_NUMBER}"
        ),
        _plausible,
        numeric=True,
    ),
    Rule(
        KIND, ("cellulare",), re.compile(rf"[^\W\d_]{{2,10}}[ ]{_NUMBER}"), _plausible, numeric=True
    ),
)


def find(view: View) -> Iterator[Sensitive]:
    """The telephone numbers of a text."""
    for found in _INTERNATIONAL.finditer(view.text):
        end = _international_end(found)
        if end:
            opened = view.text.startswith("(", found.start() - 1) and found[0].count(")") > found[
                0
            ].count("(")
            yield Sensitive(KIND, found.start() - bool(opened), end)
    for pattern in (_NORTH_AMERICAN, _NO_BRACKETS, _FREE):
        for found in pattern.finditer(view.text):
            yield Sensitive(KIND, *found.span())
    for found in _NATIONAL.finditer(view.text):
        if _national(found[0]):
            yield Sensitive(KIND, *found.span())
    yield from anchored(view, _RULES)


def _international_end(found: re.Match[str]) -> int:
    """Where a number after a plus or ``00`` ends: before a line break, if enough stands there; 0 if it is none."""
    start, end = found.span("number")
    for stop in (end, start + found["number"].rfind("\n")):
        number = found.string[start:stop].rstrip()
        code = _GROUPS.match(number)
        if _international(digits_of(number)) and (
            found[0][0] == "+" or (code and code.end() <= _LONGEST_CODE)
        ):
            return found.end() if stop == end else start + len(number)
    return 0


def _international(digits: str) -> bool:
    """Whether ``digits`` can be a country's code and a number in it (ITU-T E.164: at most fifteen)."""
    if "000000" in digits:
        return False
    if digits.startswith("1"):
        return len(digits) == _LENGTH_NORTH_AMERICA
    known = digits.startswith("7") or digits[:2] in _TWO or _THREE.match(digits)
    return bool(known) and _SHORTEST <= len(digits) <= _LONGEST


def _national(value: str) -> bool:
    """Whether a number with a leading zero can be a telephone number, and no date, time or count."""
    number = re.split("[a-zA-Z]", value)[0]
    groups = _GROUPS.findall(number)
    length = sum(map(len, groups))
    sizes = set(map(len, groups))
    in_pairs = sizes == {2}  # 04 72 11 38 56
    steps = {int(b) - int(a) for a, b in itertools.pairwise(groups)}
    return (
        length <= _LONGEST_NATIONAL
        and (
            length >= _SHORTEST_NATIONAL
            or (length == _SHORTEST_NATIONAL - 1 and ("(" in value or "/" in value))
        )
        and not _DATE.search(number)
        and number.count("/") <= 1
        and ("." not in number or in_pairs)
        and (not in_pairs or (len(groups) == _PAIRS and len(steps) > 1))
        and not (sizes == {3} and len(groups) == _TRIPLES)
    )
