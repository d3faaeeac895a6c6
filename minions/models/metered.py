"""Every physical attempt in the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minions.models.wrapper import Wrapper
from minions.network.wire import capturing

if TYPE_CHECKING:
    from minions.ledger.meter import Meter
    from minions.ports import ChatModel
    from minions.values.chat import ChatRequest, Completion


def metered(model: ChatModel, *, meter: Meter) -> ChatModel:
    """Enter each attempt of ``model`` in the meter's ledger, whatever comes of it. Goes innermost of all wrappers.

    Besides what ``model`` raises: BudgetExceededError and PriceUnknownError before an attempt, StoreError before and
    after it; StoppedError once the user asked to stop. A reply that an ended process had paid for is returned without
    an attempt.
    """
    return _Metered(model, meter)


class _Metered(Wrapper):
    def __init__(self, model: ChatModel, meter: Meter) -> None:
        super().__init__(model)
        self._meter = meter

    async def complete(self, request: ChatRequest) -> Completion:
        if (kept := self._meter.kept(self._model, request)) is not None:
            return kept
        attempt = await self._meter.begin(self._model, request)
        with self._meter.driving(attempt), capturing(attempt.depart) as exchange:
            try:
                completion = await self._model.complete(request)
            except BaseException as error:
                if exchange.refusal is not None:
                    attempt.withdraw()
                    raise exchange.refusal from None
                attempt.fail(error, exchange)
                raise
        attempt.succeed(completion, exchange)
        return completion
