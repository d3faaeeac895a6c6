"""Check digits of card numbers, accounts and national ids.

Each function takes the number without separators and returns whether it can be valid. The first
line of its docstring names the number and the source of the rule.
"""

from __future__ import annotations

import re
from datetime import date

_VERHOEFF = (
    "0123456789",
    "1576283094",
    "5803796142",
    "8916043527",
    "9453126870",
    "4286573901",
    "2793806415",
    "7046913258",
)
_DIHEDRAL = (
    "0123456789",
    "1234067895",
    "2340178956",
    "3401289567",
    "4012395678",
    "5987604321",
    "6598710432",
    "7659821043",
    "8765932104",
    "9876543210",
)
_NINO = re.compile("(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z][0-9]{6}[A-D]")
# The fourth and fifth digits of an ITIN.
_ITIN_GROUP = re.compile("5[0-9]|6[0-5]|7[0-9]|8[0-8]|9[0-24-9]")
_DNI = "TRWAGMYFPDXBNJZSQVHLCKE"
_FISCAL_ODD = "1 0 5 7 9 13 15 17 19 21 2 4 18 20 11 3 6 8 12 14 16 10 22 25 24 23"
_FISCAL = [int(value) for value in _FISCAL_ODD.split()]


def luhn(digits: str) -> bool:
    """Payment cards and the Canadian SIN (ISO/IEC 7812-1, annex B)."""
    total = sum(map(int, digits[::-2]))
    for digit in digits[-2::-2]:
        doubled = int(digit) * 2
        total += doubled // 10 + doubled % 10
    return total % 10 == 0


def mod_97(iban: str) -> bool:
    """The IBAN (ISO 13616): letters count from 10, and the remainder by 97 is 1."""
    rotated = iban[4:] + iban[:4]
    number = "".join([str(int(character, 36)) for character in rotated])
    return int(number) % 97 == 1


def weighted(digits: str, weights: str) -> int:
    """The sum of the digits, each times its weight (a digit, too); others have no weight."""
    total = 0
    for digit, weight in zip(digits, weights, strict=False):
        total += int(digit) * int(weight)
    return total


def _descending(digits: str, first: int) -> int:
    """The sum of the digits, each times its weight; the weights go down from ``first``."""
    total = 0
    for place, digit in enumerate(digits):
        total += int(digit) * (first - place)
    return total


def aba(digits: str) -> bool:
    """The routing number of an American bank (ABA)."""
    return weighted(digits, "371371371") % 10 == 0


def nino(number: str) -> bool:
    """The British National Insurance number (HMRC, NIM39110): it has no check digit.

    Only its letters are checked: not all are in use.
    """
    return _NINO.fullmatch(number) is not None


def nir(number: str) -> bool:
    """The French social security number (INSEE): a key by 97, Corsica's letters as digits."""
    plain = number.replace("2A", "19").replace("2B", "18")
    return (
        plain.isdigit()
        and plain[0] in "12"
        and "01" <= plain[3:5] <= "59"
        and int(plain[-2:]) == 97 - int(plain[:-2]) % 97
    )


def dni(number: str) -> bool:
    """The Spanish DNI: the remainder by 23 chooses the letter."""
    return _DNI[int(number[:-1]) % 23] == number[-1]


def nie(number: str) -> bool:
    """The Spanish NIE: a DNI whose first digit is written as X, Y or Z."""
    return number[0] in "XYZ" and dni(str("XYZ".index(number[0])) + number[1:])


def fiscal_code(code: str) -> bool:
    """The Italian codice fiscale (DM 23/12/1976).

    The last letter is the sum of the others by 26, those at odd places by a table.
    """
    values: list[int] = []
    for character in code:
        if character.isdigit():
            values.append(int(character))
        else:
            values.append(ord(character) - ord("A"))
    total = sum(values[1:-1:2])
    for value in values[:-1:2]:
        total += _FISCAL[value]
    return total % 26 == values[-1]


def bsn(digits: str) -> bool:
    """The Dutch BSN: the test by eleven."""
    full = digits.zfill(9)
    return (weighted(full[:8], "98765432") - int(full[8])) % 11 == 0


def pesel(digits: str) -> bool:
    """The Polish PESEL: its date exists, and the last digit checks the others.

    The century is coded in the month.
    """
    century = {0: 1900, 1: 2000, 2: 2100, 3: 2200, 4: 1800}[int(digits[2]) // 2]
    year = century + int(digits[:2])
    month = int(digits[2:4]) % 20
    day = int(digits[4:6])
    return exists(year, month, day) and weighted(digits, "13791379131") % 10 == 0


def cpf(digits: str) -> bool:
    """The Brazilian CPF: two check digits."""
    if len(set(digits)) == 1:
        return False
    first = _descending(digits[:9], 10) * 10 % 11 % 10
    second = _descending(digits[:10], 11) * 10 % 11 % 10
    return digits[9:] == f"{first}{second}"


def verhoeff(digits: str) -> bool:
    """The Indian Aadhaar (Verhoeff 1969: the dihedral group of the pentagon)."""
    check = "0"
    for place, digit in enumerate(reversed(digits)):
        check = _DIHEDRAL[int(check)][int(_VERHOEFF[place % 8][int(digit)])]
    return check == "0"


def tax_id(digits: str) -> bool:
    """The German tax id (ISO 7064, mod 11, 10)."""
    product = 10
    for digit in digits[:-1]:
        product = ((int(digit) + product) % 10 or 10) * 2 % 11
    return (11 - product) % 10 == int(digits[-1])


def nhs(digits: str) -> bool:
    """The number of a patient of the British NHS: weights ten to two, by eleven."""
    total = _descending(digits[:9], 10)
    return (11 - total % 11) % 11 == int(digits[9])


def ean(digits: str) -> bool:
    """EAN-13, as the Swiss AHV number has it."""
    return weighted(digits, "1313131313131") % 10 == 0


def ssn(digits: str) -> bool:
    """The American social security number (SSN), and the taxpayer's number (ITIN) from 900 on.

    An SSN has no area 000, 666 or 9xx, and no part of zeros. An ITIN is known by its fourth and
    fifth digits.
    """
    area = digits[:3]
    group = digits[3:5]
    serial = digits[5:]
    if area[0] == "9":
        return _ITIN_GROUP.fullmatch(group) is not None
    return area not in {"000", "666"} and group != "00" and serial != "0000"


def exists(year: int, month: int, day: int) -> bool:
    """True if the calendar has this day."""
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True
