"""Where a wrong answer was lost: each stage is told from what was read, found and sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from minions.corpus.index import Index
from minions.evals.dataset import Evidence, Example
from minions.evals.losses import follow, gold_chunks
from minions.evals.tracing import Trace

if TYPE_CHECKING:
    from pathlib import Path

    from minions.corpus.port import Corpus
    from minions.values.documents import Chunk

SENTENCE = "The lighthouse at Skerrow is 41 metres tall."
QUESTION = Example(
    id="q",
    question="How tall?",
    answers=("41 metres",),
    kind="extractive",
    documents=("guide.txt",),
)


@pytest.fixture
def gold(corpus: Corpus) -> Chunk:
    """The one chunk that holds the answer."""
    (chunk,) = gold_chunks(QUESTION, corpus)
    assert SENTENCE in chunk.text
    return chunk


def place(corpus: Corpus, gold: Chunk, words: str = SENTENCE) -> tuple[str, int, int]:
    """Where these words of the guide stand."""
    start = corpus.text(gold.document_id).index(words, gold.start)
    return gold.document_id, start, start + len(words)


def stage(corpus: Corpus, **trace: Any) -> str:
    """The stage at which a wrong answer with this trace was lost."""
    return follow(QUESTION, None, Trace(id="q", **trace), corpus).stage


def test_what_was_never_read_was_not_retrieved(corpus: Corpus, gold: Chunk) -> None:
    """Other chunks were read, the one with the answer was not: the search is to blame."""
    others = tuple(chunk.id for chunk in corpus.chunks() if chunk.id != gold.id)
    assert stage(corpus, read=others) == "not retrieved"


def test_what_was_read_without_a_finding_was_not_found(corpus: Corpus, gold: Chunk) -> None:
    """The worker read it and said nothing, or pointed at another line of it."""
    assert stage(corpus, read=(gold.id,)) == "not found"
    beside = place(corpus, gold, "Nothing of note")
    assert stage(corpus, read=(gold.id,), found=(beside,), sent=(beside,)) == "not found"


def test_evidence_that_did_not_stand_is_told_apart(corpus: Corpus, gold: Chunk) -> None:
    """The worker spoke, but what it cited stands nowhere in the chunk."""
    assert stage(corpus, read=(gold.id,), ungrounded=(gold.id,)) == "not grounded"
    assert stage(corpus, read=(gold.id,), ungrounded=("another",)) == "not found"


def test_what_was_found_and_not_sent_was_dropped(corpus: Corpus, gold: Chunk) -> None:
    """The finding was there, and the digest had no room for it."""
    assert stage(corpus, read=(gold.id,), found=(place(corpus, gold),)) == "dropped in reduction"


def test_what_went_up_was_lost_in_the_decision(corpus: Corpus, gold: Chunk) -> None:
    """The planner saw the line, as a finding or as the index's own best line, and answered otherwise."""
    shown = (place(corpus, gold),)
    assert stage(corpus, read=(gold.id,), found=shown, sent=shown) == "lost in the decision"
    assert stage(corpus, sent=shown) == "lost in the decision"


def test_evidence_is_sent_when_its_answer_went_up(corpus: Corpus, gold: Chunk) -> None:
    """The line with the answer counts, another line of the same chunk does not, a finding that stayed does not."""
    for sent, found, told in (
        ((place(corpus, gold),), (), True),
        ((place(corpus, gold, "Nothing of note"),), (), False),
        ((), (place(corpus, gold),), False),
    ):
        trace = Trace(id="q", read=(gold.id,), sent=sent, found=found)
        assert follow(QUESTION, None, trace, corpus).sent is told


def test_what_nobody_knows_is_unknown(corpus: Corpus) -> None:
    """Without a trace, or without a place where the answer stands, no stage is blamed."""
    assert follow(QUESTION, None, None, corpus).stage == "unknown"
    assert follow(QUESTION, None, None, corpus).sent is None
    elsewhere = QUESTION.model_copy(update={"answers": ("57 metres",)})
    followed = follow(elsewhere, None, Trace(id="q"), corpus)
    assert (followed.stage, followed.read, followed.cited) == ("unknown", None, None)


