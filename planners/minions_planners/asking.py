"""One planner call that must come back as JSON: asked again once, then PlanError."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog

from minions.chat import ChatRequest, Message
from minions.errors import PlanError, ReplyError
from minions.replies import parse_reply

if TYPE_CHECKING:
    from minions.ports import ChatModel

_log = structlog.get_logger()
_AGAIN = "That was not the JSON asked for. Reply again with the JSON object only."


async def ask(
    model: ChatModel, system: str, user: str, *, schema: dict[str, Any], name: str, max_output_tokens: int
) -> dict[str, Any]:
    """The model's reply as a JSON object. Raises PlanError after two replies that are none, and what the model
    raises.
    """
    request = ChatRequest(
        messages=(Message(role="system", content=system), Message(role="user", content=user)),
        json_schema=schema,
        schema_name=name,
        max_output_tokens=max_output_tokens,
    )
    first = await model.complete(request)
    try:
        return parse_reply(first.text)
    except ReplyError as error:
        _log.warning("planner_reply_unreadable", call=name, reason=str(error), finish_reason=first.finish_reason)
    # The unreadable reply is not sent back: it costs tokens and teaches nothing.
    again = (*request.messages[:-1], Message(role="user", content=f"{user}\n\n{_AGAIN}"))
    second = await model.complete(request.model_copy(update={"messages": again}))
    try:
        return parse_reply(second.text)
    except ReplyError as error:
        cut_off = second.finish_reason == "length"
        raise PlanError(
            f"the planner {model.reference} did not reply with JSON, asked twice ({error})",
            hint="it was cut off: raise --planner-output-tokens" if cut_off else "try another --planner",
        ) from error
