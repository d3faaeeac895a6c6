"""The plain view: what detectors read, and the way back to the text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from minions.redaction.detectors.folding import fold
from minions.redaction.detectors.spans import lower


@given(st.text())
def test_every_character_of_the_view_leads_back_to_the_text(text: str) -> None:
    """Offsets rise, stay inside, and a span of the view is never empty in the text."""
    folded = fold(text)
    spans = [folded.span(place, place + 1) for place in range(len(folded.text))]
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert [start for start, _ in spans] == sorted(start for start, _ in spans)


@given(st.text() | st.text("I\u0130\u0307\u03a3\u03c2i\u00df\ufb03"))
def test_lower_case_is_as_long_as_the_view(text: str) -> None:
    """What is found in lower case stands at the same place in the view."""
    plain = fold(text).text
    assert len(lower(plain)) == len(plain)


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_plain_text_is_its_own_view(text: str) -> None:
    """Nothing is spent on ASCII."""
    assert fold(text).text is text


def test_dressed_up_characters_become_plain() -> None:
    """Full-width, mathematical and Arabic-Indic digits, odd spaces and hyphens, and nothing for what is unseen."""
    dressed = "\uff21\U0001d7d9\u0664\u2460\u00a0\u2011\u2212\u200b\u00ad\u2028\x00\u3164\ufb01"
    assert fold(dressed).text == "A141 --\nfi"
