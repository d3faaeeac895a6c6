"""Where the evidence is, whether it was read, found, sent and cited; and at which stage a wrong answer was lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from minions.evals.scorers import normalised
from minions.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from minions.answers import Answer
    from minions.documents import Chunk
    from minions.evals.dataset import Example
    from minions.evals.tracing import Place, Trace
    from minions.ports import Corpus

Stage = Literal["not retrieved", "not found", "not grounded", "dropped in reduction", "lost in the decision", "unknown"]
_RECOGNISED = 60  # normalised characters by which a longer text is recognised


class Evidenced(Value):
    """How far the evidence of a question came; None where nobody knows where it is. ``citations_right`` is the share of
    citations that hold an accepted answer, None without citations.
    """

    read: bool | None = None
    cited: bool | None = None
    citations_right: float | None = None
    stage: Stage = "unknown"


def follow(example: Example, answer: Answer | None, trace: Trace | None, corpus: Corpus) -> Evidenced:
    """Follow a question's evidence from the documents to the citations."""
    gold = gold_chunks(example, corpus)
    citations = answer.citations if answer is not None else ()
    cited = [(one.document_id, one.start, one.end) for one in citations]
    right = [_holds(one.quote, example) for one in citations]
    return Evidenced(
        read=None if not gold or trace is None else any(chunk.id in trace.read for chunk in gold),
        cited=None if not gold else any(_touches(place, gold) for place in cited),
        citations_right=sum(right) / len(right) if right else None,
        stage=_stage(example, trace, gold, corpus),
    )


def gold_chunks(example: Example, corpus: Corpus) -> list[Chunk]:
    """The chunks that hold the known evidence or, where none is given, an accepted answer word for word."""
    named = {evidence.document for evidence in example.evidence} or set(example.documents)
    ids, _ = corpus.contents.select(named) if named else (None, ())
    if ids is None and not example.evidence:
        return []
    chunks = list(corpus.chunks(documents=ids))
    passages = [evidence.text for evidence in example.evidence if evidence.text]
    held = [chunk for chunk in chunks if any(_overlaps(chunk.text, passage) for passage in passages)]
    answered = [chunk for chunk in held or chunks if _holds(chunk.text, example)]
    return answered or held


def _stage(example: Example, trace: Trace | None, gold: Sequence[Chunk], corpus: Corpus) -> Stage:
    """The first stage at which the evidence was not passed on: what it tells of a wrong answer."""
    if trace is None or not gold:
        return "unknown"
    read = [chunk for chunk in gold if chunk.id in trace.read]
    if not read:
        return "not retrieved"
    if not any(_shows(place, example, read, corpus) for place in trace.found):
        return "not grounded" if any(chunk.id in trace.ungrounded for chunk in read) else "not found"
    if not any(_shows(place, example, read, corpus) for place in trace.sent):
        return "dropped in reduction"
    return "lost in the decision"


def _shows(place: Place, example: Example, gold: Sequence[Chunk], corpus: Corpus) -> bool:
    """Whether a place shows the answer: by its words, or, where those stand nowhere, by lying in the evidence."""
    document, start, end = place
    if not _touches(place, gold):
        return False
    if not any(_holds(chunk.text, example) for chunk in gold):
        return True
    return _holds(corpus.text(document)[start:end], example)


def _touches(place: Place, chunks: Iterable[Chunk]) -> bool:
    document, start, end = place
    return any(chunk.document_id == document and chunk.start < end and start < chunk.end for chunk in chunks)


def _holds(text: str, example: Example) -> bool:
    words = normalised(text)
    forms = (normalised(form)[:_RECOGNISED] for form in example.answers)
    return any(form and f" {form}" in f" {words}" for form in forms)


def _overlaps(text: str, passage: str) -> bool:
    """Whether a passage begins, ends or lies in a text, or the text in it."""
    words, wanted = normalised(text), normalised(passage)
    ends = (wanted[:_RECOGNISED], wanted[-_RECOGNISED:])
    return bool(wanted) and (any(end in words for end in ends) or (len(words) > _RECOGNISED and words in wanted))
