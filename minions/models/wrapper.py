"""The base class of the wrappers, each of which adds one policy to a ChatModel."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from minions.ports import ChatModel


class Wrapper:
    """A ChatModel around another: it has the same name and endpoint, and closes the other.

    Subclasses define ``complete``.
    """

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
