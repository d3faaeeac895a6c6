"""Decoding of bytes to text."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minions.corpus.readers.encoding import decode_text, is_binary

GERMAN = (
    "Die größten Städte übersät mit Bäumen, für jeden Bürger geöffnet: Köln, München, Düsseldorf.\n"
    * 4
)
RUSSIAN = (
    "Все счастливые семьи похожи друг на друга, каждая несчастливая семья несчастлива по-своему.\n"  # noqa: RUF001 - that sign is meant
    * 4
)
JAPANESE = "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。\n" * 6
CHINESE = "中华人民共和国的一切权力属于人民。人民行使国家权力的机关是全国人民代表大会。\n" * 6
GREEK = "Η γρήγορη αλεπού πηδάει πάνω από το τεμπέλικο σκυλί και τρέχει μακριά.\n" * 6  # noqa: RUF001 - that sign is meant


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0"), max_size=200))
def test_utf8_comes_back_as_it_was(text: str) -> None:
    """Any text written in UTF-8 with a byte order mark is read back to the character."""
    assert decode_text(codecs.BOM_UTF8 + text.encode()) == text


@given(st.binary(max_size=400))
def test_no_bytes_make_decoding_fail(data: bytes) -> None:
    """Any bytes become text that a database can hold, the same each time."""
    text = decode_text(data)
    text.encode()
    assert "\r" not in text
    assert "\0" not in text
    assert decode_text(data) == text


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-16-be"])
def test_unicode_in_any_width_is_recognised(encoding: str) -> None:
    """Files that Windows programs save as Unicode are read, with a mark or, in UTF-16, without."""
    data = GERMAN.encode(encoding)
    assert not is_binary(data)
    assert decode_text(data) == GERMAN


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (GERMAN, "cp1252"),
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "koi8_r"),
        (JAPANESE, "cp932"),
        (JAPANESE, "euc_jp"),
        (CHINESE, "gb18030"),
        (CHINESE, "big5"),
        (GREEK, "cp1253"),
    ],
)
def test_legacy_encodings_are_detected(text: str, encoding: str) -> None:
    """A page of text in the encodings of old files is read as it was written."""
    written = text.encode(encoding, "ignore")
    assert decode_text(written) == written.decode(encoding)


def test_a_few_accents_are_western() -> None:
    """A short line with one accent is read as Windows-1252, not as a guess at something exotic."""
    assert decode_text("Café, 12 €, naïve".encode("cp1252")) == "Café, 12 €, naïve"


def test_an_accent_far_into_the_file_is_found() -> None:
    """Detection looks at the first bytes that are not UTF-8, not only at the beginning."""
    data = b"plain line\n" * 20_000 + GERMAN.encode("cp1252")
    assert decode_text(data).endswith(GERMAN)


def test_a_declared_charset_is_believed_before_guessing() -> None:
    """The charset that a page declares decides between encodings that look alike."""
    assert decode_text("łódź".encode("iso8859_2"), declared="iso-8859-2") == "łódź"


def test_a_charset_that_does_not_exist_is_no_error() -> None:
    """A made-up charset is passed over."""
    assert decode_text(b"caf\xe9", declared="no-such-charset") == "café"


def test_one_broken_byte_does_not_turn_utf8_into_noise() -> None:
    """A cut or flipped byte costs one character; the other accents stay."""
    data = GERMAN.encode()
    assert decode_text(data + b"\xc3").rstrip("\ufffd") == GERMAN
    assert "Städte" in decode_text(data[:200] + b"\xff" + data[200:])


def test_line_breaks_become_one_kind() -> None:
    """Windows and old Macintosh line ends are line feeds, so that offsets do not depend on who saved the file."""
    assert decode_text(b"a\r\nb\rc\n") == "a\nb\nc\n"


@pytest.mark.parametrize(
    "data", [b"\x7fELF\x02\x01\x01\0\0\0", bytes(range(256)) * 8, b"\x01\x02\x03\x04 a b c" * 9]
)
def test_binary_data_is_told_from_text(data: bytes) -> None:
    """Programs and raw data are not mistaken for documents."""
    assert is_binary(data)


@pytest.mark.parametrize(
    "data", [b"", b"plain", GERMAN.encode("cp1252"), b"\x1b[1mbold\x1b[0m log line\n" * 3]
)
def test_text_is_not_taken_for_binary(data: bytes) -> None:
    """Accents in an old encoding and colour codes of a log leave a file readable."""
    assert not is_binary(data)
