"""The planner proper: two short calls to a strong model, which sees a card and digests, never a document."""

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
_FOLLOWED = " If they do not suffice, answer null and give tasks that fill the gap ({}); otherwise tasks []."


class CloudPlanner:
    """Plans and decides over any ChatModel.

    ``output_tokens`` bounds each reply, hidden reasoning included. ``lines_shown``: whether the digests hold the
    documents' own lines; where the policy keeps them back, the planner is not told to trust what it will not see.
    ``answer_schema``: the JSON schema of the answer, which is then JSON; None for words.
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
        reply = await ask(
            self._model,
            load("plan" if self._lines_shown else "plan_strict"),
            plan_parts(question, card),
            schema=schemas.PLAN,
            name="plan",
            max_output_tokens=self._output_tokens,
        )
        return read_plan(reply, question, max_tasks=self._max_tasks)

    async def decide(self, question: str, digest: Digest, history: History) -> Decision:
        """See `minions.ports.Planner`."""
        reply = await ask(
            self._model,
            decision_prompt(
                digest, lines_shown=self._lines_shown, otherwise=self._otherwise(history)
            ),
            decision_parts(question, digest, history),
            schema=schemas.decision(last=not history.rounds_left, answer=self._answer_schema),
            name="decision",
            max_output_tokens=self._output_tokens,
        )
        return read_decision(
            reply, max_tasks=self._max_tasks, as_json=self._answer_schema is not None
        )

    def _otherwise(self, history: History) -> str:
        gap = "other words, neighbouring rows" if self._lines_shown else "other words"
        return _FOLLOWED.format(gap) if history.rounds_left else LAST


def decision_prompt(digest: Digest, *, lines_shown: bool, otherwise: str) -> str:
    """The system text of a decision, over what the digest holds. ``otherwise``: what to do where that does not suffice;
    what the decision's schema has no place for is not asked for.
    """
    shown = "decide_whole" if digest.whole else "decide"
    return load(shown if lines_shown else "decide_strict") + otherwise


def plan_parts(question: str, card: CorpusCard) -> list[Part]:
    """What a planner reads to plan."""
    return [
        ("prompt", "Documents: "),
        ("card", card.text),
        ("prompt", "\nQuestion: "),
        ("question", question),
    ]


def decision_parts(question: str, digest: Digest, history: History) -> list[Part]:
    """What a planner reads to decide: the question, gists of earlier rounds, the digest, and how many rounds are
    left.
    """
    parts: list[Part] = [("prompt", "Question: "), ("question", question), ("prompt", "\n")]
    for gist in history.gists:
        parts += [
            ("prompt", "Earlier: "),
            ("digest", f"{'; '.join(gist.asked)} -> {gist.found}"),
            ("prompt", "\n"),
        ]
    parts += [("prompt", "Findings:\n"), ("passage" if digest.whole else "digest", digest.text)]
    return [*parts, ("prompt", f"\nRounds left: {history.rounds_left}")]
