"""Each kind by example: what is found whole, and what looks like it and is left alone."""

from __future__ import annotations

import pytest

from minions.redaction.detector import detector

detect = detector(words=["Blue Heron"])
_PEM = "-----BEGIN {0}PRIVATE KEY-----{1}MIIEvQIBADANBgkqh{1}-----END {0}PRIVATE KEY-----"


def _key(*parts: str) -> str:
    """A key put together here: a scanner for keys cannot know that it is none."""
    return "".join(parts)


FOUND = [
    ("EMAIL", "ana.berg+eu@mail.example.org"),
    ("EMAIL", "jürgen@müller-beispiel.de"),
    ("EMAIL", "joe [at] example [dot] org"),
    ("EMAIL", "joe(at)example.org"),
    ("EMAIL", "jane dot doe at example dot com"),
    ("EMAIL", "{ana,tom}@uni.example.edu"),
    ("PHONE", "+49 (0)221 998877-12"),
    ("PHONE", "0049 221 998877"),
    ("PHONE", "(858) 555-0142"),
    ("PHONE", "1-800-555-0199"),
    ("PHONE", "555-867-5309 ext. 12"),
    ("PHONE", "04 72 11 38 56"),
    ("PHONE", "020 7946 0958"),
    ("PHONE", "+81 3-5555-0123"),
    ("PHONE", "8 (495) 555-01-23"),
    ("CARD", "4111-1111-1111-1111"),
    ("CARD", "3714 496353 98431"),
    ("CARD", "6011000990139424"),
    ("ACCOUNT", "GB82 WEST 1234 5698 7654 32"),
    ("ACCOUNT", "nl91abna0417164300"),
    ("ACCOUNT", "DE89 3704 0044 / 0532 0130 00"),
    ("ID", "412-55-8830"),
    ("ID", "912-78-4410"),
    ("ID", "JG 10 37 59 A"),
    ("ID", "2 55 08 14 168 025 38"),
    ("ID", "12345678Z"),
    ("ID", "X1234567L"),
    ("ID", "RSSMRA85T10A562S"),
    ("ID", "44051401359"),
    ("ID", "529.982.247-25"),
    ("ID", "756.9217.0769.85"),
    ("SECRET", _key("AKIA", "QX3RN5TTBZ2LHMWE")),
    ("SECRET", _key("ghp", "_", "x9Lw2QzR7TmK4vBn8YcJ1pDs6HfGa3Ue5oXt")),
    ("SECRET", _key("sk", "-ant-api03-", "Lk29vTnRbY7wMc4PdJs6HgFa0Ue3oXt5")),
    (
        "SECRET",
        _key("eyJhbGciOiJIUzI1NiJ9", ".", "eyJzdWIiOiI4ODEyIn0", ".", "q7Rk2LmXz9VbNm4WcPd8"),
    ),
    ("SECRET", _key("q8ZtR2vXk9LmNw4Y", "bPc7JdHs1GfAa6Ue")),
    ("SECRET", _PEM.format("RSA ", "\n")),
    ("SECRET", _PEM.format("", " / ")),
    ("SECRET", _PEM.format("", "\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0A1B\n")),
    ("ADDRESS", "1600 Amphitheatre Parkway, Mountain View, CA 94043"),
    ("ADDRESS", "221B Baker Street, London NW1 6XE"),
    ("ADDRESS", "86 St James's Street"),
    ("ADDRESS", "1411 Broadway, 4th Floor, New York, NY 10018"),
    ("ADDRESS", "Hauptstraße 12, 10115 Berlin"),
    ("ADDRESS", "12 rue de la Paix, 75002 Paris"),
    ("ADDRESS", "Via Garibaldi 41, 20121 Milano"),
    ("ADDRESS", "Calle de Alcalá 118, 28009 Madrid"),
    ("ADDRESS", "Prinsengracht 263, 1016 GV Amsterdam"),
    ("ADDRESS", "P.O. Box 1187, Boise, ID 83701"),
    ("TERM", "blue\nheron"),
]

