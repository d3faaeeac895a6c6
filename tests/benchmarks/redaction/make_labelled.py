"""Writes the labelled set of sensitive values: ``python tests/benchmarks/redaction/make_labelled.py``.

Nobody's data: hosts are example domains, numbers are drawn by a seed and given right check digits by code of its own.
Development snippets are filled from ``templates.txt``, others stand written by hand in ``wild.txt`` (development),
``heldout.txt`` and ``people.txt``.
"""

from __future__ import annotations

import json
import random
import re
import string
from pathlib import Path

from tests.benchmarks.redaction.check_digits import filled, iban_digits, luhn_digit

FOLDER = Path(__file__).parent
SEED = 20261124
WITH_VALUES, WITHOUT = 3, 6  # times a template is filled

_MARK = re.compile(
    r"\{\{(?P<kind>[A-Z]+)(?::(?P<check>[a-z]+))?\|(?P<value>.*?)\}\}(?!\})", re.DOTALL
)
_SLOT = re.compile(r"<(?P<name>[a-z]+(?:\.[a-z0-9_]+)?)>")
_ALPHABET = string.ascii_letters + string.digits
_COUNTRIES = {
    "DE": 18,
    "GB": 0,
    "NL": 0,
    "AT": 16,
    "ES": 20,
    "FR": 0,
    "PL": 24,
    "BE": 12,
    "CH": 17,
    "IT": 0,
}


# ---- generated values


