"""A planner without a cloud: a small local model makes the same two calls.

It is asked only for what small models can do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minions.evidence.support import supports
from minions.text.json_reply import as_texts
from minions.values.plans import Decision, Plan, Task
from minions_planners import schemas
from minions_planners.asking import ask
from minions_planners.cloud import decision_parts
from minions_planners.prompts import load
from minions_planners.reading import read_answer, read_finding_ids, read_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from minions.ports import ChatModel
    from minions.values.documents import CorpusCard
    from minions.values.findings import Digest, Finding
    from minions.values.plans import History

_PLAN_TOKENS = 100
_DECISION_TOKENS = 200
_MOST_PHRASES = 4
_DECISIVE = 0.6  # a decision's share of the confidence of its best finding


class LocalPlanner:
    """A plan is one task, the question itself; the model adds search phrases to it. A decision may
    only cite findings that exist.

    ``answer_schema``: the JSON schema of the answer, which is then JSON; None for an answer in
    words.
    """

    def __init__(self, model: ChatModel, *, answer_schema: Mapping[str, Any] | None = None) -> None:
        self._model = model
        self._answer_schema = answer_schema

    async def plan(self, question: str, card: CorpusCard) -> Plan:  # noqa: ARG002 - the port's; a small model plans no better for knowing the corpus
        """See `minions.ports.Planner`."""
        reply = await ask(
            self._model,
            load("local_plan"),
            [("prompt", "Question: "), ("question", question)],
            schema=schemas.LOCAL_PLAN,
            name="plan",
            max_output_tokens=_PLAN_TOKENS,
        )
        phrases = as_texts(reply.get("search"))[:_MOST_PHRASES]
        task = Task(id="t1", instruction=question, search=phrases or (question,))
        return Plan(tasks=(task,))

    async def decide(self, question: str, digest: Digest, history: History) -> Decision:
        """See `minions.ports.Planner`.

        Never asks for another round: a small model's second plan is no better than its first.
        """
        if not digest.findings:
            return Decision(answer=None)
        prompt = "local_decide_whole" if digest.whole else "local_decide"
        reply = await ask(
            self._model,
            load(prompt),
            decision_parts(question, digest, history),
            schema=schemas.local_decision(
                [finding.id for finding in digest.findings], self._answer_schema
            ),
            name="decision",
            max_output_tokens=_DECISION_TOKENS,
        )
        known = {finding.id: finding for finding in digest.findings}
        ids = read_finding_ids(reply.get("findings"))
        cited = [known[finding_id] for finding_id in ids if finding_id in known]
        answer = self._answer(reply, cited)
        if answer:
            # A small model cites all that it sees: keep the findings whose lines hold the answer.
            supporting = [finding for finding in cited if supports(finding, answer)]
            cited = supporting or cited
        confidence = max([finding.confidence for finding in cited], default=0.0)
        return Decision(
            answer=answer,
            findings=tuple(finding.id for finding in cited),
            confidence=round(confidence * _DECISIVE, 3),
        )

    def _answer(self, reply: Mapping[str, Any], cited: list[Finding]) -> str | None:
        """The answer in a reply; an answer that cites no finding does not count."""
        value = reply.get("answer") if cited else None
        if self._answer_schema is not None:
            return read_json(value)
        return read_answer(value, cited=bool(cited))
