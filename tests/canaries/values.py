"""Values that must stay on the device whatever the policy, and documents that hold them where something may be cut."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from minions.redaction.detectors.checksums import luhn, mod_97

if TYPE_CHECKING:
    from pathlib import Path

WORDS = ("Vorbal Quintex", "kraken-ledger", "Zwölfender")
PATTERNS = (r"\bWX-\d{4}-[A-Z]{4}\b",)
_LETTERS = "bcdfghjklmnpqrstvwxz"
_KEYS = ("sk-proj-{}", "ghp_{}", "AKIA{}", "xoxb-{}")


def values(*, seed: int = 7) -> list[str]:
    """E-mail addresses, cards, IBANs, keys, and the user's own words, each of them once."""
    chance = random.Random(seed)  # noqa: S311 - not for secrets

    def letters(count: int) -> str:
        return "".join(chance.choices(_LETTERS, k=count))

    def digits(count: int) -> str:
        return "".join(chance.choices("123456789", k=count))

    found = [f"{letters(5)}.{letters(4)}{digits(2)}@{letters(7)}.example" for _ in range(8)]
    found += [_card(digits) for _ in range(4)] + [" ".join(_fours(_card(digits))) for _ in range(4)]
    found += [_iban(digits) for _ in range(3)] + [" ".join(_fours(_iban(digits))) for _ in range(4)]
    found += [f"sk-proj-{letters(12)}{digits(8)}{letters(9).upper()}", f"ghp_{_mixed(chance, 36)}"]
    found += [f"AKIA{letters(9).upper()}{'234567'}{letters(1).upper()}" for _ in range(2)]
    found += [*WORDS, WORDS[0].upper(), f"WX-{digits(4)}-{letters(4).upper()}"]
    return found


def _card(digits: object) -> str:
    body = "4" + str(digits(14))  # type: ignore[operator]
    return next(f"{body}{check}" for check in range(10) if luhn(f"{body}{check}"))


def _iban(digits: object) -> str:
    account = str(digits(18))  # type: ignore[operator]
    return next(number for check in range(100) if mod_97(number := f"DE{check:02}{account}"))


def _fours(text: str) -> list[str]:
    return [text[place : place + 4] for place in range(0, len(text), 4)]


def _mixed(chance: random.Random, count: int) -> str:
    return "".join(
        chance.choice((_LETTERS, _LETTERS.upper(), "123456789"))[chance.randrange(9)]
        for _ in range(count)
    )


def plant_values(folder: Path, strings: list[str]) -> None:
    """Write documents in which each value stands in a line, in a title, a heading, a table's header and a name, some of
    them at the place where these are cut, and where chunks end.
    """
    for number, value in enumerate(strings):
        shift = 2 + number * 5 % 24  # so that the cuts go through the values at every place
        name = f"{'file ' * (16 + number % 5)}{value[:60].replace('/', '_')} {number}.md"
        title = f"{'word ' * 11}{'x' * (shift % 12)} {value} end"
        heading = f"{'Head ' * 13}{'y' * (shift % 12)} {value} of the part"
        wide = " | ".join(["Name", *(f"Column {n}" for n in range(30)), "z" * shift, value, "Sum"])
        rule = " | ".join("---" for _ in wide.split(" | "))
        rows = "\n".join(f"| {' | '.join([f'row {n}', *['1'] * 32, '7'])} |" for n in range(8))
        prose = " ".join(f"The keeper {n} wrote to" for n in range(3 + number % 7))
        text = (
            f"# {title}\n\nContact {value} today.\n\n## {heading}\n\n{prose} {value} and went on without it.\n\n"
            f"{'Long line of the ledger with ' * 25}{'q' * shift} {value} {'and with more of it ' * 25}\n\n"
            f"| {wide} |\n| {rule} |\n{rows}\n\nThe last of it is\n{value}\n"
        )
        (folder / name).write_text(text)
    (folder / "all.csv").write_text(
        "name,amount\n" + "\n".join(f'"{value}",{n}' for n, value in enumerate(strings))
    )
    mixed = "; ".join(strings)
    (folder / "mixed.txt").write_text(f"All of them: {mixed}\nTheir sum is 12.4 million.\n")
