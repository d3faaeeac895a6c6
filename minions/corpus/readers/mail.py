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
# An encoded word ends at its question marks, so that looking for them takes a look at each character.
_WORD: Final = r"=\?[^?\s]*\?[qQbB]\?[^?]*\?="
_ENCODED: Final = re.compile(rf"{_WORD}(?:\s+{_WORD})*")


class _Bounded(Compat32):
    """Headers as they were sent, cut where they get too long: parsing parameters takes the square of their length."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, value = super().header_source_parse(sourcelines)
        limit = (
            MAX_CONTENT_HEADER_CHARS if name.lower().startswith("content-") else MAX_HEADER_CHARS
        )
        return name, value[:limit]


_POLICY: Final = _Bounded()


def read_mail(source: Source) -> Extract:
    """One message: headers as lines, the text (plain if there is any, else from HTML), names of attachments."""
    message = message_from_bytes(source.data, policy=_POLICY)
    if not message.keys():
        raise source.unreadable("e-mail is broken: it has no headers")
    return Extract(
        _message_text(message), "message/rfc822", title=_header(message, "Subject") or None
    )


def read_mailbox(source: Source) -> Extract:
    """Every message, each under a ``#`` heading that is its subject; the outline lists them."""
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
    """The messages between the lines that begin with ``From`` at the start or after an empty line."""
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
    attachments: list[str] = []
    bodies = [body for body in _bodies(message, attachments, depth) if body.strip()]
    headers = [f"{name}: {value}" for name in _SHOWN if (value := _header(message, name))]
    parts = ["\n".join(headers), *(body.strip("\n") for body in bodies)]
    if attachments:
        parts.append("Attachments: " + ", ".join(attachments))
    return "\n\n".join(part for part in parts if part) + "\n"


def _bodies(part: Message, attachments: list[str], depth: int) -> Iterator[str]:
    """The texts of a message's parts in order, the plain one of alternatives; other parts' names to ``attachments``."""
    kind, name = part.get_content_type(), part.get_filename()
    payload = part.get_payload() if part.is_multipart() else None
    if isinstance(payload, list) and depth < MAX_DEPTH:
        children = [child for child in payload if isinstance(child, Message)]
        if kind == "message/rfc822":
            yield from (_message_text(child, depth + 1) for child in children)
        elif kind == "multipart/alternative":
            yield from _best(children, attachments, depth)
        else:
            for child in children:
                yield from _bodies(child, attachments, depth + 1)
    elif kind in {"text/plain", "text/html"} and part.get_content_disposition() != "attachment":
        yield _part_text(part, kind)
    elif name or depth:
        attachments.append(_decoded(name) if name else kind)


def _best(choices: list[Message], attachments: list[str], depth: int) -> Iterator[str]:
    """The first of the alternatives that has text, plain before any other."""
    for choice in sorted(choices, key=lambda part: part.get_content_type() != "text/plain"):
        names: list[str] = []
        texts = [text for text in _bodies(choice, names, depth + 1) if text.strip()]
        if texts:
            attachments.extend(names)
            yield from texts
            return


def _part_text(part: Message, kind: str) -> str:
    declared = part.get_content_charset()
    # Undoing the transfer encoding, the parser tries the charset too, and stumbles over odd ones.
    part.del_param("charset")
    payload = part.get_payload(decode=True)
    data = payload if isinstance(payload, bytes) else b""
    text = storable(decode_text(data, declared=declared))
    return convert_html(text).text if kind == "text/html" else text


def _header(message: Message, name: str) -> str:
    # The raw value: the parsed one has lost what was sent without encoding, which many programs do.
    found = (value for key, value in message.raw_items() if key.lower() == name.lower())
    return _decoded(next(found, ""))


def _decoded(value: object) -> str:
    """A header on one line; what cannot be decoded stays as it was sent."""
    raw = str(value)
    if not raw.isascii():
        raw = decode_text(raw.encode("utf-8", "surrogateescape"))
    return " ".join(storable(_ENCODED.sub(_decoded_words, raw)).split())


def _decoded_words(match: re.Match[str]) -> str:
    try:
        return str(make_header(decode_header(match.group())))
    except (HeaderParseError, LookupError, ValueError):
        return match.group()
