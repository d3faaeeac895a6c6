"""E-mail: single messages (.eml) and mailboxes (.mbox)."""

from __future__ import annotations

import re
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from email.policy import Compat32
from typing import TYPE_CHECKING, Final

from minions.corpus.readers.encoding import decode_text, storable
from minions.corpus.readers.extract import Extract
from minions.corpus.readers.html_page import convert_html
from minions.corpus.readers.limits import MAX_CONTENT_HEADER_CHARS, MAX_DEPTH, MAX_HEADER_CHARS
from minions.values.documents import Heading

if TYPE_CHECKING:
    from collections.abc import Iterator

    from minions.corpus.readers.extract import Source

_SHOWN: Final = ("From", "To", "Cc", "Date", "Subject")
_SEPARATOR: Final = re.compile(rb"^From [^\r\n]*\r?\n", re.MULTILINE)
_QUOTED_FROM: Final = re.compile(r"^>(>*From )", re.MULTILINE)
# No part of an encoded word can hold its question marks, so the search looks at each character
# once.
_WORD: Final = r"=\?[^?\s]*\?[qQbB]\?[^?]*\?="
_ENCODED: Final = re.compile(rf"{_WORD}(?:\s+{_WORD})*")


class _Bounded(Compat32):
    """Headers as they were sent, cut where they get too long.

    The time to parse a header's parameters grows with the square of their length.
    """

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, value = super().header_source_parse(sourcelines)
        limit = MAX_HEADER_CHARS
        if name.lower().startswith("content-"):
            limit = MAX_CONTENT_HEADER_CHARS
        return name, value[:limit]


_POLICY: Final = _Bounded()


def read_mail(source: Source) -> Extract:
    """One message: headers as lines, the text (plain, else from HTML), names of attachments."""
    message = message_from_bytes(source.data, policy=_POLICY)
    if not message.keys():
        raise source.unreadable("e-mail is broken: it has no headers")
    subject = _header(message, "Subject") or None
    return Extract(_message_text(message), "message/rfc822", title=subject)


def read_mailbox(source: Source) -> Extract:
    """Every message under a ``#`` heading with its subject; the outline lists the headings."""
    texts: list[str] = []
    outline: list[Heading] = []
    start = 0
    for raw in _messages(source.data):
        message = message_from_bytes(raw, policy=_POLICY)
        subject = _header(message, "Subject") or "(no subject)"
        body = _QUOTED_FROM.sub(r"\1", _message_text(message))
        texts.append(f"# {subject}\n\n{body}\n")
        outline.append(Heading(level=1, text=subject, start=start))
        start += len(texts[-1])
    if not texts:
        raise source.unreadable("mailbox is broken: it has no message")
    return Extract("".join(texts), "application/mbox", outline=tuple(outline))


def _messages(data: bytes) -> Iterator[bytes]:
    """The messages of a mailbox: each after a line ``From ...`` that follows an empty line."""
    begin = None
    for separator in _SEPARATOR.finditer(data):
        at = separator.start()
        if at and not data.endswith((b"\n\n", b"\n\r\n"), max(0, at - 4), at):
            continue
        if begin is not None:
            yield data[begin:at]
        begin = separator.end()
    if begin is not None:
        yield data[begin:]


def _message_text(message: Message, depth: int = 0) -> str:
    headers: list[str] = []
    for name in _SHOWN:
        value = _header(message, name)
        if value:
            headers.append(f"{name}: {value}")
    parts: list[str] = []
    if headers:
        parts.append("\n".join(headers))
    attachments: list[str] = []
    for body in _bodies(message, attachments, depth):
        text = body.strip("\n")
        if text.strip():
            parts.append(text)
    if attachments:
        parts.append("Attachments: " + ", ".join(attachments))
    return "\n\n".join(parts) + "\n"


def _bodies(part: Message, attachments: list[str], depth: int) -> Iterator[str]:
    """The texts of a message's parts, in order; of alternatives, the plain one.

    The names of other parts are added to ``attachments``.
    """
    kind = part.get_content_type()
    name = part.get_filename()
    payload = part.get_payload() if part.is_multipart() else None
    if isinstance(payload, list) and depth < MAX_DEPTH:
        children = [child for child in payload if isinstance(child, Message)]
        if kind == "multipart/alternative":
            yield from _best(children, attachments, depth)
            return
        for child in children:
            if kind == "message/rfc822":
                yield _message_text(child, depth + 1)
            else:
                yield from _bodies(child, attachments, depth + 1)
    elif kind in {"text/plain", "text/html"} and part.get_content_disposition() != "attachment":
        declared = part.get_content_charset()
        # Undoing the transfer encoding, the parser tries the charset too, and fails at unknown
        # ones.
        part.del_param("charset")
        content = part.get_payload(decode=True)
        if not isinstance(content, bytes):
            content = b""
        text = storable(decode_text(content, declared=declared))
        if kind == "text/html":
            text = convert_html(text).text
        yield text
    elif name:
        attachments.append(_decoded(name))
    elif depth:
        attachments.append(kind)


def _best(choices: list[Message], attachments: list[str], depth: int) -> Iterator[str]:
    """The texts of the first alternative that has any; plain text is tried first."""
    for choice in sorted(choices, key=lambda part: part.get_content_type() != "text/plain"):
        names: list[str] = []
        texts = [text for text in _bodies(choice, names, depth + 1) if text.strip()]
        if texts:
            attachments.extend(names)
            yield from texts
            return


def _header(message: Message, name: str) -> str:
    """The first header of this name, on one line; empty where there is none."""
    # The raw value: parsing loses letters that were sent without encoding, as many programs do.
    for key, value in message.raw_items():
        if key.lower() == name.lower():
            return _decoded(value)
    return ""


def _decoded(value: object) -> str:
    """A header's value on one line; words that cannot be decoded stay as they were sent."""

    def words(match: re.Match[str]) -> str:
        try:
            return str(make_header(decode_header(match.group())))
        except (HeaderParseError, LookupError, ValueError):
            return match.group()

    raw = str(value)
    if not raw.isascii():
        raw = decode_text(raw.encode("utf-8", "surrogateescape"))
    return " ".join(storable(_ENCODED.sub(words, raw)).split())