def test_evidence_is_followed_from_reading_to_citing(
    corpus: Corpus, gold: Chunk, made: Any
) -> None:
    """Read: its chunk was. Cited: a citation lies in it. Right: the quote holds the answer."""
    document, start, end = place(corpus, gold)
    right = made.citation(corpus, document, start, end)
    wrong = made.citation(corpus, document, 0, 20)
    followed = follow(QUESTION, made.answer(right, wrong), Trace(id="q", read=(gold.id,)), corpus)
    assert (followed.read, followed.cited, followed.citations_right) == (True, True, 0.5)
    followed = follow(QUESTION, made.answer(wrong), Trace(id="q"), corpus)
    assert (followed.read, followed.cited, followed.citations_right) == (False, False, 0.0)
    assert follow(QUESTION, made.answer(), Trace(id="q"), corpus).citations_right is None


@pytest.mark.parametrize(("kind", "answer"), [("yesno", "No"), ("count", "41")])
def test_words_that_stand_anywhere_prove_nothing(
    corpus: Corpus, gold: Chunk, made: Any, kind: Any, answer: str
) -> None:
    """A verdict or a count is no evidence: without a passage its place is unknown, its citations unjudged."""
    one = Example(id="q", question="?", answers=(answer,), kind=kind, documents=("guide.txt",))
    cited = made.answer(made.citation(corpus, *place(corpus, gold)))
    followed = follow(one, cited, Trace(id="q", read=(gold.id,)), corpus)
    assert (followed.read, followed.citations_right, followed.stage) == (None, None, "unknown")


def test_a_verdicts_known_passage_is_followed(corpus: Corpus, gold: Chunk) -> None:
    """With evidence in the data set a yes or no is followed like any answer."""
    evidence = (Evidence(document="guide.txt", text=SENTENCE),)
    one = Example(id="q", question="?", answers=("Yes",), kind="yesno", evidence=evidence)
    read = Trace(id="q", read=(gold.id,))
    assert follow(one, None, read, corpus).stage == "not found"
    shown = read.model_copy(update={"found": (place(corpus, gold),)})
    assert follow(one, None, shown, corpus).stage == "dropped in reduction"


def test_a_number_is_not_found_within_another(corpus: Corpus) -> None:
    """The answer 4 does not stand where 41 stands."""
    assert gold_chunks(QUESTION.model_copy(update={"answers": ("4",)}), corpus) == []


def test_a_letter_stands_for_its_choice(corpus: Corpus, gold: Chunk) -> None:
    """The answer "B" stands where the text of choice B stands."""
    changes = {"answers": ("B",), "kind": "multiple_choice", "choices": ("12 feet", "41 metres")}
    assert gold_chunks(QUESTION.model_copy(update=changes), corpus) == [gold]


def test_all_documents_are_searched_for_evidence_only_where_it_is_known(
    corpus: Corpus, gold: Chunk
) -> None:
    """For a question to all documents the passage says where to look; without one nobody looks."""
    everywhere = QUESTION.model_copy(update={"documents": ()})
    assert gold_chunks(everywhere, corpus) == []
    evidence = (Evidence(document="guide.txt", text=SENTENCE),)
    assert gold_chunks(everywhere.model_copy(update={"evidence": evidence}), corpus) == [gold]


def test_short_evidence_is_not_found_within_words(corpus: Corpus, gold: Chunk) -> None:
    """The cell "4" of a table does not stand in 41, nor "metre" in "metres"; a whole word does."""
    for text, found in (
        ("4", []),
        ("metre", []),
        ("41", [gold]),
        ("lighthouse at Skerrow", [gold]),
    ):
        evidence = (Evidence(document="guide.txt", text=text),)
        one = QUESTION.model_copy(
            update={"answers": ("Yes",), "kind": "yesno", "evidence": evidence}
        )
        assert gold_chunks(one, corpus) == found


