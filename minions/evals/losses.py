"""Where the evidence is, whether it was read, found, sent and cited; and at which stage a wrong answer was lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from minions.evals.scorers import chosen, normalised
from minions.text.numbers import numbers_in, parse_number
from minions.values.base import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from decimal import Decimal

    from minions.corpus.port import Corpus
    from minions.evals.dataset import Example
    from minions.evals.tracing import Place, Trace
    from minions.values.answers import Answer
    from minions.values.documents import Chunk

Stage = Literal[
    "not retrieved",
    "not found",
    "not grounded",
    "dropped in reduction",
    "lost in the decision",
    "unknown",
]
_RECOGNISED = 60  # normalised characters by which a longer text is recognised
_RECOGNISED_DIGITS = 3
_CUT = 15  # fewer at a chunk's border may be chance


class Evidenced(Value):
    """How far the evidence of a question came; None where nobody knows where it is. ``sent``: words of the answer went
    up to the planner, or lines of the evidence where the answer stands in other words. ``citations_right`` is the share
    of citations that hold an accepted answer; None without citations, and where its words could stand anywhere.
    """

    read: bool | None = None
    sent: bool | None = None
    cited: bool | None = None
    citations_right: float | None = None
    stage: Stage = "unknown"


def follow(
    example: Example, answer: Answer | None, trace: Trace | None, corpus: Corpus
) -> Evidenced:
    """Follow a question's evidence from the documents to the citations."""
    gold = gold_chunks(example, corpus)
    citations = answer.citations if answer is not None else ()
    cited = [(one.document_id, one.start, one.end) for one in citations]
    right = [_holds(one.quote, example) for one in citations] if _telling(example) else []
    return Evidenced(
        read=None if not gold or trace is None else any(chunk.id in trace.read for chunk in gold),
        sent=None
        if not gold or trace is None
        else any(_shows(place, example, gold, corpus) for place in trace.sent),
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
    passages = [evidence.text for evidence in example.evidence if evidence.text] or [
        form for form in _telling(example) if len(form) > _RECOGNISED
    ]
    held = [
        chunk for chunk in chunks if any(_overlaps(chunk.text, passage) for passage in passages)
    ]
    answered = [chunk for chunk in held or chunks if _holds(chunk.text, example)]
    return answered or held


def _stage(example: Example, trace: Trace | None, gold: Sequence[Chunk], corpus: Corpus) -> Stage:
    """The first stage at which the evidence was not passed on: what it tells of a wrong answer."""
    if trace is None or not gold:
        return "unknown"
    if any(_shows(place, example, gold, corpus) for place in trace.sent):
        return "lost in the decision"
    read = [chunk for chunk in gold if chunk.id in trace.read]
    if not read:
        return "not retrieved"
    if any(_shows(place, example, read, corpus) for place in trace.found):
        return "dropped in reduction"
    return "not grounded" if any(chunk.id in trace.ungrounded for chunk in read) else "not found"


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
    return any(
        chunk.document_id == document and chunk.start < end and start < chunk.end
        for chunk in chunks
    )


def _holds(text: str, example: Example) -> bool:
    words = normalised(text)
    if any(_stands(normalised(form), words) for form in _telling(example)):
        return True
    wanted = [parse_number(form) for form in _telling(example)] if example.kind == "numeric" else []
    told = {
        figure
        for number in wanted
        if number is not None and (figure := _figure(number)) is not None
    }
    return bool(told) and any(_figure(number) in told for number in numbers_in(text))


def _figure(number: Decimal) -> tuple[tuple[int, ...], int] | None:
    """What a number shares with itself in thousands or millions, as tables have it under a heading that says so; None
    for one that is too short to be recognised: another stands everywhere.
    """
    _, digits, exponent = number.normalize().as_tuple()
    if len(digits) < _RECOGNISED_DIGITS or not isinstance(exponent, int):
        return None
    return digits, exponent % 3


def _stands(form: str, words: str) -> bool:
    if len(form) > _RECOGNISED:
        return f" {form[:_RECOGNISED]}" in f" {words}"
    return bool(form) and f" {form} " in f" {words} "


def _telling(example: Example) -> tuple[str, ...]:
    """The answers whose words tell where they stand. Those of a verdict or a count stand anywhere, and a number for
    several documents may be counted over them.
    """
    counted = example.kind == "numeric" and len(example.documents) > 1 and not example.evidence
    if counted or example.kind in {"yesno", "count"}:
        return ()
    return tuple(chosen(answer, example.choices) for answer in example.answers)


def _overlaps(text: str, passage: str) -> bool:
    """Whether a passage stands in a text, or the text in it, or so much of the passage that it can be recognised."""
    words, wanted = normalised(text), normalised(passage)
    if not words or not wanted:
        return False
    begins = _stands(wanted, words)
    ends = len(wanted) > _RECOGNISED and f"{wanted[-_RECOGNISED:]} " in f"{words} "
    if begins or ends or (len(words) > _RECOGNISED and words in wanted):
        return True
    return _runs_on(words, wanted) or _runs_on(wanted, words)


def _runs_on(first: str, second: str) -> bool:
    """Whether one ends as the other begins, as where a passage was cut into two chunks."""
    longest = min(len(first), len(second), 2 * _RECOGNISED)
    return any(first.endswith(second[:length]) for length in range(_CUT, longest + 1))
