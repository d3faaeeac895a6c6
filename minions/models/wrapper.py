"""The base of policies around a ChatModel: everything passes through but ``complete``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from minions.ports import ChatModel


class Wrapper:
    """A ChatModel around another; it carries the same name and closes it. Subclasses define ``complete``."""

    def __init__(self, model: ChatModel) -> None:
        self._model = model

    def __repr__(self) -> str:
        return f"{type(self).__name__.strip('_').lower()}({self._model!r})"

    @property
    def reference(self) -> str:
        """The wrapped model's ``provider:model``."""
        return self._model.reference

    @property
    def endpoint(self) -> str:
        """The wrapped model's endpoint."""
        return self._model.endpoint

    async def aclose(self) -> None:
        """Close the wrapped model."""
        await self._model.aclose()
