"""Policy: limit the requests at the same time, and the requests started per second."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from minions.errors import ConfigError
from minions.models.wrapper import Wrapper

if TYPE_CHECKING:
    from asyncio_throttle.throttler import Throttler

    from minions.ports import ChatModel
    from minions.values.chat import ChatRequest, Completion

_LONGEST_BURST_S = 0.1


def throttled(model: ChatModel, *, concurrency: int, rate_per_s: float | None) -> ChatModel:
    """Adds limits: ``concurrency`` requests under way, ``rate_per_s`` started per second at most.

    A ``rate_per_s`` of None is no limit. Raises ConfigError if a limit is not positive; otherwise
    raises like ``model``.
    """
    if concurrency < 1 or (rate_per_s is not None and rate_per_s <= 0):
        raise ConfigError(
            f"concurrency {concurrency} and rate {rate_per_s} must be positive",
            hint="leave them out for the defaults",
        )
    return _Throttled(model, concurrency, rate_per_s)


class _Throttled(Wrapper):
    def __init__(self, model: ChatModel, concurrency: int, rate_per_s: float | None) -> None:
        super().__init__(model)
        self._slots = asyncio.Semaphore(concurrency)
        self._throttler = _throttler(rate_per_s) if rate_per_s is not None else None

    async def complete(self, request: ChatRequest) -> Completion:
        # The semaphore comes first: each of a throttler's waiters polls every 10 ms, so a thousand
        # of them would take a whole core. Behind the semaphore there are never more than its slots.
        async with self._slots:
            if self._throttler is None:
                return await self._model.complete(request)
            async with self._throttler:
                return await self._model.complete(request)


def _throttler(rate_per_s: float) -> Throttler:
    from asyncio_throttle.throttler import Throttler

    # Short periods keep starts even: 20 per second are two in each tenth, not twenty at once.
    starts = max(1, int(rate_per_s * _LONGEST_BURST_S))
    return Throttler(rate_limit=starts, period=starts / rate_per_s)