@pytest.mark.parametrize("length", [40, 90, 200])
def test_evidence_across_a_border_is_found_on_both_sides(tmp_path: Path, length: int) -> None:
    """A passage that was cut into two chunks stands in both, however short its halves are."""
    words = " ".join(f"w{number}" for number in range(4_000))
    (tmp_path / "guide.txt").write_text(words)
    with Index.open(tmp_path / "index.sqlite3") as index:
        corpus = index.update([tmp_path / "guide.txt"], chunk_tokens=100)[0]
        border = list(corpus.chunks())[1].start
        text = words[border - length // 2 : border + length // 2].strip()
        one = QUESTION.model_copy(update={"evidence": (Evidence(document="guide.txt", text=text),)})
        assert [chunk.index for chunk in gold_chunks(one, corpus)] == [0, 1]


def test_a_clause_across_a_border_is_found_without_known_evidence(tmp_path: Path) -> None:
    """A long answer, such as a contract's clause, is its own evidence, also where it was cut."""
    words = " ".join(f"w{number}" for number in range(4_000))
    (tmp_path / "guide.txt").write_text(words)
    with Index.open(tmp_path / "index.sqlite3") as index:
        corpus = index.update([tmp_path / "guide.txt"], chunk_tokens=100)[0]
        border = list(corpus.chunks())[1].start
        one = QUESTION.model_copy(update={"answers": (words[border - 30 : border + 60].strip(),)})
        assert [chunk.index for chunk in gold_chunks(one, corpus)] == [0, 1]


def test_a_number_over_several_documents_is_counted_and_stands_nowhere(corpus: Corpus) -> None:
    """That 41 stands in one of them does not make it evidence."""
    one = QUESTION.model_copy(update={"answers": ("41",), "kind": "numeric"})
    assert len(gold_chunks(one, corpus)) == 1
    assert (
        gold_chunks(one.model_copy(update={"documents": ("guide.txt", "other.txt")}), corpus) == []
    )


def test_evidence_longer_than_a_chunk_holds_all_of_it(corpus: Corpus) -> None:
    """A passage over many chunks, such as a page, stands in each of them."""
    guide = next(facts for facts in corpus.documents if facts.path.endswith("guide.txt"))
    evidence = (Evidence(document="guide.txt", text=corpus.text(guide.id)),)
    one = QUESTION.model_copy(update={"answers": ("Yes",), "kind": "yesno", "evidence": evidence})
    assert len(gold_chunks(one, corpus)) == guide.chunks > 2


@pytest.mark.parametrize(
    ("answer", "quote", "right"),
    [
        ("81.1 million euros", "| Revenue, EUR m | 75.1 | 81.1 |", True),
        ("$4.2415 billion", "Net revenue 4,241.5 (in millions)", True),
        ("$4,241,500", "4,241.5 (in thousands)", True),
        ("81.1 million euros", "| Revenue | 75.1 | 811 |", False),
        ("81.1 million euros", "| Revenue | 75.1 | 8.11 |", False),
        ("(123) million", "a loss of 123", True),
        ("41 metres", "the 41 keepers", False),
        ("41 metres", "It is 41 metres tall.", True),
    ],
)
def test_a_number_is_known_in_a_table_too(
    corpus: Corpus, made: Any, answer: str, quote: str, right: bool
) -> None:
    """A table has a figure without its unit, in thousands or millions. A short one stands everywhere, and tells nothing
    without its words.
    """
    question = QUESTION.model_copy(update={"answers": (answer,), "kind": "numeric"})
    citation = made.citation(corpus, next(iter(corpus.documents)).id, 0, 9).model_copy(
        update={"quote": quote}
    )
    assert follow(question, made.answer(citation), None, corpus).citations_right == float(right)
