"""Fixed inputs: documents, tasks, chunks, findings. To change one is to write the golden data anew."""

from __future__ import annotations

from typing import Any, Final

from tests.golden.parts import Chunk, Citation, CorpusCard, Digest, Finding, Job, Task

QUESTION: Final = "How tall is the lighthouse at Skerrow?"
DOCUMENTS: Final = {
    "guide.md": """# Lights of the coast

## Skerrow

The lighthouse at Skerrow is 41 metres tall.
Anna Reid built it in 1871. Write to anna.reid@skerrow.example before a visit.

## Heights

| Light | Height, m | Built |
|---|---:|---:|
| Skerrow | 41 | 1871 |
| Hollin | 17 | 1902 |
| Garrow | 23 | 1888 |
""",
    "old/list.txt": """OLD LIST

An old list says that the lighthouse at Skerrow is 39 metres tall.
It is known to err.
""",
    "other.txt": "Revenue was 12 million in 2022.\nNothing here stands by the sea.\n",
    "lights.csv": "light,height,built\nSkerrow,41,1871\nHollin,17,1902\nGarrow,23,1888\n",
    "empty.txt": "",
}
TEXT: Final = (
    "The lighthouse at Skerrow is 41 metres tall.\n"
    "Anna Reid built it in 1871.\n"
    "\n"
    "| Light | Height, m |\n"
    "|---|---:|\n"
    "| Skerrow | 41 |\n"
    "| Hollin | 17 |\n"
)
CARD: Final = CorpusCard(
    documents=3,
    tokens=4_200,
    pages=7,
    text="3 documents, 4,200 tokens: guide.md, list.txt, other.txt",
)
ANSWER_SCHEMA: Final = {
    "type": "object",
    "properties": {"metres": {"type": "number"}},
    "required": ["metres"],
}
TASKS: Final = {
    "text": Task(id="t1", instruction=QUESTION, search=("lighthouse tall", "metres")),
    "number": Task(
        id="t2", instruction="How high is Hollin, in metres?", output="number", reduce="max"
    ),
    "date": Task(id="t3", instruction="When was it built?", output="date"),
    "list": Task(id="t4", instruction="Which lights are named?", output="list", reduce="unique"),
    "yes_no": Task(id="t5", instruction="Is a builder named?", output="yes_no", reduce="vote"),
    "category": Task(
        id="t6",
        instruction="What is it about?",
        output="category",
        options=("sea", "money", "{braces}"),
    ),
    "judged yes_no": Task(
        id="t7",
        instruction="Does it name a light?",
        output="yes_no",
        unit="document",
        reduce="count",
    ),
    "judged category": Task(
        id="t8",
        instruction="What is it about?",
        output="category",
        options=("sea", "money", "neither"),
        unit="document",
        reduce="group",
    ),
}


def chunk(text: str = TEXT, **changes: Any) -> Chunk:
    """A chunk with headings, and a table that it continues."""
    start = changes.pop("start", 120)
    values: dict[str, Any] = {
        "id": "0123456789abcdef0123456789abcdef:2",
        "document_id": "0123456789abcdef0123456789abcdef",
        "path": "folder/guide é.md",
        "index": 2,
        "tokens": 60,
        "page": 3,
        "headings": ("Lights of the coast", "Skerrow"),
        "table_header": "| Light | Height, m |",
    }
    return Chunk(**{**values, **changes}, start=start, end=start + len(text), text=text)


def job(task: str = "text", *, read: Chunk | None = None, sample: int = 0) -> Job:
    """One of the tasks over a chunk."""
    asked, read = TASKS[task], read or chunk()
    return Job(id=f"r1.{asked.id}.{read.id}.{sample}", task=asked, chunk=read, sample=sample)


def finding(
    answer: str | None, quote: str, *, document: str = "guide", start: int = 0, **changes: Any
) -> Finding:
    """A finding at a place of a document."""
    values: dict[str, Any] = {
        "id": f"r1.t1.{document}:0.0.{start}",
        "task_id": "t1",
        "answer": answer,
        "confidence": 0.5,
        "passage": f"{document}:{start // 1000}",
        "context_start": start,
        "context_end": start + len(quote),
    }
    citation = Citation(
        id=values["id"],
        document_id=document,
        path=f"folder/{document}.md",
        page=changes.pop("page", None),
        start=start,
        end=start + len(quote),
        quote=quote,
        status="exact",
        score=1.0,
    )
    return Finding(**{**values, **changes}, citation=citation)


FINDINGS: Final = (
    finding(
        "41 metres",
        "| Skerrow | 41 |",
        confidence=0.93,
        page=12,
        headings=("Lights of the coast", "Heights"),
        table_header="| Light | Height, m |",
        before="| Light | Height, m |",
        after="| Hollin | 17 |",
    ),
    finding(
        "39 metres",
        "An old list says that the lighthouse at Skerrow is 39 metres tall.",
        document="list",
        start=1_500,
        confidence=0.91,
        after="It is known to err.",
    ),
    finding(
        "41 m",
        "At 41 m the light of Skerrow is the tallest.",
        document="list",
        start=4_000,
        confidence=0.88,
    ),
    finding(
        None, "The lighthouse at Skerrow\nis tall.", document="other", start=9_000, confidence=0.4
    ),
    finding(
        "17",
        "| Hollin | 17 |",
        start=16,
        confidence=0.3,
        headings=("Lights of the coast", "Heights"),
    ),
)
NAMES: Final = {"guide": "guide.md", "list": "list.md", "other": "other.md"}
NUMBERS: Final = {"guide": "d1", "list": "d2", "other": "d3"}
DIGEST: Final = Digest(
    text="t1 How tall? (read 2 of 9 passages)\nf1 41 metres | guide.md: The lighthouse at Skerrow is 41 metres tall.",
    findings=(
        finding(
            "41 metres", "The lighthouse at Skerrow is 41 metres tall.", confidence=0.9, id="f1"
        ),
    ),
    gist="f1 41 metres",
    tokens=40,
)
NO_FINDINGS: Final = Digest(
    text="t1 How tall? (read 9 of 9 passages; nothing found)", findings=(), gist="", tokens=12
)
