"""No cloud at all: a small local model makes the planner's two calls, asked only for what small models can do."""

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
    from minions.values.findings import Digest
    from minions.values.plans import History

_PLAN_TOKENS = 100
_DECISION_TOKENS = 200
_DECISIVE = 0.6


class LocalPlanner:
    """One task, the question itself; the model adds search phrases. The decision may only cite findings that exist.

    ``answer_schema``: the JSON schema of the answer, which is then JSON; None for words.
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
        phrases = as_texts(reply.get("search"))[:4]
        return Plan(tasks=(Task(id="t1", instruction=question, search=phrases or (question,)),))

    async def decide(self, question: str, digest: Digest, history: History) -> Decision:
        """See `minions.ports.Planner`. Never asks for another round: a small model's second plan is no better than its
        first.
        """
        if not digest.findings:
            return Decision(answer=None)
        ids = [finding.id for finding in digest.findings]
        reply = await ask(
            self._model,
            load("local_decide_whole" if digest.whole else "local_decide"),
            decision_parts(question, digest, history),
            schema=schemas.local_decision(ids, self._answer_schema),
            name="decision",
            max_output_tokens=_DECISION_TOKENS,
        )
        known = {finding.id: finding for finding in digest.findings}
        cited = [
            known[finding_id]
            for finding_id in read_finding_ids(reply.get("findings"))
            if finding_id in known
        ]
        said = reply.get("answer") if cited else None
        answer = (
            read_answer(said, cited=bool(cited)) if self._answer_schema is None else read_json(said)
        )
        # A small model cites all it sees: of those cited, the ones whose own lines hold the answer are kept.
        cited = [finding for finding in cited if answer and supports(finding, answer)] or cited
        confidence = max((finding.confidence for finding in cited), default=0.0) * _DECISIVE
        findings = tuple(finding.id for finding in cited)
        return Decision(answer=answer, findings=findings, confidence=round(confidence, 3))
