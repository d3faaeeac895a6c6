"""The base class of every value that crosses a port."""

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """An immutable value, compared by its fields; an unknown field is an error.

    To change a value, make another: ``value.model_copy(update={...})``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