BESIDE = [
    ("Account No. {}", "ACCOUNT", "0049281736"),
    ("ABA routing number: {}", "ACCOUNT", "021000021"),
    ("Sort code {}", "ACCOUNT", "40-47-84"),
    ("Kontonummer {}", "ACCOUNT", "1234567890"),
    ("BIC: {}", "ACCOUNT", "COBADEHDXXX"),
    ("Tel. {}", "PHONE", "912 345 678"),
    ("Phone: {}", "PHONE", "555-0142"),
    ("Card number: {}", "CARD", "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1"),
    ("EIN {}", "ID", "47-1938265"),
    ("{} (I.R.S. Employer Identification No.)", "ID", "94-1672743"),
    ("SSN: {}", "ID", "412 55 8830"),
    ("Steuer-ID: {}", "ID", "86 095 742 719"),
    ("BSN {}", "ID", "111222333"),
    ("Aadhaar {}", "ID", "2345 6789 0124"),
    ("PAN {}", "ID", "BKLPS4821Q"),
    ("NHS number {}", "ID", "943 476 5919"),
    ("Passport No. {}", "ID", "533380006"),
    ("Driver's license {}", "ID", "D4471-90362"),
    ("Password: {}", "SECRET", "Winter-Garden-88"),
    ('"password": "{}"', "SECRET", "correct horse battery"),
    ("DB_PASSWORD={}", "SECRET", "n7!kd0Wq"),
    ("Password: {}", "SECRET", "(n7[!kd,0W;q"),
    ("api_key = '{}'", "SECRET", "d41d8cd98f00b204e9800998ecf8427e"),
    ("Authorization: Bearer {}", "SECRET", "tk.9f8A7cQx21ZmLp0RvB6e"),
    ("postgres://{}/orders", "SECRET", "app:n7kd0Wq@db.example.com"),
]

LEFT_ALONE = [
    "Net revenue rose to 10,124,567 in 2022 from 9,870,113",
    "Total assets 4 539 578 763 621 486 and 1 234 567 890",
    "2019 2020 2021 2022 2023 and 2019-2023",
    "Revenue 1,204 1,377 1,512 1,733\nCost (611) (702) (770)",
    "ISBN 978-3-16-148410-0; DOI 10.1038/s41586-020-2649-2",
    "U.S. Patent No. 10,123,456 and US 2019/0123456 A1",
    "Sections 4.10.2-4.10.7 and 12.3.4; version 2.31.0, 1.26.15.2021",
    "01.02.2020 10:30, 05/06/2021, 2021-06-03T11:02:17.123456Z",
    "commit 3f786850e387550fdab836ed7e6dc881de23001b",
    "123e4567-e89b-12d3-a456-426614174000.json",
    "Commission file number 001-36743; accession 0000320193-21-000056",
    "0.123 0.456 0.789 / 5 10 15 20 25 30 35 40",
    "track 01 02 03 04 05 06, azimuth 045 090 135 180",
    "card 4111 1111 1111 1112 has a wrong check digit",
    "DE88 3704 0044 0532 0130 00",
    "666-12-3456 and 000-12-3456",
    "In 2008 Main Street felt the crisis; 12 Drive shafts; 7 Street View cars",
    "March 5, 2019 Annual Meeting; Spring 5, 2019 Results",
    "def login(user: str, password: str = None) -> Token: return Token(secret=make_secret(user))",
    "password: required; token: string; the secret of good bread; bearer bonds",
    "accounts receivable 1,234,567; account balances of 1,200,400",
    "HttpRequestHandlerFactory, /usr/lib/python3/dist-packages/_multiarray_umath.cpython-311",
    "icon@2x.png, lodash@4.17.21, @media, git@github.com",
    "look at the dot com bubble of 2000",
    "password: [SECRET_1]; mail [EMAIL_1], https://[SECRET_2]/x, account no. [ACCOUNT_1], tel. [PHONE_2], [ADDRESS_1]",
    "password: <your password>, password=${DB_PASSWORD}, password: {{ vault }}, pwd=%s, password: (none)",
]


@pytest.mark.parametrize(("kind", "value"), FOUND)
@pytest.mark.parametrize("around", ["{}", "see {}, please", "({})", "see\n{}\nnext"])
def test_a_value_is_found_whole_wherever_it_stands(kind: str, value: str, around: str) -> None:
    """At a text's edge, in a sentence, in brackets and on a line of its own."""
    text = around.format(value)
    assert [(found.kind, text[found.start : found.end].strip(".,")) for found in detect(text)] == [
        (kind, value.strip("."))
    ]


@pytest.mark.parametrize(("around", "kind", "value"), BESIDE)
def test_a_number_that_could_be_anything_is_known_by_the_word_beside_it(
    around: str, kind: str, value: str
) -> None:
    """The word stays, the value goes; without the word nothing says what the number is."""
    text = around.replace("{}", value)
    assert (kind, value) in [(found.kind, text[found.start : found.end]) for found in detect(text)]


@pytest.mark.parametrize("text", LEFT_ALONE)
def test_what_only_looks_sensitive_is_left_alone(text: str) -> None:
    """Figures, dates, sections, hashes and code are sent as they are: an answer without them is worth nothing."""
    assert [(found.kind, text[found.start : found.end]) for found in detect(text)] == []


def test_a_bracket_at_the_end_of_a_text_opens_no_number_at_its_start() -> None:
    """Only a bracket right before a number is a part of it: spans never begin before the text."""
    text = "+49) 30 12345678 ("
    assert [text[value.start : value.end] for value in detect(text)] == ["+49) 30 12345678"]
