"""How many questions may be under way under a shared limit, so that it pays for answers and not for plans alone."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from minions.batch.scope import corpus_of, settings_of
from minions.corpus.chunking import DEFAULT_CHUNK_TOKENS
from minions.errors import CorpusError
from minions.text.tokens import bound_tokens
from minions.wiring.lineup import choose_models, is_cloud, priced_planner

if TYPE_CHECKING:
    from minions.batch.items import Item
    from minions.corpus.port import Corpus
    from minions.run.crew import Books
    from minions.settings import Settings

_CALLS_BYTES = (
    7_000  # of a plan and a decision, schemas and card included, without question and digest
)
_TURN_BYTES = 3_000  # of a further decision, with what earlier messages found
_CALL_BYTES = 2_500  # of a lone decision
_PLACE_BYTES = 120  # of a passage's id, name, page and headings
_BYTES_PER_TOKEN = 6  # of a digest; a token is bounded by a byte


class _Hold(NamedTuple):
    """The most that a question's calls up to its answer can take."""

    tokens: int
    usd: Decimal


class Admission:
    """Lets a question begin when the limits cover the way to a first answer of all that are under way, and its own."""

    def __init__(self, settings: Settings, books: Books, corpus: Corpus) -> None:
        self._settings, self._books, self._corpus = settings, books, corpus
        self._under_way: dict[str, _Hold] = {}
        self._next: tuple[str, _Hold] | None = (
            None  # that of the question which waits is worked out once
        )
        planner, _, _ = choose_models(settings)
        self._limited = is_cloud(planner, settings) and (
            settings.max_cost is not None or settings.max_cloud_tokens is not None
        )

    @property
    def is_over(self) -> bool:
        """Whether the shared budget has refused a call: nothing further is begun."""
        return self._books.budget.refused

    def admits(self, item: Item) -> bool:
        """Whether a question may begin now. A lone one always may: the budget itself decides about its calls."""
        if self.is_over:
            return False
        if not self._limited or not self._under_way:
            return True
        holds = [*self._under_way.values(), self._hold(item)]
        most = (
            sum(hold.tokens for hold in holds),
            sum((hold.usd for hold in holds), start=Decimal(0)),
        )
        return self._books.budget.has_room(*most)

    def begin(self, item: Item) -> None:
        """A question is under way."""
        self._under_way[item.id] = self._hold(item) if self._limited else _Hold(0, Decimal(0))

    def end(self, item: Item) -> None:
        """It is not any more."""
        del self._under_way[item.id]

    def _hold(self, item: Item) -> _Hold:
        if self._next is None or self._next[0] != item.id:
            self._next = item.id, self._worked_out(item)
        return self._next[1]

    def _worked_out(self, item: Item) -> _Hold:
        calls, asked = self._calls(item, settings_of(item, self._settings))
        asked += calls * bound_tokens(item.question)
        written = calls * self._settings.planner_output_tokens
        reference, endpoint = priced_planner(self._settings)
        usd = self._books.prices.bound_usd(
            reference, endpoint, input_tokens=asked, output_tokens=written
        )
        return _Hold(asked + written, usd or Decimal(0))

    def _calls(self, item: Item, settings: Settings) -> tuple[int, int]:
        """The calls of a question, and the bytes that they hold besides it: plan and first decision, all messages of a
        chat, or one decision over whole chunks.
        """
        digest = _BYTES_PER_TOKEN * settings.digest_tokens
        match settings.protocol:
            case "minion":
                further = settings.max_turns - 1
                return 2 + further, _CALLS_BYTES + digest + further * (_TURN_BYTES + digest)
            case "rag" | "remote":
                return 1, _CALL_BYTES + self._sent(item, settings)
            case _:
                return 2, _CALLS_BYTES + digest

    def _sent(self, item: Item, settings: Settings) -> int:
        """The bytes of the chunks that go up."""
        try:
            contents = corpus_of(item, self._corpus).contents
        except CorpusError:  # the question will fail before it sends anything
            return 0
        chunks, tokens = contents.chunks, contents.tokens
        if settings.protocol == "rag":
            chunks = min(chunks, settings.rag_chunks)
            tokens = min(tokens, chunks * (settings.chunk_tokens or DEFAULT_CHUNK_TOKENS))
        return _BYTES_PER_TOKEN * tokens + _PLACE_BYTES * chunks
