"""A crew that tries to give documents away, and all that the cloud of each of its runs received."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from minions import Minions
from minions.corpus.readers import read_document
from minions.corpus.structure import find_blocks
from minions.models.scripted import ScriptedModel
from minions.testing import LoopbackServer
from tests.canaries.hostile import asking, copying
from tests.canaries.planted import canaries, plant
from tests.canaries.received import Strings, document_bytes, pieces, plain, texts_in
from tests.canaries.values import plant_values, values
from tests.sizes import size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from minions.values.answers import Answer
    from minions.values.chat import ChatRequest, Completion
    from minions.values.documents import Document
    from minions.values.events import Event

PLANS = size("CANARY_PLANS", small=20, full=40)  # 500 before a release
_WIDE: dict[str, Any] = {"max_rounds": 3, "chunk_tokens": 80, "max_tasks": 9, "max_jobs": 24}


@dataclass(frozen=True)
class Sent:
    """Runs that have ended: their answers and events, the bodies that the cloud received, in order, and the log's."""

    strings: list[str]
    answers: list[Answer]
    received: list[bytes]
    logged: dict[str, list[bytes]]
    events: dict[str, list[Event]] = field(default_factory=lambda: defaultdict(list))

    def stray(self, allowed: Callable[[Answer], str] | None = None) -> dict[str, dict[str, str]]:
        """By question what was received of the strings, but for what is ``allowed`` of a run."""
        looked_for, found = Strings(self.strings), {}
        for answer in self.answers:
            text = "\n".join(map(texts_in, self.logged[answer.run_id]))
            stray = looked_for.pieces_in(text) - (pieces(allowed(answer)) if allowed else set())
            if stray:
                found[answer.question] = looked_for.found(stray)
        return found

    def too_long(self) -> list[str]:
        """The questions for which more of the documents was received than was counted, or allowed."""
        found = []
        for answer in self.answers:
            received, limit = document_bytes(self.logged[answer.run_id]), answer.egress.limit_bytes
            if received > answer.egress.sent_bytes or (
                limit is not None and answer.egress.sent_bytes > limit
            ):
                found.append(answer.question)
        return found

    def check_log(self) -> None:
        """The log holds what was received, to the byte: no more, no less, and for each run in its order."""
        assert self.received
        assert Counter(self.received) == Counter(
            body for bodies in self.logged.values() for body in bodies
        )
        for answer in self.answers:
            own = set(self.logged[answer.run_id])
            assert [body for body in self.received if body in own] == self.logged[answer.run_id]


@dataclass(frozen=True)
class Planted:
    """Documents, and the strings in them."""

    folder: Path
    strings: list[str]

    def shown(self, events: list[Event]) -> str:
        """What of the documents a run may show: names and titles, and the lines, headings and header rows found."""
        parts = [str(path.relative_to(self.folder)) for path in self.folder.rglob("*")]
        texts = {document.id: document.text for document in _read(self.folder)}
        tables = [
            (document, block) for document in _read(self.folder) for block in find_blocks(document)
        ]
        tables = [(document, block) for document, block in tables if block.kind == "table"]
        for document in _read(self.folder):
            parts += [document.title, *(heading.text for heading in document.outline)]
            parts += [
                block.title for block in find_blocks(document) if block.level
            ]  # numbered clauses, too
        for event in events:
            if event.kind == "digest":
                parts += [texts[document_id][start:end] for document_id, start, end in event.places]
                parts += [  # a row goes up with its table's head
                    document.text[table.start : table.head_end]
                    for document, table in tables
                    for document_id, start, end in event.places
                    if document_id == document.id and start < table.end and table.start < end
                ]
            if event.kind == "finding":
                found, text = event.finding, texts[event.finding.citation.document_id]
                assert text[found.citation.start : found.citation.end] == found.citation.quote
                parts += [
                    *found.headings,
                    found.table_header or "",
                    text[found.context_start : found.context_end],
                ]
        return plain("\n".join(parts))


@cache
def _read(folder: Path) -> list[Document]:
    return [read_document(path) for path in sorted(folder.rglob("*")) if path.is_file()]


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    """A small corpus in every format, with a canary in every corner."""
    pytest.importorskip("pptx")
    pytest.importorskip("openpyxl")
    folder = tmp_path_factory.mktemp("planted")
    return Planted(folder, plant(folder, canaries()))


@pytest.fixture(scope="session")
def valued(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    """Documents full of values that must stay."""
    folder, strings = tmp_path_factory.mktemp("valued"), values()
    plant_values(folder, strings)
    return Planted(folder, strings)


@pytest.fixture
def send(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[..., Sent]]:
    """Asks so many questions, each of which meets another plan; all of a test in one home."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))

    def run(documents: Planted, plans: int = PLANS, *, bending: bool = True, **how: Any) -> Sent:
        worker = ScriptedModel(
            copying(documents.strings, bending=bending), reference="scripted:copying"
        )
        monkeypatch.setattr(ScriptedModel, "from_file", lambda _: worker)
        return _sent(documents, plans, tmp_path / "home", **how)

    yield run
    structlog.reset_defaults()


def _sent(
    documents: Planted,
    plans: int,
    home: Path,
    *,
    planner: Callable[[ChatRequest], Completion] = asking,
    faulty: Any = None,
    question: str = "How tall is the lighthouse",
    **settings: Any,
) -> Sent:
    """Ask over a loopback server that records; the worker is in this process, all else is real."""
    sent = Sent(documents.strings, [], [], {})

    def observe(event: Event) -> None:
        if event.kind != "batch" and event.run_id is not None:
            sent.events[event.run_id].append(event)

    with LoopbackServer(planner, faulty=faulty) as cloud:
        models = f"openai:planner@{cloud.openai_url}", "scripted:copying"
        chosen: dict[str, Any] = {**_WIDE, "home": home, "openai_api_key": "none", **settings}
        with Minions(*models, **chosen) as minions:

            async def ask() -> None:
                questions = [{"id": str(n), "question": f"{question}? ({n})"} for n in range(plans)]
                answers = minions.map(questions, documents.folder, observe=observe)
                sent.answers.extend([answer async for answer in answers])

            minions._await(ask())
            sent.logged.update(
                {answer.run_id: minions.egress(answer.run_id) for answer in sent.answers}
            )
        assert not cloud.other_requests
        sent.received.extend(request.body for request in cloud.requests)
    return sent
