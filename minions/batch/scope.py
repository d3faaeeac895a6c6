"""What a question of a batch is asked with: its own documents, and the settings that it changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minions.corpus.scoped import ScopedCorpus
from minions.errors import CorpusError

if TYPE_CHECKING:
    from minions.batch.items import Item
    from minions.corpus.port import Corpus
    from minions.settings import Settings


def corpus_of(item: Item, corpus: Corpus) -> Corpus:
    """The documents that a question is about. Raises CorpusError for one that the batch has not."""
    if not item.documents:
        return corpus
    ids, unknown = corpus.contents.select(item.documents)
    if unknown:
        raise CorpusError(
            f"not among the documents of this batch: {', '.join(map(repr, unknown))}",
            hint="name documents by name, path or glob, as `minions index` lists them",
        )
    return ScopedCorpus(corpus, ids)


def settings_of(item: Item, settings: Settings) -> Settings:
    """The settings for a question. Its ``max_rounds`` bounds a chat, too, which it never prolongs."""
    own: dict[str, Any] = {}
    if item.max_rounds is not None:
        own = {"max_rounds": item.max_rounds, "max_turns": min(item.max_rounds, settings.max_turns)}
    if item.timeout_s is not None:
        own["timeout_s"] = item.timeout_s
    return settings.model_copy(update=own)
