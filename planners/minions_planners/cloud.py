"""The cloud planner: two short calls to a strong model, which never sees a document.

It sees a card of the corpus, and digests of the findings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minions_planners import schemas
from minions_planners.asking import ask
from minions_planners.prompts import load
from minions_planners.reading import read_decision, read_plan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from minions.ports import ChatModel
    from minions.values.documents import CorpusCard
    from minions.values.findings import Digest
    from minions.values.plans import Decision, History, Plan
    from minions_planners.asking import Part

OUTPUT_TOKENS = 2_000
LAST = " If they do not suffice, answer null."
_FOLLOWED = (
    " If they do not suffice, answer null and give tasks that fill the gap ({}); "
    "otherwise tasks []."
)


class CloudPlanner:
    """Plans and decides over any ChatModel.

    ``max_tasks``: the most tasks of a round. ``output_tokens``: the limit of each reply, hidden
    reasoning included. ``lines_shown``: the digests hold the documents' own lines; if the policy
    withholds them, the prompts do not mention them. ``answer_schema``: the JSON schema of the
    answer, which is then JSON; None for an answer in words.
    """

    def __init__(
        self,
        model: ChatModel,
        *,
        max_tasks: int,
        output_tokens: int = OUTPUT_TOKENS,
        lines_shown: bool = True,
        answer_schema: Mapping[str, Any] | None = None,
    ) -> None:
        self._model = model
        self._lines_shown = lines_shown
        self._max_tasks = max_tasks
        self._output_tokens = output_tokens
        self._answer_schema = answer_schema

    async def plan(self, question: str, card: CorpusCard) -> Plan:
        """See `minions.ports.Planner`."""
        prompt = "plan" if self._lines_shown else "plan_strict"
        reply = await ask(
            self._model,
            load(prompt),
            plan_parts(question, card),
            schema=schemas.PLAN,
            name="plan",
            max_output_tokens=self._output_tokens,
        )
        return read_plan(reply, question, max_tasks=self._max_tasks)

    async def decide(self, question: str, digest: Digest, history: History) -> Decision:
        """See `minions.ports.Planner`."""
        otherwise = LAST
        if history.rounds_left:
            gap = "other words, neighbouring rows" if self._lines_shown else "other words"
            otherwise = _FOLLOWED.format(gap)
        reply = await ask(
            self._model,
            decision_prompt(digest, lines_shown=self._lines_shown, otherwise=otherwise),
            decision_parts(question, digest, history),
            schema=schemas.decision(last=not history.rounds_left, answer=self._answer_schema),
            name="decision",
            max_output_tokens=self._output_tokens,
        )
        return read_decision(
            reply, max_tasks=self._max_tasks, as_json=self._answer_schema is not None
        )


def decision_prompt(digest: Digest, *, lines_shown: bool, otherwise: str) -> str:
    """The system text of a decision on a digest.

    ``otherwise``: the sentence about findings that do not suffice. It asks only for fields that the
    decision's schema has.
    """
    if not lines_shown:
        prompt = "decide_strict"
    elif digest.whole:
        prompt = "decide_whole"
    else:
        prompt = "decide"
    return load(prompt) + otherwise


def plan_parts(question: str, card: CorpusCard) -> list[Part]:
    """The user's message of a plan: the card of the corpus, and the question."""
    return [
        ("prompt", "Documents: "),
        ("card", card.text),
        ("prompt", "\nQuestion: "),
        ("question", question),
    ]


def decision_parts(question: str, digest: Digest, history: History) -> list[Part]:
    """The user's message of a decision.

    It holds the question, the gists of earlier rounds, the digest, and how many rounds are left.
    """
    parts: list[Part] = [("prompt", "Question: "), ("question", question), ("prompt", "\n")]
    for gist in history.gists:
        asked = "; ".join(gist.asked)
        parts.append(("prompt", "Earlier: "))
        parts.append(("digest", f"{asked} -> {gist.found}"))
        parts.append(("prompt", "\n"))
    parts.append(("prompt", "Findings:\n"))
    if digest.whole:
        parts.append(("passage", digest.text))
    else:
        parts.append(("digest", digest.text))
    parts.append(("prompt", f"\nRounds left: {history.rounds_left}"))
    return parts
