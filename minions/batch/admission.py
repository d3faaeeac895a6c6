"""How many questions may be under way under a shared limit, so that it pays for whole answers."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from minions.batch.scope import corpus_of, terms_of
from minions.errors import CorpusError
from minions.text.tokens import bound_tokens

if TYPE_CHECKING:
    from minions.batch.items import Item
    from minions.corpus.port import Corpus
    from minions.run.crew import Books
    from minions.run.terms import Terms

# Bytes of a plan and a decision, schemas and card included, without question and digest.
_CALLS_BYTES = 7_000
_TURN_BYTES = 3_000  # of a further decision, with what earlier messages found
_CALL_BYTES = 2_500  # of a lone decision
_PLACE_BYTES = 120  # of a chunk's id, name, page and headings
_BYTES_PER_TOKEN = 6  # of a digest; a token is bounded by a byte


class _Hold(NamedTuple):
    """The most that a question's calls up to its first answer can take."""

    tokens: int
    usd: Decimal


class Admission:
    """Lets a question begin when the limits cover its way to a first answer, besides those of all
    questions under way.
    """

    def __init__(self, terms: Terms, books: Books, corpus: Corpus) -> None:
        self._terms = terms
        self._books = books
        self._corpus = corpus
        self._under_way: dict[str, _Hold] = {}
        self._next: tuple[str, _Hold] | None = None  # of the question that waits: worked out once
        self._limited = terms.planner_is_cloud and books.budget.is_limited

    @property
    def is_over(self) -> bool:
        """Whether the shared budget has refused a call: no further question begins."""
        return self._books.budget.refused

    def admits(self, item: Item) -> bool:
        """Whether a question may begin now.

        A lone one always may: the budget itself decides about its calls.
        """
        if self.is_over:
            return False
        if not self._limited or not self._under_way:
            return True
        holds = [*self._under_way.values(), self._hold(item)]
        tokens = sum(hold.tokens for hold in holds)
        usd = sum((hold.usd for hold in holds), start=Decimal(0))
        return self._books.budget.has_room(tokens, usd)

    def begin(self, item: Item) -> None:
        """A question is under way."""
        hold = self._hold(item) if self._limited else _Hold(0, Decimal(0))
        self._under_way[item.id] = hold

    def end(self, item: Item) -> None:
        """A question ended."""
        del self._under_way[item.id]

    def _hold(self, item: Item) -> _Hold:
        if self._next is None or self._next[0] != item.id:
            self._next = (item.id, self._worked_out(item))
        return self._next[1]

    def _worked_out(self, item: Item) -> _Hold:
        terms = terms_of(item, self._terms)
        calls, input_tokens = self._calls(item, terms)
        input_tokens += calls * bound_tokens(item.question)
        output_tokens = calls * terms.limits.planner_output_tokens
        usd = self._books.prices.bound_usd(
            *terms.priced, input_tokens=input_tokens, output_tokens=output_tokens
        )
        return _Hold(input_tokens + output_tokens, usd or Decimal(0))

    def _calls(self, item: Item, terms: Terms) -> tuple[int, int]:
        """The calls of a question, and the bytes that they hold besides the question itself.

        They are a plan and the first decision, all messages of a chat, or one decision over whole
        chunks.
        """
        digest = _BYTES_PER_TOKEN * terms.limits.digest_tokens
        match terms.protocol:
            case "minion":
                further = terms.limits.max_turns - 1
                return 2 + further, _CALLS_BYTES + digest + further * (_TURN_BYTES + digest)
            case "rag" | "remote":
                return 1, _CALL_BYTES + self._sent(item, terms)
            case _:
                return 2, _CALLS_BYTES + digest

    def _sent(self, item: Item, terms: Terms) -> int:
        """The bytes of the chunks that are sent."""
        try:
            contents = corpus_of(item, self._corpus).contents
        except CorpusError:  # the question will fail before it sends anything
            return 0
        chunks = contents.chunks
        tokens = contents.tokens
        if terms.protocol == "rag":
            chunks = min(chunks, terms.limits.rag_chunks)
            tokens = min(tokens, chunks * terms.chunk_tokens)
        return _BYTES_PER_TOKEN * tokens + _PLACE_BYTES * chunks
