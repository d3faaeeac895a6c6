"""Hostile e-mail."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final

from tests.hostile import texts
from tests.hostile.texts import MARK

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEAD: Final = "From: a@example.com\nTo: b@example.com\nDate: Mon, 01 Jan 2024 10:00:00 +0000\n"


def files() -> Iterator[tuple[str, bytes]]:
    """Names and contents."""
    for number, text in enumerate((*texts.TO_THE_WORKER, *texts.TERMINAL, *texts.UNICODE)):
        subject = base64.b64encode(text.encode()).decode()
        body = f"Content-Type: text/plain; charset=utf-8\n\n{text}\n"
        yield f"said-{number:02}.eml", f"{_HEAD}Subject: =?utf-8?b?{subject}?=\n{body}".encode()
    yield "attachments.eml", _parts([_attached(path) for path in texts.PATHS])
    yield "parts.eml", _parts(["Content-Type: text/plain\n\nx"] * 5000)
    for depth in (15, 90, 5000):
        yield f"nested-{depth}.eml", _nested(depth)
        forwarded = f"{_HEAD}Content-Type: message/rfc822\n\n" * depth + f"{_HEAD}\n{MARK}"
        yield f"forwarded-{depth}.eml", forwarded.encode()
    words = "=?utf-8?q?" + "=?a?q?" * 200_000
    for name, header in {
        "words": f"Subject: {words}",
        "subject": f"Subject: {'x' * 2**20}",
        "recipients": "To: " + ", ".join(f"u{n}@example.com" for n in range(50_000)),
        "parameters": "Content-Type: text/plain" + ";a=b" * 300_000,
        "quotes": 'Content-Type: multipart/mixed; boundary="' + '\\"; ' * 200_000,
        "names": "Content-Disposition: attachment; filename*0*=utf-8''"
        + ";filename*1*=%ff" * 50_000,
    }.items():
        yield f"header-{name}.eml", f"{_HEAD}{header}\n\n{MARK}\n".encode()
    yield "headers.eml", (_HEAD + f"X-{MARK}: 1\n" * 100_000 + f"\n{MARK}\n").encode()
    yield (
        "smuggled.eml",
        f"{_HEAD}Subject: a\n b\r\n\tc\rBcc: {MARK}@example.com\nX: \n\nbody {MARK}\n".encode(),
    )
    yield (
        "boundary.eml",
        f"{_HEAD}Content-Type: multipart/mixed; boundary=\n\n--\n\n{MARK}\n----\n".encode(),
    )
    yield (
        "charset.eml",
        f"{_HEAD}Content-Type: text/plain; charset=zip\nContent-Transfer-Encoding: x-uu\n\n{MARK}".encode(),
    )
    yield "bomb.mbox", b"From a Mon Jan  1 10:00:00 2024\nSubject: x\n\n" * 5000 + MARK.encode()
    yield "from.mbox", b"From \n" * 2**18 + b"\nSubject: " + MARK.encode()


def _parts(parts: list[str]) -> bytes:
    joined = "".join(f"--B\n{part}\n" for part in parts)
    return f"{_HEAD}Subject: {MARK}\nContent-Type: multipart/mixed; boundary=B\n\n{joined}--B--\n".encode()


def _attached(path: str) -> str:
    name = base64.b64encode(path.encode()).decode()
    return f"Content-Disposition: attachment; filename==?utf-8?b?{name}?=\nContent-Type: application/pdf\n\n{MARK}"


def _nested(depth: int) -> bytes:
    """Multiparts within multiparts, each with a boundary of its own."""
    heads = "".join(
        f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n" for n in range(depth)
    )
    ends = "".join(f"--b{n}--\n" for n in reversed(range(depth)))
    return f"{_HEAD}{heads}Content-Type: text/plain\n\n{MARK}\n{ends}".encode()
