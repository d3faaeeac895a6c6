"""The token probabilities of a model's server: some servers give none, which is noted once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from minions.values.events import WarningEvent

if TYPE_CHECKING:
    from minions.ports import ChatModel
    from minions.values.events import Observer

_log = structlog.get_logger()
_MISSING = (
    "the worker's server gives no token probabilities: every chunk is read in full, "
    "and findings are unranked"
)


class Probabilities:
    """Notes if a model's server gives no token probabilities; extractor and judge share it.

    Without probabilities a look orders nothing and a ballot weighs nothing, so the workers stop
    paying for them after the first. ``observe`` gets one warning.
    """

    def __init__(self, model: ChatModel, observe: Observer | None = None) -> None:
        self._model = model
        self._observe = observe
        self.missing = False

    def note_missing(self) -> None:
        """Note that a reply came without probabilities, although the request asked for them."""
        if self.missing:
            return
        self.missing = True
        _log.warning("server_gives_no_probabilities", model=self._model.reference)
        if self._observe is not None:
            self._observe(WarningEvent(message=_MISSING))
