"""The transport for a model reference. Each provider's SDK loads only when it is used."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from minions.errors import UnreachableError

if TYPE_CHECKING:
    from pathlib import Path

    from minions.models.llamacpp import LlamaCppModel
    from minions.network.endpoints import Endpoints
    from minions.network.reference import ModelRef
    from minions.network.timeouts import Timeouts
    from minions.ports import ChatModel
    from minions.settings import Settings


@dataclass(frozen=True)
class Adapters:
    """Opens models.

    ``context_tokens`` is asked of servers that take it from the client; ``threads`` and ``home``
    (where weights are kept) are for models in this process.
    """

    endpoints: Endpoints
    timeouts: Timeouts
    context_tokens: int
    threads: int | None
    home: Path

    @classmethod
    def of(cls, settings: Settings, endpoints: Endpoints) -> Adapters:
        """The adapters that these settings ask for."""
        return cls(
            endpoints=endpoints,
            timeouts=settings.timeouts(),
            context_tokens=settings.context_tokens,
            threads=settings.threads,
            home=settings.home_folder(),
        )

    async def open(self, ref: ModelRef, *, slots: int) -> ChatModel:
        """A model that takes ``slots`` requests at a time.

        Raises ConfigError, ModelNotFoundError, EgressRefusedError.
        """
        match ref.provider:
            case "openai":
                return self._openai(ref)
            case "ollama":
                return await self._ollama(ref)
            case "llamacpp":
                return await self.open_llamacpp(ref, slots=slots)
            case "scripted":
                from minions.models.scripted import ScriptedModel

                return ScriptedModel.from_file(ref)

    async def open_llamacpp(self, ref: ModelRef, *, slots: int) -> LlamaCppModel:
        """A handle to a model in this process."""
        from minions.models import llamacpp

        return await llamacpp.open_llamacpp(
            ref,
            home=self.home,
            context_tokens=self.context_tokens,
            slots=slots,
            threads=self.threads,
            timeouts=self.timeouts,
        )

    def _openai(self, ref: ModelRef) -> ChatModel:
        from minions.models.openai import OpenAIModel

        key = self.endpoints.key_of(ref) or "none"
        url = self.endpoints.url_of(ref)
        return OpenAIModel(ref, base_url=url, api_key=key, timeout=self.timeouts)

    async def _ollama(self, ref: ModelRef) -> ChatModel:
        from minions.models.ollama import OllamaModel

        model = OllamaModel(
            ref,
            host=self.endpoints.url_of(ref),
            num_ctx=self.context_tokens,
            timeouts=self.timeouts,
            # A model elsewhere is metered, limited and logged as a cloud model instead.
            must_be_here=not self.endpoints.is_elsewhere(ref),
        )
        with suppress(UnreachableError):  # it is asked again before anything is sent
            await model.require_here()
        return model
