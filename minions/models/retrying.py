"""The one owner of retries: what the adapters call retryable is tried again, after the wait the server asked for."""

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
    """Try each request up to ``attempts`` times while the error is a ModelError that says ``retryable``.

    Waits double from ``first_wait_s`` to ``longest_wait_s``, with jitter; ``retry_after_s`` of the error overrides
    them. A request that would wait more than ``total_wait_s`` in all raises at once. Each retry is logged with the
    error, never with content; in stamina's test mode nothing waits.
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

        # No time limit here: it would count the attempts' own time, and a slow local model would never be tried again.
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
    """Stamina's backoff hook for one request: False to give up, True for its own wait, a number for a stated one."""
    left_s = total_wait_s

    def wait(error: Exception) -> bool | float:
        nonlocal left_s
        if not isinstance(error, ModelError) or not error.retryable:
            return False
        left_s -= longest_wait_s if error.retry_after_s is None else error.retry_after_s
        if left_s < 0:
            return False
        return True if error.retry_after_s is None else float(error.retry_after_s)

    return wait
