"""A small folder of documents: how it is cut into chunks, and what its index finds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.golden import given, parts

if TYPE_CHECKING:
    from tests.golden.parts import Chunk

EXAMPLE: Final = (
    Path(__file__).parents[2] / "examples" / "documents" / "skerrow-annual-report-2023.md"
)
_QUERIES: Final = (
    "How many container moves per hour did the north quay reach in 2023?",
    '"dry bulk" cargo',
    "wind-power compon*",
    "revenue 81.1",
    "lighthouse tall metres",
    "the of and",
    "€m",
    '"Storm Halvar" OR NEAR(',
    "Hollin 1902",
    "nothing of this sort",
)


def lay_out(folder: Path) -> Path:
    """Write the documents into a folder."""
    for name, text in given.DOCUMENTS.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    return folder


def chunks(folder: Path) -> dict[str, Any]:
    """Where each document is cut, and under which headings each piece stands."""
    told: dict[str, Any] = {}
    files = {name: folder / name for name, text in given.DOCUMENTS.items() if text}
    for name, file in {**files, EXAMPLE.name: EXAMPLE}.items():
        document = parts.read_document(file)
        for tokens in (500, 60):
            cut = parts.chunk_document(document, max_tokens=tokens)
            told[f"{name}, {tokens} tokens"] = [_place(chunk) for chunk in cut]
        told[f"{name}, read"] = {
            **document.model_dump(mode="json", exclude={"text", "path", "outline"}),
            "characters": len(document.text),
            "sha256 of the text": parts.content_id(document.text.encode()),
            "outline": [f"{one.level} {one.start} {one.text}" for one in document.outline],
        }
    return told


def _place(chunk: Chunk) -> str:
    place = f"{chunk.id.rpartition(':')[2]}: {chunk.start}-{chunk.end}, {chunk.tokens} tokens"
    above = f" | {' > '.join(chunk.headings)}" if chunk.headings else ""
    return place + above + (f" | {chunk.table_header}" if chunk.table_header else "")


def found(folder: Path, index: Path) -> dict[str, Any]:
    """What the index finds for some queries, best first, and what it says of the folder."""
    told: dict[str, Any] = {}
    with parts.Index.open(index) as opened:
        corpus, report = opened.update([folder, EXAMPLE], chunk_tokens=120)
        names = {document.id: Path(document.path).name for document in corpus.documents}
        for query in _QUERIES:
            hits = corpus.search_scored(query, limit=6)
            told[query] = [f"{names[hit.chunk.document_id]} {_hit(hit)}" for hit in hits]
        together = corpus.search(list(_QUERIES[:5]), limit=12)
        told["several queries as one"] = [
            f"{names[chunk.document_id]} {chunk.index}" for chunk in together
        ]
    told["report"] = report.model_dump(mode="json", exclude={"unreadable"})
    told["unreadable"] = [f"{Path(one.path).name}: {one.reason}" for one in report.unreadable]
    return told


def _hit(hit: Any) -> str:
    return f"{hit.chunk.index} | {round(hit.score, 3)} | {' '.join(hit.snippet.split())}"
