"""The transport for a model reference, as the settings say. Each provider's SDK loads only when it is used."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from minions.errors import UnreachableError
from minions.network.timeouts import Timeouts
from minions.wiring.lineup import api_key_of, endpoint_of, is_elsewhere

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from minions.models.llamacpp import LlamaCppModel
    from minions.network.reference import ModelRef
    from minions.ports import ChatModel
    from minions.settings import Settings


async def open_adapter(ref: ModelRef, settings: Settings, *, slots: int) -> ChatModel:
    """A model that takes ``slots`` requests at a time. Raises ConfigError, ModelNotFoundError, EgressRefusedError."""
    return await _ADAPTERS[ref.provider](ref, settings, slots)


async def open_llamacpp(ref: ModelRef, settings: Settings, slots: int) -> LlamaCppModel:
    """A hold on a model in this process."""
    from minions.models import llamacpp

    return await llamacpp.open_llamacpp(
        ref,
        home=settings.home_folder(),
        context_tokens=settings.context_tokens,
        slots=slots,
        threads=settings.threads,
        timeouts=_timeouts(settings),
    )


async def _openai(ref: ModelRef, settings: Settings, slots: int) -> ChatModel:  # noqa: ARG001 - one signature for all
    from minions.models.openai import OpenAIModel

    key, timeouts = api_key_of(ref, settings), _timeouts(settings)
    return OpenAIModel(
        ref, base_url=endpoint_of(ref, settings), api_key=key or "none", timeout=timeouts
    )


async def _ollama(ref: ModelRef, settings: Settings, slots: int) -> ChatModel:  # noqa: ARG001 - one signature for all
    from minions.models.ollama import OllamaModel

    host, timeouts = endpoint_of(ref, settings), _timeouts(settings)
    must_be_here = not is_elsewhere(
        ref, settings
    )  # else it is metered, limited and logged as a cloud
    model = OllamaModel(
        ref,
        host=host,
        num_ctx=settings.context_tokens,
        timeouts=timeouts,
        must_be_here=must_be_here,
    )
    with suppress(UnreachableError):  # it is asked again before anything is sent
        await model.require_here()
    return model


async def _scripted(ref: ModelRef, settings: Settings, slots: int) -> ChatModel:  # noqa: ARG001 - one signature for all
    from minions.models.scripted import ScriptedModel

    return ScriptedModel.from_file(ref)


def _timeouts(settings: Settings) -> Timeouts:
    return Timeouts(
        connect_s=settings.connect_timeout_s,
        first_token_s=settings.first_token_timeout_s,
        total_s=settings.call_timeout_s,
    )


_ADAPTERS: dict[str, Callable[[ModelRef, Settings, int], Awaitable[ChatModel]]] = {
    "openai": _openai,
    "ollama": _ollama,
    "llamacpp": open_llamacpp,
    "scripted": _scripted,
}