class Maker:
    """Draws values. A method's name is the kind, its argument the form."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - samples, not secrets

    def number(self, length: int, first: str = string.digits) -> str:
        return self.chance.choice(first) + "".join(self.chance.choices(string.digits, k=length - 1))

    def letters(self, length: int, alphabet: str = string.ascii_uppercase) -> str:
        return "".join(self.chance.choices(alphabet, k=length))

    def shaped(self, *shapes: str) -> str:
        """One of ``shapes``: ``#`` is a digit, ``%`` one from two on, ``^`` a capital."""
        draw = {"#": string.digits, "%": "23456789", "^": string.ascii_uppercase}
        return "".join(self.chance.choice(draw.get(one, one)) for one in self.chance.choice(shapes))

    def date(self) -> str:
        year, month, day = (
            self.chance.randint(1985, 2029),
            self.chance.randint(1, 12),
            self.chance.randint(1, 28),
        )
        name = [
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December",
        ][month - 1]
        return self.chance.choice(
            [
                f"{year}-{month:02}-{day:02}",
                f"{month:02}/{day:02}/{year}",
                f"{day} {name} {year}",
                f"{name} {day}, {year}",
            ]
        )

    def value(self, name: str) -> str:
        kind, _, form = name.partition(".")
        drawn: str = getattr(self, f"make_{kind}")(form)
        return drawn

    def make_email(self, form: str) -> str:
        first = self.chance.choice(
            ["ana", "tom.berg", "j_miller", "o.kaya", "li-wei", "sales+eu", "m.o'brien", "k2.novak"]
        )
        host = self.chance.choice(
            [
                "example.com",
                "mail.example.org",
                "amt-beispiel.de",
                "example.co.uk",
                "ejemplo.es",
                "uni.example.edu",
            ]
        )
        if form == "spelt":
            left, right = self.chance.choice([("[", "]"), ("(", ")")])
            first = first.replace("+", ".").replace("'", "")
            return (
                f"{first} {left}at{right} {host}"
                if self.chance.random() < 0.5
                else f"{first} {left}at{right} " + host.replace(".", f" {left}dot{right} ")
            )
        if form == "idn":
            return self.chance.choice(
                [
                    "büro@bäckerei-beispiel.de",
                    "françois@exemple-été.fr",
                    "info@xn--bcker-gra.example",
                ]
            )
        if form == "hidden":
            return "\u200b".join((first[:2], first[2:])) + "@" + host.replace(".", "\u200d.", 1)
        return f"{first}@{host}"

    def make_phone(self, form: str) -> str:
        shapes = {
            "us": (
                "(%5#) %55-####",
                "%5#-%55-####",
                "+1 %5# %55 ####",
                "1-%5#-%55-####",
                "(%5#)%55-####",
            ),
            "us_dots": ("%5#.%55.####",),
            "us_ext": (
                "(%5#) %55-#### ext. ###",
                "%5#-%55-#### x##",
                "%5#-%55-####, extension ####",
            ),
            "uk": (
                "020 7#46 0###",
                "07700 #00 ###",
                "07700 #00###",
                "+44 20 7#46 0###",
                "(0113) 4#6 0###",
                "0113 4#6 0###",
            ),
            "de": (
                "030 %######",
                "(089) %######",
                "0171/%######",
                "0221 %#####-##",
                "0711-%#####-0",
                "0151 %#######",
            ),
            "de_intl": (
                "+49 30 %######",
                "+49 (0)%# %#####-##",
                "0049 221 %#####",
                "+49-711-%######",
            ),
            "fr": (
                "01 %# ## #2 #7",
                "04.%#.##.#3.#1",
                "06 %# ## #% #6",
                "+33 1 %# ## #4 #%",
                "+33 (0)6 %# ## ## #1",
            ),
            "it": ("06 %### ####", "+39 02 %### ####", "02 %#######", "+39 347 %## ####"),
            "es": ("+34 612 %## ###", "912 %## ###", "612 %# ## ##", "+34 91 %## ## ##"),
            "nl": (
                "020-%######",
                "06-%#######",
                "+31 20 %## ####",
                "06 %#######",
                "(070) %## ## ##",
            ),
            "intl": (
                "+90 212 %## ## ##",
                "+48 22 %## ## ##",
                "+81 3-%###-####",
                "+91 9%%## #####",
                "+55 11 #%###-####",
                "+61 2 %### ####",
            ),
            "intl_nbsp": ("+49\u00a030\u00a0%######", "+33\u20111\u2011%#\u2011##\u2011#2\u2011#7"),
        }
        return self.shaped(*shapes[form])

    def make_account(self, form: str) -> str:
        if form == "plain":
            return self.shaped(
                "%#######", "%#########", "00%#######", "%##-######-%", "%### %### ##"
            )
        if form == "aba":
            return self._aba()
        if form == "sort":
            return self.shaped("%#-##-#%", "%####%", "%# ## #%")
        if form == "bic":
            return self.chance.choice(
                ["DEUTDEFF500", "BNPAFRPP", "INGBNL2A", "GENODEM1GLS", "BARCGB22", "CHASUS33XXX"]
            )
        country = self.chance.choice(list(_COUNTRIES))
        bank = {"GB": "MIDL", "NL": "RABO", "IT": "X", "FR": ""}.get(country, "")
        length = {"GB": 14, "NL": 10, "IT": 22, "FR": 23}.get(country, _COUNTRIES[country])
        account = bank + self.number(length)
        whole = country + iban_digits(country, account) + account
        spaced = " ".join(whole[place : place + 4] for place in range(0, len(whole), 4))
        return {
            "iban": whole,
            "iban_spaced": spaced,
            "iban_hidden": spaced.replace(" ", "\u00a0", 2),
        }[form]

    def _aba(self) -> str:
        body = "0" + self.number(7, "1234")
        total = sum(int(digit) * weight for digit, weight in zip(body, (3, 7, 1) * 3, strict=False))
        return body + str(-total % 10)

    def make_card(self, form: str) -> str:
        prefix, length = self.chance.choice(
            [("4", 16), ("52", 16), ("2345", 16), ("6011", 16), ("3542", 16)]
        )
        body = prefix + self.number(length - len(prefix) - 1)
        card = body + luhn_digit(body)
        groups = [card[place : place + 4] for place in range(0, len(card), 4)]
        if form == "broken":
            return (
                " ".join(groups[:2])
                + self.chance.choice([" / ", "\n", " \n"])
                + " ".join(groups[2:])
            )
        if form == "wide":
            return "".join(chr(ord(digit) + 0xFEE0) for digit in card)
        if not form and self.chance.random() < 0.3:
            body = self.chance.choice(["34", "37"]) + self.number(12)
            return body + luhn_digit(body)
        return {"spaced": " ", "hyphens": "-", "": ""}[form].join(groups)

    def make_id(self, form: str) -> str:
        shapes = {
            "ssn": ("1%#-%#-%###", "4%#-4#-%###", "5%#-1#-%###"),
            "itin": ("9##-7%-%###", "9##-82-%###"),
            "ein": ("%#-%######",),
            "nino": ("CE %# ## #% A", "JG%####%B", "AB %# ## #% C"),
            "mrn": ("00%###%", "%######%", "^%#####%"),
            "passport": ("%%######%", "C01X%T4%#", "^B%#####%", "X%#####%"),
            "licence": ("B072RRE2I55", "^%##-%###-%##%", "RT%####%", "%######%"),
            "pan": ("^BCPK%###Z", "ZXCPD%##%^"),
        }
        if form in shapes:
            return self.shaped(*shapes[form])
        made = {
            "nir": lambda: filled(
                "nir", self.shaped("1 %# 0", "2 7# 0", "2 ## 0") + self.shaped("% 35 %## %## ??")
            ),
            "dni": lambda: filled("dni", self.shaped("%######%?", "%######%-?")),
            "nie": lambda: filled("nie", self.chance.choice("XYZ") + self.shaped("%#####%?")),
            "cf": lambda: filled("cf", self.shaped("^^^^^^%#^4#F%##?", "^^^^^^%#T1#L%##?")),
            "steuerid": lambda: filled("steuerid", self.shaped("%# ##% ##% ##?", "%###%##%##?")),
            "pesel": lambda: filled(
                "pesel",
                self.shaped("%#") + "08" + self.shaped("1") + self.shaped("#%####")[:5] + "?",
            ),
            "cpf": lambda: filled("cpf", self.shaped("%##.##%.##%-??")),
            "aadhaar": lambda: filled("aadhaar", self.shaped("%##% ##%# #%#?", "%##%##%##%#?")),
            "ahv": lambda: filled("ean", self.shaped("756.%##%.##%#.#?")),
        }
        if form in made:
            return made[form]()
        check, shape = {"nhs": ("nhs", "%## ##% ##%?"), "bsn": ("bsn", "%###%###?")}[form]
        while True:
            try:
                return filled(check, self.shaped(shape))
            except ValueError:  # this number has no check digit: it would be ten
                continue

    def make_address(self, form: str) -> str:
        pick, house = self.chance.choice, self.chance.randint(1, 180)
        road = pick(
            [
                "Maple",
                "N. Harbor",
                "Old Mill",
                "Washington",
                "Third",
                "East Lake",
                "Martin Luther King Jr.",
            ]
        )
        plain = f"{self.chance.randint(1, 9899)} {road} {pick(['Street', 'Avenue', 'Road', 'Blvd.', 'Lane', 'Parkway'])}"  # noqa: E501 - a string as it is
        unit = pick(["", "", ", Suite 200", ", Apt. 4C", ", 3rd Floor"])
        town = pick(
            ["Springfield, IL", "Austin, TX", "Portland, Oregon", "New Haven, CT", "St. Paul, MN"]
        )
        british = (
            f"{pick(['Church', 'Victoria', 'Mill'])} {pick(['Road', 'Lane', 'Street', 'Close'])}"
        )
        german = pick(
            [
                "Hauptstraße",
                "Goethestr.",
                "Lindenallee",
                "Bahnhofstraße",
                "Schillergasse",
                "Kölner Straße",
            ]
        )
        french = pick(
            ["rue de la Paix", "avenue Victor Hugo", "boulevard Saint-Michel", "quai de Seine"]
        )
        spanish = pick(["Calle Mayor", "Calle de la Luna", "Avenida de América", "Paseo del Prado"])
        italian = pick(
            ["Via Roma", "Corso Vittorio Emanuele", "Piazza San Marco", "Viale dei Mille"]
        )
        dutch = pick(["Kerkstraat", "Keizersgracht", "Stationsweg", "Vondellaan"])
        return {
            "us": f"{plain}{unit}, {town} {self.number(5)}",
            "us_plain": plain,
            "uk": f"{house} {british}, {pick(['Leeds LS1 4AP', 'London SE10 9NF', 'Bristol BS8 1TH'])}",
            "de": f"{german} {house}{pick(['', 'a'])}, {self.shaped('%####')} {pick(['Berlin', 'Bad Orb'])}",
            "de_plain": f"{german} {house}",
            "fr": f"{house}{pick(['', ' bis'])}{pick(['', ','])} {french}, 75{self.number(3)} Paris",
            "fr_plain": f"{house} {french}",
            "es": f"{spanish}{pick([' ', ', ', ' nº '])}{house}, 28{self.number(3)} Madrid",
            "it": f"{italian}{pick([' ', ', '])}{house}, {self.shaped('%01##')} {pick(['Milano', 'Torino'])}",
            "nl": f"{dutch} {house}, {self.shaped('%###')} {self.letters(2)} {pick(['Utrecht', 'Den Haag'])}",
            "pobox": f"{pick(['P.O. Box', 'PO Box'])} {self.number(4, '123456789')}, {town} {self.number(5)}",
        }[form]

    def make_secret(self, form: str) -> str:
        def body(length: int, alphabet: str = _ALPHABET) -> str:
            return self.letters(length, alphabet)

        url, user = _ALPHABET + "_-", self.chance.choice(["app", "svc_user", "root"])
        return {
            "aws": "AKIA" + body(16, string.ascii_uppercase + "234567"),
            "aws_secret": body(40, _ALPHABET + "+/"),
            "github": self.chance.choice(["ghp_", "gho_", "ghs_"]) + body(36),
            "gitlab": "glpat-" + body(20),
            "slack": f"xoxb-{self.number(12)}-{self.number(12)}-{body(24)}",
            "stripe": self.chance.choice(["sk_live_", "rk_live_", "sk_test_"]) + body(28),
            "openai": self.chance.choice(["sk-", "sk-proj-", "sk-ant-api03-"]) + body(46),
            "npm": "npm_" + body(36),
            "random": body(self.chance.choice([24, 32, 43])),
            "basic": body(28) + "==",
            "jwt": f"eyJ{body(20, url)}.eyJ{body(40, url)}.{body(43)}",
            "login": f"{user}:{body(12)}@{self.chance.choice(['db.example.com', '10.0.0.7', 'cache'])}",
            "password": self.chance.choice(
                [
                    "Tr0ub4dor&3",
                    "hunter2",
                    "S3cret!pass",
                    "Blau-Vogel-77",
                    "qwerty12345",
                    "xK9#mP2$",
                ]
            ),
            "pem": f"-----BEGIN PRIVATE KEY-----\n{body(64)}\n{body(64)}\n{body(30)}==\n-----END PRIVATE KEY-----",
            "pem_slashed": f"-----BEGIN EC PRIVATE KEY----- / {body(64)} / {body(60)} / -----END EC PRIVATE KEY-----",
        }[form]

    def make_junk(self, form: str) -> str:
        pick, integer = self.chance.choice, self.chance.randint
        amount = f"{integer(1000, 99_999_999):,}"
        camel = "".join(
            pick(["Http", "Request", "Parser", "V2", "Base64", "Model", "Factory", "Sha256"])
            for _ in range(5)
        )
        rows = {
            "row": " ".join(f"{integer(100, 99_999_999):,}" for _ in range(integer(3, 7))),
            "spaced_row": " ".join(str(integer(100, 9999)) for _ in range(integer(6, 14))),
            "decimals": " ".join(
                f"{self.chance.random() * 10 ** integer(0, 3):.{integer(1, 4)}f}"
                for _ in range(integer(3, 8))
            ),
            "integers": " ".join(
                str(integer(0, 10 ** integer(1, 7))) for _ in range(integer(4, 12))
            ),
        }
        shapes = {
            "reference": ("2021-%##", "INV-%####%", "%####/21", "R-2020-%###", "%###-21-B"),
            "euro": ("%.###.##%,##", "##.##%,00", "%##,#%"),
            "dollars": ("$%,###.##", "$%##,##%", "$%.# million"),
            "pounds": ("\u00a3%,###.##",),
            "year": ("200#", "201#", "202#", "1#%#"),
            "monthyear": ("0#/26", "0%/2027"),
            "decimal": ("%.#", "%#.#%", "0.%##"),
            "small": ("%", "%#", "%##"),
            "day": ("%", "1#", "2#"),
            "integer": ("%###", "%####", "%#####%"),
            "pages": ("%###-%###", "%#-#%", "%##\u2013%##"),
            "section": ("%.#.%", "%#.#.%.1", "%.#%"),
            "isbn": ("978-%-%#-#####%-#", "978%%######%#", "%-%##-####%-X"),
            "doi": ("10.%###/s%###%-021-%###%-#", "10.%###/j.abcd.2020.%####%"),
            "arxiv": ("2%##.%###%", "1%##.%###%v2"),
            "patent": ("%,###,##%", "10,%##,##% B2"),
            "application": ("201#/0%####%", "16/%##,##%"),
            "version": ("%.#.%", "1.%#.0", "2.%.#-beta.%", "%#.0.%###.#%"),
            "build": ("20210405.%", "%###-%##%"),
            "uuid": ("%a#a#b#c-%d#e-4f#a-%b#c-#d#e#f#a#b#c",),
            "timestamp": (
                "2021-0%-1#T10:1#:2#.%####%Z",
                "2021-0%-1# 10:1#:2#,%##",
                "16%######%###",
            ),
            "filenumber": ("001-%###%", "333-%####%"),
            "accession": ("0000%####%-21-000%##",),
            "cusip": ("%###%^%##", "%####%#0%"),
            "shares": ("%,###,##%,###", "%#,##%,##%"),
            "lot": ("%###-%#-#%", "^%##%-##", "20210%1#-%#"),
            "tracking": ("JD0146%####%####%###%", "1Z%##^^%###%####%#"),
            "genbank": ("MN%####%.1", "NC_%####%.2"),
            "trial": ("NCT0%#####%",),
            "coordinate": ("4%.%###", "-122.%###%", "2.%###%#"),
            "docket": ("1%-cv-0%###", "2:1#-cr-00%##"),
            "dedate": ("0%.0#.2021", "1#.10.2020"),
            "time": ("0%:1#", "10:2#", "1#:0#"),
            "big_spaced": ("% ### ##%", "%# ##% ###", "1 %## ##% ###", "% ### ##% ### ##%"),
            "url": (
                "https://www.example.com/reports/2021/Q8/annual-report-2021-final-v8.html",
                "http://example.org/a/8999998/item?id=89998&page=8",
            ),
            "path": (
                "/usr/share/doc/python3.11/README.Debian8.gz",
                "C:/Users/Public/Documents/Report2021_v8_Final.docx",
            ),
        }
        if form in shapes:
            return self.shaped(*shapes[form]) if form not in {"url", "path"} else pick(shapes[form])
        return {
            **rows,
            "amount": amount,
            "percent": f"{pick(['', '+'])}{integer(1, 40)}.{integer(0, 9)}{pick(['', ' '])}%",
            "date": self.date(),
            "camel": camel,
            "sha1": self.letters(40, "0123456789abcdef"),
            "sha256": self.letters(64, "0123456789abcdef"),
            "dna": f"5'-{self.letters(24, 'ACGT')}-3'",
        }[form]


