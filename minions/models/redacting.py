"""Policy: sensitive values are withheld; placeholders are sent in their places.

In the reply the placeholders become values again. It is the outermost of all wrappers, so that all
that is sent, priced and logged holds placeholders only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from minions.models.wrapper import Wrapper
from minions.redaction.placeholders import Placeholders, current_placeholders, placeholders_in
from minions.values.chat import Message

if TYPE_CHECKING:
    from minions.ports import ChatModel
    from minions.redaction.detector import Detector
    from minions.values.chat import ChatRequest, Completion, Kind

# The words of JSON Schema, and the program's own names of fields. They are never replaced: a user's
# sensitive words must not change the meaning of a schema.
_OF_SCHEMAS: Final = frozenset(
    """
    type object array string number integer boolean null properties required additionalProperties
    items enum const anyOf allOf oneOf not minimum maximum minLength maxLength minItems maxItems
    pattern format title description $ref $defs definitions default tasks instruction output
    options documents search unit reduce answer findings confidence message
    """.split()  # noqa: SIM905 - a word a line is no easier to read
)
_EXPLANATION: Final = (
    " Words that stay on the device have names in brackets, such as {}: "
    "copy these names as they are."
)


def redacting(model: ChatModel, detect: Detector | None) -> ChatModel:
    """Adds redaction: sensitive values in a request are replaced by placeholders before it is sent.

    The placeholders belong to the current run; a call outside of a run has its own placeholders.
    ``detect`` finds the values; with None, only the words that the run knows as sensitive are
    replaced. The program's own prompts are sent as they are. Raises like ``model``.
    """
    return _Redacting(model, detect)


class _Redacting(Wrapper):
    def __init__(self, model: ChatModel, detect: Detector | None) -> None:
        super().__init__(model)
        self._detect = detect

    async def complete(self, request: ChatRequest) -> Completion:
        placeholders = current_placeholders() or Placeholders(self._detect)
        messages = [_redacted(message, placeholders) for message in request.messages]
        schema = request.json_schema
        if schema is not None:
            schema = _in_schema(schema, placeholders)
        shown: list[str] = []
        for message in messages:
            shown += placeholders_in(message.content)
        if shown:
            first = messages[0]
            explanation = _EXPLANATION.format(shown[0])
            messages[0] = Message.of(first.role, *first.parts, ("prompt", explanation))
        changes = {"messages": tuple(messages), "json_schema": schema}
        completion = await self._model.complete(request.model_copy(update=changes))
        text = placeholders.restore(completion.text, in_json=schema is not None)
        if text == completion.text:
            return completion
        return completion.model_copy(update={"text": text})


def _redacted(message: Message, placeholders: Placeholders) -> Message:
    """The message with placeholders; the program's own words are kept."""
    parts: list[tuple[Kind, str]] = []
    for kind, text in message.parts:
        if kind == "prompt":
            parts.append((kind, text))
        else:
            parts.append((kind, placeholders.redact(text, held=kind == "digest")))
    if tuple(parts) == message.parts:
        return message
    return Message.of(message.role, *parts)


def _in_schema(value: Any, placeholders: Placeholders) -> Any:
    """A JSON value with the sensitive values in its strings and in its keys replaced."""
    if isinstance(value, str):
        if value in _OF_SCHEMAS:
            return value
        return placeholders.redact(value)
    if isinstance(value, dict):
        return {
            _in_schema(key, placeholders): _in_schema(item, placeholders)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_in_schema(item, placeholders) for item in value]
    return value
