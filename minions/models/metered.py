"""Policy: every physical attempt is entered in the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minions.errors import ModelError
from minions.models.credible import credible_usage
from minions.models.wrapper import Wrapper
from minions.network.wire import capturing

if TYPE_CHECKING:
    from minions.ledger.meter import Meter
    from minions.ports import ChatModel
    from minions.values.chat import ChatRequest, Completion


def metered(model: ChatModel, *, meter: Meter) -> ChatModel:
    """Adds metering: each physical attempt is an entry of the meter's ledger, however it ends.

    It is the innermost of all wrappers, so that retries are entered, too. A reply that an earlier
    process has paid for is returned without an attempt. Usage that is impossible is replaced by an
    estimate, in the reply and in the entry.

    Raises what ``model`` raises; BudgetExceededError and PriceUnknownError before an attempt,
    StoreError before and after it, StoppedError once the user asked to stop.
    """
    return _Metered(model, meter)


class _Metered(Wrapper):
    def __init__(self, model: ChatModel, meter: Meter) -> None:
        super().__init__(model)
        self._meter = meter

    async def complete(self, request: ChatRequest) -> Completion:
        kept = self._meter.kept(self._model, request)
        if kept is not None:
            return kept
        attempt = await self._meter.begin(self._model, request)
        with self._meter.driving(attempt), capturing(attempt.depart) as exchange:
            try:
                completion = await self._model.complete(request)
            except BaseException as error:
                if isinstance(error, ModelError) and error.usage is not None:
                    error.usage = credible_usage(error.usage, request, None)
                if exchange.refusal is not None:
                    attempt.withdraw()
                    raise exchange.refusal from None
                attempt.fail(error, exchange)
                raise
        usage = credible_usage(completion.usage, request, completion.text)
        if usage is not completion.usage:
            completion = completion.model_copy(update={"usage": usage})
        attempt.succeed(completion, exchange)
        return completion
