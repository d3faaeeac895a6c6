"""The base of every value that crosses a port: frozen, compared by content, no unknown fields."""

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """An immutable value. Change one with ``value.model_copy(update={...})``."""

    model_config = ConfigDict(frozen=True, extra="forbid")
