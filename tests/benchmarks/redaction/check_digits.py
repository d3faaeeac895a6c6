"""Gives numbers their check digits, for the labelled set: code of its own, apart from what checks them."""

from __future__ import annotations

import re
import string


def luhn_digit(body: str) -> str:
    total = 0
    for place, digit in enumerate(reversed(body)):
        value = int(digit) * (1 if place % 2 else 2)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def iban_digits(country: str, account: str) -> str:
    number = "".join(
        str(string.digits.find(one)) if one.isdigit() else str(ord(one) - 55)
        for one in account + country
    )
    return f"{98 - int(number + '00') % 97:02}"


def verhoeff_digit(body: str) -> str:
    def times(a: int, b: int) -> int:
        flip = a >= 5
        left, right = a % 5, b % 5
        turned = (left - right if flip else left + right) % 5
        return turned + 5 * (flip != (b >= 5))

    order = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]
    check = 0
    for place, digit in enumerate(reversed(body), 1):
        value = int(digit)
        for _ in range(place % 8):
            value = order[value]
        check = times(check, value)
    return next(str(value) for value in range(10) if times(check, value) == 0)


def tax_digit(body: str) -> str:
    product = 10
    for digit in body:
        total = (int(digit) + product) % 10 or 10
        product = total * 2 % 11
    return str((11 - product) % 10)


def fiscal_letter(body: str) -> str:
    odd = dict(zip("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", _odd_values(), strict=True))
    even = {one: int(one) if one.isdigit() else ord(one) - 65 for one in odd}
    total = sum(odd[one] if place % 2 == 0 else even[one] for place, one in enumerate(body))
    return string.ascii_uppercase[total % 26]


def _odd_values() -> list[int]:
    digits = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21]
    return [*digits, *digits, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23]


def cpf_digits(body: str) -> str:
    for _ in range(2):
        total = sum(
            int(digit) * weight for digit, weight in zip(reversed(body), range(2, 12), strict=False)
        )
        body += str((-total % 11) % 10 if -total % 11 < 10 else 0)
    return body[-2:]


def filled(check: str, value: str) -> str:
    """``value`` with its question marks replaced by what ``check`` asks for."""
    plain = re.sub(r"[^0-9A-Za-z]", "", value).upper()
    digits = {
        "luhn": lambda: luhn_digit(plain),
        "iban": lambda: iban_digits(plain[:2], plain[2:]),
        "nhs": lambda: str(
            (11 - sum(int(d) * w for d, w in zip(plain, range(10, 1, -1), strict=True)) % 11) % 11
        ),
        "steuerid": lambda: tax_digit(plain),
        "nir": lambda: f"{97 - int(plain) % 97:02}",
        "dni": lambda: "TRWAGMYFPDXBNJZSQVHLCKE"[int(plain) % 23],
        "nie": lambda: "TRWAGMYFPDXBNJZSQVHLCKE"[int(str("XYZ".index(plain[0])) + plain[1:]) % 23],
        "cf": lambda: fiscal_letter(plain),
        "bsn": lambda: str(
            sum(int(d) * w for d, w in zip(plain, range(9, 1, -1), strict=True)) % 11
        ),
        "pesel": lambda: str(
            -sum(int(d) * w for d, w in zip(plain, (1, 3, 7, 9) * 3, strict=False)) % 10
        ),
        "cpf": lambda: cpf_digits(plain),
        "aadhaar": lambda: verhoeff_digit(plain),
        "ean": lambda: str(-sum(int(d) * w for d, w in zip(plain, (1, 3) * 6, strict=True)) % 10),
    }[check]()
    if len(digits) != value.count("?"):
        raise ValueError(f"{value}: {digits}")
    for digit in digits:
        value = value.replace("?", digit, 1)
    return value
