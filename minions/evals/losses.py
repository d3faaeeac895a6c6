"""Follow the evidence of a question: was it read, found, sent and cited, and where was it lost?"""

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
    from minions.values.findings import Citation

Stage = Literal[
    "not retrieved",
    "not found",
    "not grounded",
    "dropped in reduction",
    "lost in the decision",
    "unknown",
]
_RECOGNISED = 60  # a longer text is recognised by so many of its normalised characters
_RECOGNISED_DIGITS = 3  # a number with fewer digits stands everywhere by chance
_CUT = 15  # fewer equal characters at a chunk's border may be chance


class Evidenced(Value):
    """The stages that a question's evidence reached; None where its place is unknown."""

    read: bool | None = None
    """A worker read a chunk that holds the evidence."""

    sent: bool | None = None
    """Words of the answer were sent to the planner.

    Where no chunk of the evidence has these words, lines of the evidence were sent.
    """

    cited: bool | None = None
    """A citation lies in the evidence."""

    citations_right: float | None = None
    """The share of citations that hold an accepted answer; None without citations, and for answers
    whose words could stand anywhere."""

    stage: Stage = "unknown"
    """The first stage that did not pass the evidence on."""


def follow(
    example: Example, answer: Answer | None, trace: Trace | None, corpus: Corpus
) -> Evidenced:
    """Follow a question's evidence from the documents to the citations of its answer."""
    gold = gold_chunks(example, corpus)
    citations: Sequence[Citation] = ()
    if answer is not None:
        citations = answer.citations
    cited = None
    if gold:
        places = [(citation.document_id, citation.start, citation.end) for citation in citations]
        cited = any(_touches(place, gold) for place in places)
    read = None
    sent = None
    if gold and trace is not None:
        read = any(chunk.id in trace.read for chunk in gold)
        sent = _show_answer(trace.sent, example, gold, corpus)
    citations_right = None
    if citations and _traceable_answers(example):
        right = [_holds_answer(citation.quote, example) for citation in citations]
        citations_right = sum(right) / len(right)
    return Evidenced(
        read=read,
        sent=sent,
        cited=cited,
        citations_right=citations_right,
        stage=_stage(example, trace, gold, corpus),
    )


def gold_chunks(example: Example, corpus: Corpus) -> list[Chunk]:
    """The chunks that hold the known evidence or, without any, an answer word for word."""
    named = {evidence.document for evidence in example.evidence} or set(example.documents)
    ids = None
    if named:
        ids, _ = corpus.contents.select(named)
    if ids is None and not example.evidence:
        return []
    passages = [evidence.text for evidence in example.evidence if evidence.text]
    if not passages:
        answers = _traceable_answers(example)
        passages = [form for form in answers if len(form) > _RECOGNISED]
    chunks = list(corpus.chunks(documents=ids))
    held = [chunk for chunk in chunks if _overlaps_any(chunk.text, passages)]
    answered = [chunk for chunk in held or chunks if _holds_answer(chunk.text, example)]
    return answered or held


def _stage(example: Example, trace: Trace | None, gold: Sequence[Chunk], corpus: Corpus) -> Stage:
    """The first stage that did not pass the evidence on: there a wrong answer was lost."""
    if trace is None or not gold:
        return "unknown"
    if _show_answer(trace.sent, example, gold, corpus):
        return "lost in the decision"
    read = [chunk for chunk in gold if chunk.id in trace.read]
    if not read:
        return "not retrieved"
    if _show_answer(trace.found, example, read, corpus):
        return "dropped in reduction"
    if any(chunk.id in trace.ungrounded for chunk in read):
        return "not grounded"
    return "not found"


def _show_answer(
    places: Iterable[Place], example: Example, gold: Sequence[Chunk], corpus: Corpus
) -> bool:
    """True where one of the places shows the answer.

    A place shows it by its words or, where no chunk of the evidence has these words, by lying in
    the evidence.
    """
    answer_stands = any(_holds_answer(chunk.text, example) for chunk in gold)
    for place in places:
        if not _touches(place, gold):
            continue
        document, start, end = place
        if not answer_stands or _holds_answer(corpus.text(document)[start:end], example):
            return True
    return False


def _touches(place: Place, chunks: Iterable[Chunk]) -> bool:
    document, start, end = place
    for chunk in chunks:
        overlaps = chunk.start < end and start < chunk.end
        if overlaps and chunk.document_id == document:
            return True
    return False


def _holds_answer(text: str, example: Example) -> bool:
    """True where a text holds an accepted answer, by its words or, for a number, by its digits."""
    answers = _traceable_answers(example)
    words = normalised(text)
    if any(_stands(normalised(answer), words) for answer in answers):
        return True
    if example.kind != "numeric":
        return False
    wanted = {_figure(parse_number(answer)) for answer in answers} - {None}
    if not wanted:
        return False
    return any(_figure(number) in wanted for number in numbers_in(text))


def _figure(number: Decimal | None) -> tuple[tuple[int, ...], int] | None:
    """The digits of a number, and its power of ten modulo 3.

    Tables write a number in thousands or millions under a heading that says so: these all have the
    same figure. None for a number that is too short to be recognised.
    """
    if number is None:
        return None
    _, digits, exponent = number.normalize().as_tuple()
    if len(digits) < _RECOGNISED_DIGITS or not isinstance(exponent, int):
        return None
    return digits, exponent % 3


def _stands(form: str, words: str) -> bool:
    """True where a form stands in a text as whole words; both are normalised."""
    if len(form) > _RECOGNISED:
        return f" {form[:_RECOGNISED]}" in f" {words}"
    return bool(form) and f" {form} " in f" {words} "


def _traceable_answers(example: Example) -> tuple[str, ...]:
    """The answers that can be found in a text by their words.

    Empty for yes, no and counts, which stand everywhere, and for a number over several documents,
    which may be counted over them.
    """
    counted = example.kind == "numeric" and len(example.documents) > 1 and not example.evidence
    if counted or example.kind in {"yesno", "count"}:
        return ()
    return tuple(chosen(answer, example.choices) for answer in example.answers)


def _overlaps_any(text: str, passages: Iterable[str]) -> bool:
    """True where one of the passages begins, ends or runs on in a text, or holds all of it."""
    words = normalised(text)
    for passage in passages:
        wanted = normalised(passage)
        if not words or not wanted:
            continue
        begins = _stands(wanted, words)
        ends = len(wanted) > _RECOGNISED and f"{wanted[-_RECOGNISED:]} " in f"{words} "
        holds_all = len(words) > _RECOGNISED and words in wanted
        if begins or ends or holds_all:
            return True
        if _runs_on(words, wanted) or _runs_on(wanted, words):
            return True
    return False


def _runs_on(first: str, second: str) -> bool:
    """True where the first text ends as the second begins: a passage cut into two chunks."""
    longest = min(len(first), len(second), 2 * _RECOGNISED)
    return any(first.endswith(second[:length]) for length in range(_CUT, longest + 1))
