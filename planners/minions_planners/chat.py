"""The planner of a chat: it writes one message at a time to a local reader, until it answers.

It never sees the reader's documents.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minions_planners import schemas
from minions_planners.asking import ask
from minions_planners.cloud import LAST, OUTPUT_TOKENS, decision_parts, decision_prompt, plan_parts
from minions_planners.prompts import load
from minions_planners.reading import read_decision, read_plan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from minions.ports import ChatModel
    from minions.values.documents import CorpusCard
    from minions.values.findings import Digest
    from minions.values.plans import Decision, History, Plan

_NEXT = (
    " If they do not suffice, answer null and write message: your next question to the reader, "
    "who remembers none (other words, what is missing); otherwise message null."
)


class ChatPlanner:
    """Plans and decides in a chat with a local reader.

    A plan is one message: a task over all chunks that the reader holds. A decision is the answer or
    the next message.

    ``max_turns``: the number of messages it may write; each prompt says how many are left. Earlier
    messages are sent as gists, so the cost of a chat grows with its length, not with its square.
    `minions_planners.cloud.CloudPlanner` explains the other parameters.
    """

    def __init__(
        self,
        model: ChatModel,
        *,
        max_turns: int,
        output_tokens: int = OUTPUT_TOKENS,
        lines_shown: bool = True,
        answer_schema: Mapping[str, Any] | None = None,
    ) -> None:
        self._model = model
        self._lines_shown = lines_shown
        self._max_turns = max_turns
        self._output_tokens = output_tokens
        self._answer_schema = answer_schema

    async def plan(self, question: str, card: CorpusCard) -> Plan:
        """See `minions.ports.Planner`."""
        prompt = "message" if self._lines_shown else "message_strict"
        parts = plan_parts(question, card)
        parts.append(("prompt", f"\nRounds left: {self._max_turns}"))
        reply = await ask(
            self._model,
            load(prompt),
            parts,
            schema=schemas.MESSAGE,
            name="message",
            max_output_tokens=self._output_tokens,
        )
        return read_plan(_as_task(reply), question, max_tasks=1)

    async def decide(self, question: str, digest: Digest, history: History) -> Decision:
        """See `minions.ports.Planner`."""
        otherwise = _NEXT if history.rounds_left else LAST
        reply = await ask(
            self._model,
            decision_prompt(digest, lines_shown=self._lines_shown, otherwise=otherwise),
            decision_parts(question, digest, history),
            schema=schemas.reply(last=not history.rounds_left, answer=self._answer_schema),
            name="decision",
            max_output_tokens=self._output_tokens,
        )
        return read_decision(_as_task(reply), max_tasks=1, as_json=self._answer_schema is not None)


def _as_task(reply: dict[str, Any]) -> dict[str, Any]:
    """The reply, with its message as its only task."""
    return {**reply, "tasks": [{"instruction": reply.get("message")}]}
