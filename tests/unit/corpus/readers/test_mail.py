"""Reading e-mail."""

from __future__ import annotations

from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minions.corpus.readers import read_document
from minions.corpus.readers.extract import Source
from minions.corpus.readers.mail import read_mailbox
from minions.errors import UnreadableError


def message(subject: str = "Grüße", body: str = "Hallo Köln\n") -> EmailMessage:
    """A message with accents where a mail program has to encode them."""
    mail = EmailMessage()
    mail["From"], mail["To"] = "Ada <ada@a.example>", "bob@b.example"
    mail["Date"], mail["Subject"] = "Mon, 01 Jan 2024 10:00:00 +0000", subject
    mail.set_content(body, cte="quoted-printable")
    return mail


def written(folder: Path, name: str, data: bytes) -> Path:
    """The path of a file with this content."""
    (folder / name).write_bytes(data)
    return folder / name


def test_a_message_is_headers_text_and_names_of_attachments(tmp_path: Path) -> None:
    """The parts of a mail that a person sees are there, decoded, without its HTML twin and attached bytes."""
    mail = message()
    mail.add_alternative("<p>Hallo <b>HTML</b></p>", subtype="html")
    mail.add_attachment(b"\0\1", maintype="application", subtype="pdf", filename="Übersicht.pdf")
    document = read_document(written(tmp_path, "a.eml", bytes(mail)))
    assert document.text == (
        "From: Ada <ada@a.example>\nTo: bob@b.example\nDate: Mon, 01 Jan 2024 10:00:00 +0000\nSubject: Grüße\n\n"
        "Hallo Köln\n\nAttachments: Übersicht.pdf\n"
    )
    assert (document.title, document.media_type) == ("Grüße", "message/rfc822")


def test_a_message_with_only_html_is_read(tmp_path: Path) -> None:
    """A newsletter's text and tables come through."""
    mail = message()
    mail.set_content("<h1>News</h1><table><tr><td>a</td><td>1</td></tr></table>", subtype="html")
    text = read_document(written(tmp_path, "a.eml", bytes(mail))).text
    assert "\n\n# News\n\n| a | 1 |\n" in text


def test_a_forwarded_message_is_part_of_the_text(tmp_path: Path) -> None:
    """A forwarded message can be found, with its own headers."""
    mail = message(subject="Fwd")
    mail.add_attachment(message(subject="Original", body="the secret is 42\n"))
    text = read_document(written(tmp_path, "a.eml", bytes(mail))).text
    assert "Subject: Original" in text
    assert "the secret is 42" in text


@pytest.mark.parametrize("charset", ["no-such-charset", "us-ascii", "utf-8", "idna", "hex"])
def test_a_wrong_charset_does_not_lose_the_message(tmp_path: Path, charset: str) -> None:
    """Mail programs lie about charsets: the words are still there."""
    data = (
        f"From: a@b.example\nSubject: x\nContent-Type: text/plain; charset={charset}\n\n".encode()
        + b"caf\xe9 42\n"
    )
    assert "café 42" in read_document(written(tmp_path, "a.eml", data)).text


def test_headers_sent_without_encoding_are_read(tmp_path: Path) -> None:
    """A subject in plain UTF-8 or Latin-1 bytes keeps its accents."""
    for encoding in ("utf-8", "latin-1"):
        data = "From: Zoë <z@a.example>\nSubject: Café für alle\n\nbody\n".encode(encoding)
        document = read_document(written(tmp_path, "a.eml", data))
        assert document.title == "Café für alle"
        assert document.text.startswith("From: Zoë <z@a.example>\n")


def test_each_message_of_a_mailbox_has_its_heading(tmp_path: Path) -> None:
    """The outline lists the subjects, each where its message begins; a quoted From line is the text's own again."""
    box = b""
    for mail in (message("First", "one\n\n>From here on\n"), message("", "two\n")):
        box += b"From ada@a.example Mon Jan  1 10:00:00 2024\n" + bytes(mail) + b"\n"
    document = read_document(written(tmp_path, "in.mbox", box))
    assert [heading.text for heading in document.outline] == ["First", "(no subject)"]
    assert [document.text[h.start :].split("\n")[0] for h in document.outline] == [
        "# First",
        "# (no subject)",
    ]
    assert "\nFrom here on\n" in document.text
    assert document.text.endswith("two\n\n")


def test_what_is_no_mail_says_so(tmp_path: Path) -> None:
    """A file that only has the suffix is refused with a reason."""
    for name in ("a.eml", "a.mbox"):
        with pytest.raises(UnreadableError, match="is broken"):
            read_document(written(tmp_path, name, b"\n\nno headers here\n"))


@given(st.binary(max_size=300))
def test_no_bytes_break_the_mailbox_reader(data: bytes) -> None:
    """With any bytes in a mailbox, its messages are text that can be stored."""
    box = (
        b"From x Mon Jan  1 10:00:00 2024\nSubject: =?utf-8?b?gARB?=\nContent-Transfer-Encoding: base64\n"
        + data
    )
    read_mailbox(Source(Path("x.mbox"), box)).text.encode()
