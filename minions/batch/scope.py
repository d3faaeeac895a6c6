"""The documents and the terms of one question of a batch."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from minions.corpus.scoped import ScopedCorpus
from minions.errors import CorpusError

if TYPE_CHECKING:
    from minions.batch.items import Item
    from minions.corpus.port import Corpus
    from minions.run.terms import Terms


def corpus_of(item: Item, corpus: Corpus) -> Corpus:
    """The documents of a question. Raises CorpusError for a name that the batch does not have."""
    if not item.documents:
        return corpus
    ids, unknown = corpus.contents.select(item.documents)
    if unknown:
        raise CorpusError(
            f"not among the documents of this batch: {', '.join(map(repr, unknown))}",
            hint="name documents by name, path or glob, as `minions index` lists them",
        )
    return ScopedCorpus(corpus, ids)


def terms_for(item: Item, terms: Terms) -> Terms:
    """The terms of a question. Its ``max_rounds`` also limits, and never raises, a chat's turns."""
    own: dict[str, Any] = {}
    if item.max_rounds is not None:
        own["max_rounds"] = item.max_rounds
        own["max_turns"] = min(item.max_rounds, terms.limits.max_turns)
    if item.timeout_s is not None:
        own["timeout_s"] = item.timeout_s
    return replace(terms, limits=terms.limits.model_copy(update=own))
