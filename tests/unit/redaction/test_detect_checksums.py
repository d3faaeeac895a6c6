"""Check digits: published examples pass, and one wrong digit does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from minions.redaction.detectors import checksums

if TYPE_CHECKING:
    from collections.abc import Callable

EXAMPLES = [
    (checksums.luhn, "4111111111111111"),
    (checksums.luhn, "046454286"),
    (checksums.mod_97, "GB82WEST12345698765432"),
    (checksums.mod_97, "DE89370400440532013000"),
    (checksums.aba, "021000021"),
    (checksums.nir, "255081416802538"),
    (checksums.dni, "12345678Z"),
    (checksums.nie, "X1234567L"),
    (checksums.fiscal_code, "RSSMRA85T10A562S"),
    (checksums.bsn, "111222333"),
    (checksums.pesel, "44051401359"),
    (checksums.cpf, "52998224725"),
    (checksums.verhoeff, "234567890124"),
    (checksums.tax_id, "86095742719"),
    (checksums.nhs, "9434765919"),
    (checksums.ean, "7569217076985"),
]


@pytest.mark.parametrize(("check", "number"), EXAMPLES)
def test_a_right_number_passes_and_any_other_last_digit_does_not(
    check: Callable[[str], bool], number: str
) -> None:
    """The last place decides: of all it could hold, one is right."""
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if number[-1].isalpha() else "0123456789"
    assert [sign for sign in last if check(number[:-1] + sign)] == [number[-1]]


@pytest.mark.parametrize(
    "number", ["000121234", "666121234", "123001234", "123120000", "900121234", "912494410"]
)
def test_a_social_security_number_that_nobody_has_is_none(number: str) -> None:
    """Areas and groups that were never given out are table entries."""
    assert not checksums.ssn(number)


@pytest.mark.parametrize("number", ["BG123456A", "DA123456A", "AO123456A", "AB123456E"])
def test_a_national_insurance_number_has_letters_in_use(number: str) -> None:
    """Part numbers of the same shape are left alone where their letters tell."""
    assert not checksums.nino(number)


def test_a_pesel_has_a_day_that_existed() -> None:
    """The thirtieth of February of no century is a birthday."""
    assert not checksums.exists(1944, 2, 30)
    assert checksums.pesel("02270803624")
