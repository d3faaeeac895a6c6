"""Finds telephone numbers: international, North American, national ones, others beside a word.

Plain figures must not be mistaken for them, so a number alone must have a form that figures do not
take: a plus and a country's code, groups of three, three and four with hyphens or brackets, or a
leading zero with groups that are no date.
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
    rf"(?:-(?:{BREAK})?[0-9]{{3}}-(?:{BREAK})?|\.[0-9]{{3}}\.|/[0-9]{{3}}-)[0-9]{{4}}"
    rf"(?![0-9]|[.,\-][0-9]){_EXTENSION}"
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
    r"(?:[0-3]?[0-9][./\-]){1,2}(?:19|20)[0-9]{2}(?![0-9])"
    r"|(?:19|20)[0-9]{2}[./\-][01]?[0-9](?![0-9])"
)
_YEARS = re.compile(r"[ \-/.]*(?:(?:19|20)[0-9]{2}[ \-/.]*)+")
_GROUPS = re.compile("[0-9]+")
_STRONG = (
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
    "t\u00e9l",
    "fernruf",
    "tfno",
    "tlf",
    "telf",
    "fon",
)
_WEAK = (
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
    "bel",
    "rufen",
    "appeler",
)
_BETWEEN = (
    r"(?i:[ ](?:me|us|him|her|them|back|again|toll[ -]free|number|no|at|on|under|unter|au|al|is"
    r"|the)){0,4}"
)
_NUMBER = r"(?P<value>\+?\(?[0-9](?:[ .\-/()]{0,2}[0-9]){6,14})(?![0-9%]|[.,][0-9])" + _EXTENSION

_SHORTEST = 9  # digits with the country's code
_LONGEST = 15  # ITU-T E.164
_LENGTH_NORTH_AMERICA = 11
_SHORTEST_NATIONAL = 10  # digits with the zero
_LONGEST_NATIONAL = 12
_PAIRS = 5  # groups of two digits, as French numbers have them
_TRIPLES = 4  # groups of three digits, as in a table of figures
_LONGEST_CODE = 3

# Country codes (ITU-T E.164) of two and of three digits; those of one digit are 1 and 7.
_TWO = re.findall(
    "..", "2027303132333436394041434445464748495152535455565758606162636465668182848690919293949598"
)
_THREE = re.compile(
    "21[1-8]|22[0-9]|23[0-9]|24[0-9]|25[0-8]|26[0-9]|29[01789]|35[0-9]|37[0-9]|38[0-9]|42[013]"
    "|50[0-9]|59[0-9]"
    "|67[02-9]|68[0-35-9]|69[0-2]|800|808|85[02356]|87[08]|88[0-38]|96[0-8]|97[0-79]|99[2-68]"
)


def _plausible(value: str) -> bool:
    """True if a number beside a word can be a telephone number: no years, no row of digits."""
    row = re.fullmatch(r"[0-9](?:[ ][0-9])+", value)
    return not row and not _YEARS.fullmatch(value) and not _DATE.search(value)


def _marked(value: str) -> bool:
    """True if a number has a form that plain figures rarely take."""
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
            r"[^\W\d_]{2,10}(?i:[ ](?:phone|no|number|office|ufficio)){0,2}\.?:[ ]{0,2}"
            rf"{_NUMBER}"
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
        if not end:
            continue
        start = found.start()
        closes_bracket = found[0].count(")") > found[0].count("(")
        if start and closes_bracket and view.text[start - 1] == "(":
            start -= 1
        yield Sensitive(KIND, start, end)
    for pattern in (_NORTH_AMERICAN, _NO_BRACKETS, _FREE):
        for found in pattern.finditer(view.text):
            yield Sensitive(KIND, *found.span())
    for found in _NATIONAL.finditer(view.text):
        if _national(found[0]):
            yield Sensitive(KIND, *found.span())
    yield from anchored(view, _RULES)


def _international_end(found: re.Match[str]) -> int:
    """The end of a number after a plus or ``00``; 0 if it is no telephone number.

    If the whole is not one, the part before its last line break is tried.
    """
    start, end = found.span("number")
    for stop in (end, start + found["number"].rfind("\n")):
        number = found.string[start:stop].rstrip()
        code = _GROUPS.match(number)
        short_code = code is not None and code.end() <= _LONGEST_CODE
        if found[0][0] != "+" and not short_code:
            continue
        if not _has_country_code(digits_of(number)):
            continue
        if stop == end:
            return found.end()
        return start + len(number)
    return 0


def _has_country_code(digits: str) -> bool:
    """True if ``digits`` can be a country's code and a number in it (ITU-T E.164)."""
    if "000000" in digits:
        return False
    if digits.startswith("1"):
        return len(digits) == _LENGTH_NORTH_AMERICA
    known = digits.startswith("7") or digits[:2] in _TWO or _THREE.match(digits)
    return bool(known) and _SHORTEST <= len(digits) <= _LONGEST


def _national(value: str) -> bool:
    """True if a number with a leading zero can be a telephone number, not a date or a count."""
    number = re.split("[a-zA-Z]", value)[0]
    groups = _GROUPS.findall(number)
    sizes = [len(group) for group in groups]
    shortest = _SHORTEST_NATIONAL
    if "(" in value or "/" in value:
        shortest -= 1
    if not shortest <= sum(sizes) <= _LONGEST_NATIONAL:
        return False
    if _DATE.search(number) or number.count("/") > 1:
        return False
    if set(sizes) == {2}:
        # 04 72 11 38 56 is a number, 02 04 06 08 10 is a count.
        steps = {int(after) - int(before) for before, after in itertools.pairwise(groups)}
        return len(groups) == _PAIRS and len(steps) > 1
    in_triples = set(sizes) == {3} and len(groups) == _TRIPLES
    return "." not in number and not in_triples
