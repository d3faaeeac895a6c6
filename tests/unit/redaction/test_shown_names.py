"""Names, titles and headings are cut between words, and through no value."""

from __future__ import annotations

import pytest

from minions.redaction.detector import detector
from minions.redaction.shown_names import NAME_CHARACTERS, plain, shown_names, uncut

VALUES = (
    "jane.roe@example.com",
    "4111 1111 1111 1111",
    "4111111111111111",
    "DE89 3704 0044 0532 0130 00",
)


@pytest.mark.parametrize("value", VALUES)
def test_a_cut_name_or_title_holds_a_value_whole_or_not_at_all(value: str) -> None:
    """Wherever the value stands: a part of it would be sent unrecognised."""
    detect = detector()
    for before in range(40, 105):
        name = f"{('name ' * 30)[:before]} {value} {'end ' * 9}{before}.txt"
        for shown in (*shown_names([name]), plain(name, 70)):
            assert len(shown) <= NAME_CHARACTERS
            found = detect(shown)
            rest = "".join(shown[: found[0].start] + shown[found[0].end :] if found else shown)
            assert not any(
                part in rest for part in value.replace("@", " ").split() if len(part) > 2
            )


def test_a_long_name_keeps_its_beginning_its_end_and_its_suffix() -> None:
    """Reports of different years stay apart, and one long word is cut to its suffix."""
    first, second, word = shown_names(
        [f"{'annual report ' * 8}{year}.pdf" for year in (2021, 2022)] + ["x" * 120 + ".md"]
    )
    assert first.startswith("annual report annual")
    assert (first[-8:], second[-8:], word) == ("2021.pdf", "2022.pdf", "....md")


@pytest.mark.parametrize(
    ("heading", "shown"),
    [
        ("Results", "Results"),
        (
            "The results of the year for all of the harbour and its lights, told to jane.roe@ex",
            "told to...",
        ),
        (
            "The accounts of the year for all of the harbour and of its lights: DE89 3704 0044 05",
            "its lights:...",
        ),
    ],
)
def test_a_heading_that_was_cut_loses_what_may_begin_a_value(heading: str, shown: str) -> None:
    """Eighty characters of a heading are indexed; the last of them may be the first of an address or account."""
    assert uncut(heading, 80).endswith(shown)
