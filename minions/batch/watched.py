"""Who watches a batch is not one of its questions: what an observer raises ends the batch, and is nobody's failure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from minions.events import Event, Observer


class Watched:
    """An observer that passes events on; ``failure`` is what the one behind it raised first."""

    def __init__(self, observe: Observer) -> None:
        self._observe = observe
        self.failure: Exception | None = None

    def __call__(self, event: Event) -> None:
        """Pass an event on. Raises what the observer raises."""
        try:
            self._observe(event)
        except Exception as error:
            self.failure = self.failure or error
            raise