# ---- the set


def main() -> None:
    """Write labelled.jsonl."""
    by_hand = [
        _marked(split, line) for split in ("heldout", "people") for line in _lines(f"{split}.txt")
    ]
    rows = [*by_hand, *_developed(Maker(SEED))]
    (FOLDER / "labelled.jsonl").write_text("".join(map(_line, rows)), encoding="utf-8")


Row = tuple[str, str, list[tuple[str, int, int]]]


def _developed(maker: Maker) -> list[Row]:
    rows = [_marked("dev", line) for line in _lines("wild.txt")]
    for line in _lines("templates.txt"):
        slots = _SLOT.findall(line)
        wanted = any(not slot.startswith("junk") for slot in slots)
        times = (WITH_VALUES if wanted else WITHOUT) if slots else 1
        rows += [
            _marked("dev", _SLOT.sub(lambda slot: _drawn(maker, slot["name"]), line))
            for _ in range(times)
        ]
    return rows


def _drawn(maker: Maker, name: str) -> str:
    kind = name.partition(".")[0].upper()
    return maker.value(name) if kind == "JUNK" else f"{{{{{kind}|{maker.value(name)}}}}}"


def _lines(name: str) -> list[str]:
    lines = (FOLDER / name).read_text(encoding="utf-8").split("\n")
    escapes = re.compile(r"\\(n|\\|u[0-9a-f]{4})")
    return [
        escapes.sub(
            lambda found: {"n": "\n", "\\": "\\"}.get(found[1]) or chr(int(found[1][1:], 16)), line
        )
        for line in lines
        if line and not line.startswith("#")
    ]


def _marked(split: str, line: str) -> Row:
    text, values, place = "", [], 0
    for mark in _MARK.finditer(line):
        text += line[place : mark.start()]
        value = filled(mark["check"], mark["value"]) if mark["check"] else mark["value"]
        values.append((mark["kind"], len(text), len(text) + len(value)))
        text += value
        place = mark.end()
    return split, text + line[place:], values


def _line(row: Row) -> str:
    """A row as JSON. The first letters of secrets are escaped: none is a key, which a scanner for keys cannot know."""
    split, text, values = row
    secret = {
        place for kind, start, _ in values if kind == "SECRET" for place in range(start, start + 3)
    }
    written = "".join(
        f"\\u{ord(one):04x}"
        if place in secret
        else json.dumps(one, ensure_ascii=not one.isprintable())[1:-1]
        for place, one in enumerate(text)
    )
    return f'{{"split": "{split}", "text": "{written}", "values": {json.dumps(values)}}}\n'


if __name__ == "__main__":
    main()
