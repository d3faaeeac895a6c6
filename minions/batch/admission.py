"""Admission of questions under a shared limit.

The number of questions under way is kept so small that the limit pays for whole answers, and not
for plans alone.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final, NamedTuple

from minions.batch.scope import corpus_of, terms_for
from minions.errors import CorpusError
from minions.text.tokens import bound_tokens

if TYPE_CHECKING:
    from minions.batch.items import Item
    from minions.corpus.port import Corpus
    from minions.run.crew import Books
    from minions.run.terms import Terms

# Bytes of requests; a token has at least one byte, so that they bound the input tokens, too.
_CALLS_BYTES: Final = 7_000  # a plan and a decision with schemas and card, less question and digest
_TURN_BYTES: Final = 3_000  # a further decision of a chat, with the gist of earlier messages
_CALL_BYTES: Final = 2_500  # a decision without a plan
_PLACE_BYTES: Final = 120  # a chunk's id, name, page and headings
_BYTES_PER_TOKEN: Final = 6  # of a digest, where tokens are only estimated


class _Hold(NamedTuple):
    """The most that a question's calls up to its first answer can use."""

    tokens: int
    usd: Decimal


class Admission:
    """Admits a question when the limits cover its calls up to a first answer.

    The calls of all questions under way are counted, too.
    """

    def __init__(self, terms: Terms, books: Books, corpus: Corpus) -> None:
        self._terms = terms
        self._books = books
        self._corpus = corpus
        self._under_way: dict[str, _Hold] = {}
        self._next: tuple[str, _Hold] | None = None  # the waiting question's, computed once
        self._limited = terms.planner_is_cloud and books.budget.is_limited

    @property
    def is_over(self) -> bool:
        """True once the shared budget has refused a call: no further question begins."""
        return self._books.budget.refused

    def admits(self, item: Item) -> bool:
        """True if a question may begin now.

        While no question is under way, one may always begin: the budget decides about its calls.
        """
        if self.is_over:
            return False
        if not self._limited or not self._under_way:
            return True
        holds = [*self._under_way.values(), self._hold(item)]
        tokens = 0
        usd = Decimal(0)
        for hold in holds:
            tokens += hold.tokens
            usd += hold.usd
        return self._books.budget.has_room(tokens, usd)

    def begin(self, item: Item) -> None:
        """Count a question as under way."""
        hold = _Hold(0, Decimal(0))
        if self._limited:
            hold = self._hold(item)
        self._under_way[item.id] = hold

    def end(self, item: Item) -> None:
        """Count a question as ended."""
        del self._under_way[item.id]

    def _hold(self, item: Item) -> _Hold:
        if self._next is not None and self._next[0] == item.id:
            return self._next[1]
        terms = terms_for(item, self._terms)
        calls, input_tokens = self._calls(item, terms)
        input_tokens += calls * bound_tokens(item.question)
        output_tokens = calls * terms.limits.planner_output_tokens
        usd = self._books.prices.bound_usd(
            *terms.priced, input_tokens=input_tokens, output_tokens=output_tokens
        )
        hold = _Hold(input_tokens + output_tokens, usd or Decimal(0))
        self._next = (item.id, hold)
        return hold

    def _calls(self, item: Item, terms: Terms) -> tuple[int, int]:
        """The number of a question's calls, and their bytes besides the question itself.

        The calls are a plan and the first decision, all messages of a chat, or one decision over
        whole chunks.
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
