"""Numbers as documents write them: signs, brackets for negatives, thousands separators, scales, percentages."""

from __future__ import annotations

import re
from decimal import Decimal

_SCALES = {
    "thousand": 3,
    "k": 3,
    "million": 6,
    "mn": 6,
    "m": 6,
    "billion": 9,
    "bn": 9,
    "b": 9,
    "trillion": 12,
    "tn": 12,
}
_NUMBER = re.compile(
    r"(?P<bracket>\(\s*)?(?P<sign>[-\u2212+])?\s*(?:[$\u20ac\u00a3\u00a5]|USD|EUR|GBP)?\s*(?P<inner>[-\u2212])?"
    r"(?P<digits>\d{1,3}(?:[,\u00a0\u202f' ]\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)"
    r"(?P<close>\s*\))?\s*(?P<scale>%|(?:thousand|million|billion|trillion|mn|bn|tn|[kmb])\b)?",
    re.IGNORECASE,
)


def parse_number(text: str) -> Decimal | None:
    """The first number in ``text`` with its scale applied ("$4.2 billion" is 4200000000, "(35)" is -35, "7 %" is 7),
    or None.
    """
    match = _NUMBER.search(text)
    if match is None:
        return None
    value = Decimal(re.sub(r"[,\u00a0\u202f' ]", "", match["digits"]))
    scale = (match["scale"] or "").casefold()
    if scale in _SCALES:
        value = value.scaleb(_SCALES[scale])
    in_brackets = match["bracket"] is not None and match["close"] is not None
    negative = in_brackets or match["sign"] in {"-", "\u2212"} or match["inner"] is not None
    return -value if negative else value
