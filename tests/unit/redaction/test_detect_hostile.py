"""Texts made to stall a pattern: detection stays linear."""

from __future__ import annotations

import subprocess
import sys

import pytest

SIZE = 200_000
_PATTERNS = [
    "1",
    "a",
    "@",
    "-",
    "1.",
    "4 ",
    "4444 ",
    "4 / ",
    " ",
    "\n",
    "a@",
    "@a.",
    "DE89",
    "DE89 ",
    "-----BEGIN PRIVATE KEY-----",
    "eyJ-",
    "sk-",
    "://a:",
    "password:",
    "token=",
    "a[at]",
    "Aa ",
    "1 Aa ",
    "Straße ",
    "Via A ",
    "tel ",
    "+49",
    "(0",
    "01 ",
    "card 4 ",
    "\u200b",
    "4\u200b",
    "\uff14",
    "aB3",
    "}@a.com",
    "Aa, ",
]
_PROGRAM = """
import sys
from minions.redaction.detector import detector
sys.stdin.reconfigure(encoding="utf-8")
detect = detector(words=["blue heron"])
for pattern in sys.stdin.read().split("\\0"):
    detect(pattern * ({size} // len(pattern)))
print("done")
"""


def test_no_text_stalls_detection() -> None:
    """Thirty-six texts of 200,000 characters, each one piece over and over, in well under two minutes: what is
    quadratic takes hours.
    """
    program = _PROGRAM.format(size=SIZE)
    done = subprocess.run(
        [sys.executable, "-c", program],
        input="\0".join(_PATTERNS).encode(),
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.decode().strip() == "done", done.stderr.decode()


@pytest.mark.parametrize("pattern", ["password: ", "Tel. ", "IBAN ", "account no. ", "SSN "])
def test_a_value_at_the_end_of_a_long_line_is_found(pattern: str) -> None:
    """No length of what stands before hides a value."""
    from minions.redaction.detector import detector

    text = pattern * 5_000 + "ana@example.com"
    assert any(
        text[value.start : value.end].endswith("ana@example.com") for value in detector()(text)
    )
