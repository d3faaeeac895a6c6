"""Under a limit, as many questions are begun as it pays answers for."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

import pytest

from minions.batch.admission import Admission
from minions.batch.items import Item
from minions.corpus.index import Index
from minions.errors import BudgetExceededError
from minions.ledger.budgets import Budget
from minions.ledger.egress import EgressLog
from minions.ledger.ledger import Ledger
from minions.ledger.prices import PriceBook
from minions.run.crew import Books
from minions.settings import Settings
from minions.store.store import Store
from minions.testing import FakeClock
from minions.values.limits import Limits
from minions.wiring.lineup import Lineup, terms_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from minions.corpus.local import LocalCorpus
    from minions.corpus.port import Corpus

ITEMS = [Item(id=str(number), question="How tall is it?") for number in range(10)]
NO_DOCUMENTS = cast("Corpus", None)  # protocol minions sends none
MOST = (
    7_000 + 2 * 15 + 6 * Limits().digest_tokens + 2 * 2_000
)  # tokens of a plan and a decision, at the defaults


@pytest.fixture
def corpus(tmp_path: Path) -> Iterator[LocalCorpus]:
    """Three documents of about the same length."""
    for name in "abc":
        (tmp_path / f"{name}.txt").write_text(f"The lighthouse of {name} is tall.\n\n" * 100)
    with Index.open(tmp_path / "index.sqlite3") as index:
        yield index.update([tmp_path / f"{name}.txt" for name in "abc"], chunk_tokens=100)[0]


@pytest.fixture
def store() -> Iterator[Store]:
    """An empty store."""
    with Store.memory() as opened:
        yield opened


def admission(
    store: Store, corpus: Corpus | None = None, *, spent_tokens: int = 0, **limits: Any
) -> Admission:
    settings = Settings.load(
        {"planner": "openai:gpt-5.4", "openai_api_key": "k", "prices": ["gpt-5.4=1/1"], **limits}
    )
    books = Books(
        ledger=Ledger(store),
        prices=PriceBook.parse(settings.prices),
        egress=EgressLog(store),
        budget=Budget(settings.max_cost, settings.max_cloud_tokens, spent_tokens=spent_tokens),
        clock=FakeClock(),
        observe=lambda _: None,
    )
    return Admission(terms_of(Lineup.unchecked(settings), settings), books, corpus or NO_DOCUMENTS)


def begun(gate: Admission, items: Sequence[Item] = ITEMS) -> int:
    """The number of questions that it lets begin while none ends."""
    for number, item in enumerate(items):
        if not gate.admits(item):
            return number
        gate.begin(item)
    return len(items)


def test_without_a_limit_all_may_begin(store: Store) -> None:
    """Nothing is held back that nobody limits; nor is a planner on this machine, which costs nothing."""
    assert begun(admission(store)) == len(ITEMS)
    assert begun(admission(store, planner="local", max_cost=Decimal("0.01"))) == len(ITEMS)


@pytest.mark.parametrize(
    "limits",
    [{"max_cloud_tokens": 3 * MOST + 50}, {"max_cost": Decimal(3 * MOST + 50) / 1_000_000}],
)
def test_as_many_begin_as_the_limit_pays_answers_for(store: Store, limits: dict[str, Any]) -> None:
    """In tokens or dollars: each question's plan and decision at their most. When one ends, another may begin."""
    gate = admission(store, **limits)
    assert begun(gate) == 3
    gate.end(ITEMS[0])
    assert gate.admits(ITEMS[3])


def test_what_was_spent_counts(store: Store) -> None:
    """A batch that goes on begins as many as what is left pays for."""
    assert begun(admission(store, max_cloud_tokens=3 * MOST, spent_tokens=2 * MOST)) == 1


def test_a_lone_question_may_always_begin(store: Store) -> None:
    """Its calls may well take less than the most: the budget decides about each of them."""
    assert begun(admission(store, max_cloud_tokens=10)) == 1


async def test_nothing_begins_after_a_call_was_refused(store: Store) -> None:
    """The budget is over: the batch ends, and says so."""
    gate = admission(store, max_cloud_tokens=10)
    before = gate.is_over
    with pytest.raises(BudgetExceededError):
        await gate._books.budget.reserve(11, None)
    assert (before, gate.is_over) == (False, True)
    assert not gate.admits(ITEMS[0])


CHAT = {"protocol": "minion", "max_turns": 3}
OPEN = {"policy": "open", "chunk_tokens": 100}


def tokens_of(item: Item, store: Store, corpus: LocalCorpus, **settings: Any) -> int:
    """The tokens held for a question: the limit under which two of it may begin, and not three."""
    low, high = 0, 10_000_000
    while low < high:
        middle = (low + high) // 2
        gate = admission(store, corpus, max_cloud_tokens=middle, **settings)
        items = [item.model_copy(update={"id": id_}) for id_ in "12"]
        low, high = (low, middle) if begun(gate, items) == 2 else (middle + 1, high)
    return low // 2


def test_a_chat_holds_all_its_messages(store: Store, corpus: LocalCorpus) -> None:
    """It may need the last one to answer; a question's own limit of rounds lets more of them begin."""
    item, short = ITEMS[0], ITEMS[0].model_copy(update={"max_rounds": 1})
    chat = tokens_of(item, store, corpus, **CHAT)
    assert chat > MOST + 2 * 2_000 + 2 * 6 * 700
    assert tokens_of(short, store, corpus, **CHAT) == MOST


def test_what_goes_up_whole_is_held_whole(store: Store, corpus: LocalCorpus) -> None:
    """Everything in the prompt takes the documents, those that the question is about; retrieval its chunks."""
    item, about_one = ITEMS[0], ITEMS[0].model_copy(update={"documents": ("a.txt",)})
    whole = tokens_of(item, store, corpus, protocol="remote", **OPEN)
    alone = tokens_of(about_one, store, corpus, protocol="remote", **OPEN)
    few = tokens_of(item, store, corpus, protocol="rag", rag_chunks=3, **OPEN)
    assert whole > 2_000 + sum(len(chunk.text) for chunk in corpus.chunks())
    assert alone > 2_000 + sum(
        len(chunk.text) for chunk in corpus.chunks(documents=corpus.contents.select(("a.txt",)).ids)
    )
    assert few > 2_000 + max(len(chunk.text) for chunk in corpus.chunks()) * 3
    assert few < alone < whole / 2


def test_documents_that_the_batch_has_not_hold_nothing(store: Store, corpus: LocalCorpus) -> None:
    """The question is to fail by itself, and not here."""
    lost = ITEMS[0].model_copy(update={"documents": ("gone.txt",)})
    held = tokens_of(lost, store, corpus, protocol="remote", **OPEN)
    assert 2_000 < held < tokens_of(ITEMS[0], store, corpus, protocol="remote", **OPEN)
