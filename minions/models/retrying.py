"""Policy: a request that failed in a retryable way is tried again.

This is the only owner of retries: adapters classify errors, and never retry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from minions.errors import ModelError
from minions.models.wrapper import Wrapper

if TYPE_CHECKING:
    from collections.abc import Callable

    from minions.ports import ChatModel
    from minions.values.chat import ChatRequest, Completion

DEFAULT_TOTAL_WAIT_S = 120.0


def retrying(
    model: ChatModel,
    *,
    attempts: int,
    first_wait_s: float = 0.5,
    longest_wait_s: float = 8.0,
    total_wait_s: float = DEFAULT_TOTAL_WAIT_S,
) -> ChatModel:
    """Adds retries: up to ``attempts`` attempts while the error is a ``retryable`` ModelError.

    Waits double from ``first_wait_s`` to ``longest_wait_s``, with jitter; the error's own
    ``retry_after_s`` overrides them. A request that would wait more than ``total_wait_s`` in all
    raises at once. Each retry is logged with its error, never with content. In stamina's test mode
    nothing waits. Raises like ``model``.
    """
    return _Retrying(model, attempts, first_wait_s, longest_wait_s, total_wait_s)


class _Retrying(Wrapper):
    def __init__(
        self,
        model: ChatModel,
        attempts: int,
        first_wait_s: float,
        longest_wait_s: float,
        total_wait_s: float,
    ) -> None:
        super().__init__(model)
        self._attempts = attempts
        self._first_wait_s = first_wait_s
        self._longest_wait_s = longest_wait_s
        self._total_wait_s = total_wait_s

    async def complete(self, request: ChatRequest) -> Completion:
        from stamina import retry_context

        # No time limit here: it would count the time of the attempts themselves, and a slow local
        # model would never be tried again.
        context = retry_context(
            on=_patience(self._longest_wait_s, self._total_wait_s),
            attempts=self._attempts,
            timeout=None,
            wait_initial=self._first_wait_s,
            wait_max=self._longest_wait_s,
            wait_jitter=self._first_wait_s,
        ).with_name(self.reference, (), {})
        async for attempt in context:
            with attempt:
                return await self._model.complete(request)
        raise AssertionError("stamina raises the last error when the attempts are used up")


def _patience(longest_wait_s: float, total_wait_s: float) -> Callable[[Exception], bool | float]:
    """Stamina's backoff hook for one request, which keeps count of the waits.

    It returns False to give up, True for stamina's own wait, and a number for a stated one, in
    seconds.
    """
    left_s = total_wait_s

    def wait(error: Exception) -> bool | float:
        nonlocal left_s
        if not isinstance(error, ModelError) or not error.retryable:
            return False
        stated_s = error.retry_after_s
        left_s -= longest_wait_s if stated_s is None else stated_s
        if left_s < 0:
            return False
        if stated_s is None:
            return True
        return float(stated_s)

    return wait
