"""Hostile PDFs."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

from tests.hostile import texts
from tests.hostile.texts import MARK

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_PAGE: Final = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 5 0 R /Resources << /Font << /F1 4 0 R >> >> >>"  # noqa: E501 - a string as it is
_FONT: Final = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"


def files(port: int) -> Iterator[tuple[str, bytes]]:
    """Names and contents. ``port``: where a server listens that must not be asked."""
    for number, text in enumerate((*texts.TO_THE_WORKER, *texts.TO_THE_PLANNER)):
        yield f"said-{number:02}.pdf", page(_drawn(text), title=text[:80])
    actions = {
        "script": f"<< /S /JavaScript /JS (app.launchURL\\('http://127.0.0.1:{port}/{MARK}'\\);) >>",
        "launch": f"<< /S /Launch /F (/bin/sh) /Win << /F (cmd.exe) /P (/c {MARK}) >> >>",
        "uri": f"<< /S /URI /URI (http://127.0.0.1:{port}/{MARK}) >>",
        "submit": f"<< /S /SubmitForm /F << /FS /URL /F (http://127.0.0.1:{port}/{MARK}) >> >>",
        "remote": "<< /S /GoToR /F (../../../etc/passwd) /D [0 /Fit] >>",
    }
    for name, action in actions.items():
        yield (
            f"{name}.pdf",
            page(_drawn(MARK), catalog=f"/OpenAction {action} /AA << /WC {action} >>"),
        )
    attached = (
        "/Names << /EmbeddedFiles << /Names [(../../x) << /F (../../x) /EF << /F 5 0 R >> >>] >> >>"
    )
    yield "attached.pdf", page(_drawn(MARK), catalog=attached)
    yield "stream-bomb.pdf", page(_drawn(MARK) + b"\n" + b" " * (256 * 2**20), packed=True)
    yield (
        "text-bomb.pdf",
        page(
            b"BT /F1 1 Tf " + b"(aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa) Tj " * 2**17 + b"ET", packed=True
        ),
    )
    yield (
        "count.pdf",
        pdf([b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [] /Count 999999 >>"]),
    )
    yield (
        "negative.pdf",
        pdf([b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [] /Count -5 >>"]),
    )
    yield (
        "circle.pdf",
        pdf(
            [
                b"<< /Type /Catalog /Pages 2 0 R >>",
                b"<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 2 >>",
            ]
        ),
    )
    yield "deep.pdf", pdf([b"<< /Type /Catalog /Pages 2 0 R >>", b"[" * 100_000 + b"]" * 100_000])
    yield "bookmarks.pdf", page(_drawn(MARK), catalog="/Outlines 6 0 R", more=_circle())
    yield "xref.pdf", b"%PDF-1.4\nstartxref\n99999999999999\n%%EOF" + MARK.encode()
    yield "cut.pdf", page(_drawn(MARK))[:300]
    same = b" ".join([b"3 0 R"] * 1000)
    yield (
        "pages.pdf",
        page(_drawn("x" * 500)).replace(
            b"/Kids [3 0 R] /Count 1", b"/Kids [" + same + b"] /Count 1000"
        ),
    )


def page(
    drawn: bytes,
    *,
    title: str = MARK,
    catalog: str = "",
    packed: bool = False,
    more: Sequence[bytes] = (),
) -> bytes:
    """A PDF of one page that draws this."""
    content = zlib.compress(drawn, 9) if packed else drawn
    kind = b"/Filter /FlateDecode" if packed else b""
    shown = "".join(letter for letter in title if letter.isprintable() and letter not in "()\\")
    return pdf(
        [
            f"<< /Type /Catalog /Pages 2 0 R {catalog} >>".encode("latin-1", "replace"),
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            _PAGE,
            _FONT,
            b"<< /Length %d %b >>\nstream\n%b\nendstream" % (len(content), kind, content),
            *(more or [b"null"]),
        ],
        info=f"<< /Title ({shown}) >>".encode("latin-1", "replace"),
    )


def pdf(objects: list[bytes], *, info: bytes = b"<< >>") -> bytes:
    """A PDF of these objects, the first of them its catalog."""
    data, offsets = b"%PDF-1.7\n", []
    for number, content in enumerate((*objects, info), start=1):
        offsets.append(len(data))
        data += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    count = len(offsets) + 1
    end = b"trailer << /Size %d /Root 1 0 R /Info %d 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        count,
        count - 1,
        len(data),
    )
    return data + b"xref\n0 %d\n0000000000 65535 f \n%b%b" % (count, table, end)


def _drawn(text: str) -> bytes:
    shown = (
        "".join(letter for letter in text if letter.isprintable())
        .replace("\\", "")
        .replace("(", "[")
        .replace(")", "]")
    )
    lines = [shown[at : at + 90] for at in range(0, len(shown), 90)]
    return b"\n".join(
        f"BT /F1 10 Tf 40 {740 - 14 * number} Td ({line}) Tj ET".encode("latin-1", "replace")
        for number, line in enumerate(lines)
    )


def _circle() -> list[bytes]:
    """Bookmarks that lead to each other."""
    return [
        b"<< /Type /Outlines /First 7 0 R /Last 7 0 R /Count 1 >>",
        b"<< /Title ("
        + MARK.encode()
        + b") /Parent 6 0 R /First 7 0 R /Next 7 0 R /Dest [3 0 R /Fit] >>",
    ]
