"""One planner call whose reply must be JSON: a bad reply is asked for again once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog

from minions.errors import PlanError, ReplyError
from minions.text.json_reply import parse_reply
from minions.values.chat import ChatRequest, Message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from minions.ports import ChatModel
    from minions.values.chat import Kind

    Part = tuple[Kind, str]

_log = structlog.get_logger()
_CUT_OFF = {"length", "content_filter"}
_HINTS = {
    "length": "it was cut off: raise --planner-output-tokens",
    "content_filter": (
        "its server's content filter cut it off: ask in other words, or try another --planner"
    ),
}
_AGAIN = "That was not the JSON asked for. Reply again with the JSON object only."


async def ask(
    model: ChatModel,
    system: str,
    user: Sequence[Part],
    *,
    schema: dict[str, Any],
    name: str,
    max_output_tokens: int,
) -> dict[str, Any]:
    """The model's reply as a JSON object.

    ``user``: the user's message, in pieces of one kind each. ``name``: the name of the schema, and
    of the call in the log. A reply that was cut off counts only if its object is whole.

    Raises PlanError after two replies that are not JSON, and what the model raises.
    """
    request = ChatRequest(
        messages=(Message.of("system", ("prompt", system)), Message.of("user", *user)),
        json_schema=schema,
        schema_name=name,
        max_output_tokens=max_output_tokens,
    )
    first = await model.complete(request)
    try:
        return parse_reply(first.text, cut_off=first.finish_reason in _CUT_OFF)
    except ReplyError as error:
        _log.warning(
            "planner_reply_unreadable",
            call=name,
            reason=str(error),
            finish_reason=first.finish_reason,
        )
    # The unreadable reply is not sent back: it costs tokens and teaches nothing.
    again = Message.of("user", *user, ("prompt", f"\n\n{_AGAIN}"))
    messages = (*request.messages[:-1], again)
    second = await model.complete(request.model_copy(update={"messages": messages}))
    try:
        return parse_reply(second.text, cut_off=second.finish_reason in _CUT_OFF)
    except ReplyError as error:
        raise PlanError(
            f"the planner {model.reference} did not reply with JSON, asked twice ({error})",
            hint=_HINTS.get(second.finish_reason, "try another --planner"),
        ) from error
