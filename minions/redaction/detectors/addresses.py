"""Finds postal addresses and post boxes.

The forms are American, British, Canadian, Australian, German, Dutch, French, Italian and Spanish.
An address needs a house number and a word for a street; where that word has other uses, a town and
postcode as well. Addresses of machines (IP) are left alone: versions and section numbers look like
them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from minions.redaction.detectors.spans import FRESH, Sensitive

if TYPE_CHECKING:
    from collections.abc import Iterator

    from minions.redaction.detectors.spans import View

KIND = "ADDRESS"


class _Form(NamedTuple):
    """A way to write an address.

    Before the ``pattern`` is tried, the text must hold one of the ``words``, in lower case, and
    match ``tells``, a part of every such address that is quickly found.
    """

    words: tuple[str, ...]
    pattern: re.Pattern[str]
    tells: re.Pattern[str] | None = None


_COMMA = r"(?:,?[ ]{0,2}\n[ ]{0,3}|,[ ]{0,2})"
_UPPER = "A-Z\u00c0-\u00de"
_NAME = rf"[{_UPPER}][\w.'\u2019\-]{{0,30}}"
_CITY = rf"{_NAME}(?:[ \-]{_NAME}){{0,2}}"
_HOUSE = (
    r"(?!(?:19|20)[0-9]{2}(?![0-9]))"
    r"[0-9]{1,4}(?:[ ]?[a-zA-Z])?(?:[\-/][0-9]{1,4}[a-z]?)?(?![0-9A-Za-z%]|[.,][0-9])"
)
_TOWN = (
    r"(?:[A-Z]{1,2}-)?(?!(?:19|20)[0-9]{2}[ ])(?:[0-9]{4,5}|[0-9]{3}[ ][0-9]{2})"
    r"(?:[ ]?[A-Z]{2}(?=[ ]))?"
    rf"[ ]{{1,2}}{_CITY}"
)

_CODES = (
    "A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|P[AR]|RI|S[CD]"
    "|T[NX]|UT|V[AT]"
    "|W[AIVY]"
)
_STATES = rf"(?:{_CODES}|(?:New |North |South |West |Rhode )?[A-Z][a-z]{{3,12}}|D\.C\.)"
_ZIP = r"[0-9]{5}(?:-[0-9]{4})?(?![0-9])"
_POSTCODE = (
    r"(?:[A-Z]{1,2}[0-9][0-9A-Z]?[ ]{1,2}[0-9][A-Z]{2}|[A-Z][0-9][A-Z][ ][0-9][A-Z][0-9])"
    r"(?![0-9A-Za-z])"
)
_AUSTRALIA = r"(?:NSW|VIC|QLD|SA|WA|TAS|ACT|NT)[ ][0-9]{4}(?![0-9])"
_UNIT = (
    rf"(?:{_COMMA}|[ ])(?:(?:Suite|Ste|Floor|Fl|Apt|Apartment|Unit|Room|Building|Bldg|#)\.?[ ]?#?"
    r"[0-9A-Z][\w\-]{0,5}"
    r"|[0-9]{1,2}(?:st|nd|rd|th)[ ][Ff]loor)"
)
_PLACED = (
    rf"(?:(?:(?:{_COMMA}|[ ]){_CITY}){{0,2}}(?:{_COMMA}|[ ]{{1,2}})"
    rf"(?:{_STATES},?[ ]{{1,2}}{_ZIP}|(?:{_STATES}[ ])?{_POSTCODE}|{_AUSTRALIA})"
    rf"|{_COMMA}{_CITY},[ ](?:{_CODES})\b)"
)
_STREETS = (
    "Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Parkway|Pkwy|Highway|Hwy|Turnpike|Terrace"
    "|Crescent|Mews"
    "|Embankment|Wharf"
)
_PLACES = (
    "Drive|Dr|Court|Ct|Place|Pl|Square|Sq|Way|Circle|Plaza|Park|Gardens|Row|Hill|Alley|Quay|Walk"
    "|Green|Broadway|Close"
    "|Center|Centre|Trail|Loop|Run|Point"
)
_ENGLISH = re.compile(
    rf"[0-9]{FRESH}[0-9]{{0,4}}(?:-[0-9]{{1,5}})?[A-Za-z]?[ ]"
    r"(?:(?P<broadway>Broadway)|(?:[NSEW]{1,2}\.?[ ])?"
    rf"(?:(?:{_NAME}|[0-9]{{1,3}}(?:st|nd|rd|th)|of|the)[ ]){{1,4}}?"
    rf"(?:(?:{_STREETS})|(?P<place>{_PLACES})))\b\.?"
    rf"(?:[ ](?:{_STREETS}|North|South|East|West|[NSEW]{{1,2}})\b\.?)?"
    rf"(?P<tail>(?:{_UNIT}){{0,2}}(?:{_PLACED})?)"
)
_IN_YEAR = re.compile(r"(?:1[5-9]|20)[0-9]{2}[ ]")
_BEFORE_YEAR = re.compile(r"\b(?i:in|since|by|until|during|from|of|and|to|for|year|through)[ ]$")
_UNIT_BEFORE = re.compile(
    r"\b(?:Flat|Apartment|Apt|Unit|Suite|Level|Floor|Room)\.?[ ][0-9A-Z]{1,5}(?:,[ ]|/)$"
)
_BEFORE = 24  # characters: a word, or a flat

_PARTICLE = (
    r"(?:d[eu]s?|la|le|les|del|della|delle|dei|degli|di|d['\u2019]|l['\u2019]|el|los|las|y|et|e)"
)
_LATIN = rf"(?:{_PARTICLE}[ ]?){{0,2}}{_NAME}(?:[ ](?:{_PARTICLE}[ ]){{0,2}}{_NAME}){{0,3}}"
_PRE = r"(?:Am|An|Im|In|Zum|Zur|Auf|Unter|Bei)(?:[ ](?:der|den|dem))?"
_WEAK = (
    "weg|ring|platz|damm|ufer|hof|markt|berg|steig|garten|straat|laan|plein|gracht|kade|dijk|singel"
)
_START = rf"[{_UPPER}](?<![\w\-].)"
_NUMBER = rf"[0-9]{FRESH}[0-9]{{0,3}}"
_HOUSE_AND_TOWN = re.compile(rf"[0-9][ ]?[a-zA-Z]?(?:,|,?[ ]{{0,2}}\n)[ ]{{0,3}}{_TOWN}")
_STATE_AND_ZIP = re.compile(r",[ ][A-Z]{2}[ ]{1,2}[0-9]{5}")
_FORMS = (
    _Form(
        (
            "stra\u00dfe",
            "strasse",
            "str.",
            "allee",
            "gasse",
            "chaussee",
            "straat",
            "gracht",
            "gatan",
            "v\u00e4gen",
        ),
        re.compile(
            rf"{_START}[\w.\-]{{0,30}}?(?:"
            r"(?i:stra(?:\u00df|ss)e|str\.|allee|gasse|chaussee|straat|gracht|gatan|v\u00e4gen)"
            rf"|[ \-](?:Stra(?:\u00df|ss)e|Allee|Str\.))[ ]{_HOUSE}(?:{_COMMA}{_TOWN})?"
        ),
    ),
    _Form(
        tuple(_WEAK.split("|")),
        re.compile(rf"{_START}[\w.\-]{{1,30}}?(?:{_WEAK})[ ]{_HOUSE}{_COMMA}{_TOWN}"),
        _HOUSE_AND_TOWN,
    ),
    _Form(
        ("am ", "an ", "im ", "in ", "zum ", "zur ", "auf ", "unter ", "bei "),
        re.compile(rf"(?<!\w)(?=[AIZUB]){_PRE}[ ]{_CITY}[ ]{_HOUSE}{_COMMA}{_TOWN}"),
        _HOUSE_AND_TOWN,
    ),
    _Form(
        ("rue", "avenue", "boulevard", "bd ", "impasse", "quai", "all\u00e9e", "chemin"),
        re.compile(
            rf"{_NUMBER}(?:[ ]?(?:bis|ter|quater)\b|[ ]?[A-D]\b)?,?[ ]"
            r"(?:[Rr]ue|[Aa]venue|[Bb]oulevard|[Bb]d|[Ii]mpasse|[Qq]uai|[Aa]ll\u00e9es?"
            rf"|[Cc]hemin)[ ]{_LATIN}"
            rf"(?:{_COMMA}{_TOWN})?"
        ),
    ),
    _Form(
        ("place", "route", "cours", "square", "passage"),
        re.compile(
            rf"{_NUMBER}(?:[ ]?(?:bis|ter))?,?[ ]"
            rf"(?:[Pp]lace|[Rr]oute|[Cc]ours|[Ss]quare|[Pp]assage)[ ]{_LATIN}"
            rf"{_COMMA}{_TOWN}"
        ),
    ),
    _Form(
        (
            "viale",
            "piazza",
            "corso",
            "vicolo",
            "largo",
            "calle",
            "c/",
            "avda",
            "avenida",
            "plaza",
            "paseo",
            "carrer",
            "rua",
        ),
        re.compile(
            r"[VPCALR](?<!\w.)(?:iale|iazza(?:le)?|orso|icolo|argo|alle|/|vda\.?|venida|laza|aseo"
            rf"|arrer|ua)[ ]{_LATIN}"
            rf"(?:,[ ]?|[ ])(?:n\.?[o\u00b0]?[ ]?)?{_HOUSE}"
            rf"(?:(?:,[ ]?[0-9]{{1,2}}[oa\u00b0]?[ ]?[A-Z]?)?{_COMMA}{_TOWN})?"
        ),
    ),
    _Form(
        ("via ",),
        re.compile(
            rf"V(?<!\w.)ia[ ]{_LATIN}"
            rf"(?:,[ ]?(?:n\.?[ ]?)?{_HOUSE}(?:{_COMMA}{_TOWN})?"
            rf"|[ ]{_HOUSE}{_COMMA}(?:{_TOWN}|{_NAME}))"
        ),
    ),
    _Form(
        ("box", "postfach", "postbus"),
        re.compile(
            r"P(?<!\w.)(?:\.?[ ]?O\.?[ ]?Box|ost(?:fach|bus)|ost Office Box)[ ][0-9]"
            r"(?:[ ]?[0-9]){0,8}"
            rf"(?:{_COMMA}(?:{_CITY}{_COMMA}(?:{_STATES}),?[ ]{{1,2}}{_ZIP}|{_TOWN}))?"
        ),
    ),
    _Form(
        ("one ", "two ", "three ", "four ", "five ", "ten "),
        re.compile(
            rf"[OTF](?<!\w.)(?:ne|wo|hree|our|ive|en)[ ](?:{_NAME}[ ]){{1,3}}?"
            rf"(?:{_STREETS}|{_PLACES})\b"
            rf"(?:{_UNIT}){{0,2}}{_PLACED}"
        ),
    ),
    _Form(
        ("rr ", "rural route "),
        re.compile(
            rf"R(?<!\w.)(?:R|ural Route)[ ][0-9]{{1,3}},?[ ]Box[ ][0-9]{{1,5}}(?:{_PLACED})?"
        ),
    ),
    _Form(
        (",",),
        re.compile(
            rf"[A-Z](?<!\w.)[a-z]{{2,15}}(?:[ ][A-Z][a-z]{{2,15}}){{0,2}},[ ](?:{_CODES})"
            rf"[ ]{{1,2}}{_ZIP}"
        ),
        _STATE_AND_ZIP,
    ),
)


def find(view: View) -> Iterator[Sensitive]:
    """The postal addresses of a text."""
    for found in _ENGLISH.finditer(view.text):
        start = found.start()
        before = view.text[max(0, start - _BEFORE) : start]
        # "In 2012 Green Park ..." has a year, and "3 Point" no street: these need a town as well.
        has_year = _IN_YEAR.match(found[0]) and _BEFORE_YEAR.search(before)
        is_weak = found["place"] or found["broadway"] or has_year
        if is_weak and not found["tail"]:
            continue
        unit = _UNIT_BEFORE.search(before)
        if unit:
            start -= len(unit[0])
        yield Sensitive(KIND, start, found.end())
    # Each part is searched for once, though several forms need it.
    found_parts: set[re.Pattern[str] | None] = {None}
    for part in (_HOUSE_AND_TOWN, _STATE_AND_ZIP):
        if part.search(view.text):
            found_parts.add(part)
    for form in _FORMS:
        if form.tells not in found_parts:
            continue
        if any(word in view.lowered for word in form.words):
            for found in form.pattern.finditer(view.text):
                yield Sensitive(KIND, *found.span())
