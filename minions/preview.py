"""A dry run of a question: it shows the requests to a cloud, and sends none.

It is the real run, with an egress log that keeps each request and refuses to let it be sent. As the
planner gives no reply, the plan is the question itself as the only task.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Literal, NoReturn

from pydantic import ConfigDict, Field

from minions.errors import ModelError, RequestRefusedError
from minions.ledger.budgets import Budget
from minions.ledger.egress import Departure, EgressLog
from minions.ledger.ledger import Ledger
from minions.run.protocols import SENDS_CHUNKS
from minions.run.run import Asked, Record, run
from minions.store.runs import Runs, new_run_id
from minions.values.answers import Egress
from minions.values.base import Value
from minions.values.plans import Decision, Plan, Task

if TYPE_CHECKING:
    from collections.abc import Mapping

    from minions.corpus.local import LocalCorpus
    from minions.ledger.entries import Entry
    from minions.ports import Planner
    from minions.run.crew import Books, Crew
    from minions.run.terms import Terms
    from minions.store.store import Store
    from minions.values.documents import CorpusCard
    from minions.values.findings import Digest
    from minions.values.plans import History
    from minions.wiring.lineup import Lineup

_OTHER_PASSAGES: Final = "the planner's own plan may ask for other passages, and for more rounds"
_OTHER_DIGEST: Final = "the planner's requests depend on the answers of the remote workers"
_NOTHING: Final = "planner and workers are on this machine: nothing would be sent"


class Preview(Value):
    """The requests that a question would send.

    ``requests`` have the exact bodies, in order. ``egress`` counts the documents' text in them, and
    what was withheld or redacted. ``notes`` say how a real run may differ.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, serialize_by_alias=True
    )

    schema_: Literal["minions-preview/1"] = Field(default="minions-preview/1", alias="schema")
    question: str
    planner: str
    worker: str
    protocol: str
    policy: str
    requests: tuple[Departure, ...] = ()
    egress: Egress = Egress()
    notes: tuple[str, ...] = ()


def described(question: str, lineup: Lineup) -> Preview:
    """A preview without requests: what it is where planner and worker are both local."""
    return Preview(
        question=question,
        planner=lineup.planner_name,
        worker=lineup.worker_name,
        protocol=lineup.protocol,
        policy=lineup.policy,
        notes=(_NOTHING,),
    )


class Rehearsal:
    """A dry run of the real pipeline; its ledger and egress log live in memory.

    The results of workers on this machine are cached as in any run.
    """

    def __init__(self, scratch: Store, books: Books) -> None:
        self._store = scratch
        self._log = _Kept(scratch)
        self.books = replace(
            books, ledger=Ledger(scratch), egress=self._log, budget=Budget(None, None)
        )

    async def run(
        self, question: str, corpus: LocalCorpus, crew: Crew, lineup: Lineup, terms: Terms
    ) -> Preview:
        """Run the question, and keep its requests. Raises as a run does, except for no reply."""
        asked = Asked(question, new_run_id(self.books.clock))
        unanswered = replace(crew, planner=_Unanswered(crew.planner))
        record = Record(Runs(self._store), self.books)
        egress = Egress()
        try:
            answer = await run(asked, corpus, unanswered, terms, record)
            egress = answer.egress
        except ModelError:
            # Jobs of remote workers fail here, as their requests get no reply. Others are errors.
            if not self._log.has_chunks:
                raise
        if self._log.has_chunks:
            notes: tuple[str, ...] = (_OTHER_DIGEST,)
        elif terms.protocol in SENDS_CHUNKS:
            notes = ()
        else:
            notes = (_OTHER_PASSAGES,)
        return described(question, lineup).model_copy(
            update={"requests": tuple(self._log.kept), "egress": egress, "notes": notes}
        )


class _KeptError(RequestRefusedError):
    """A request was kept for the preview; no retry, and its endpoint does not count as failing."""


class _Kept(EgressLog):
    """An egress log that keeps each request and refuses to let it be sent."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.kept: list[Departure] = []

    @property
    def has_chunks(self) -> bool:
        """True if a request of a worker was kept; such a request holds a chunk."""
        return any(departure.role == "worker" for departure in self.kept)

    def append(
        self, entry_id: int, entry: Entry, body: bytes, kinds: Mapping[str, int] | None, *, at: str
    ) -> NoReturn:
        """Keep the request. Raises _KeptError, so that it is not sent."""
        self.kept.append(
            Departure(
                run_id=entry.run_id,
                entry_id=entry_id,
                endpoint=entry.endpoint,
                role=entry.role,
                round=entry.round,
                at=at,
                body=body,
                bytes=len(body),
                kinds=None if kinds is None else dict(kinds),
                sha256=hashlib.sha256(body).hexdigest(),
            )
        )
        raise _KeptError("kept for the preview")


class _Unanswered:
    """A planner whose model gives no replies."""

    def __init__(self, planner: Planner) -> None:
        self._planner = planner

    async def plan(self, question: str, card: CorpusCard) -> Plan:
        """Make the request for a plan; the plan is the question itself."""
        try:
            return await self._planner.plan(question, card)
        except _KeptError:
            return Plan(tasks=(Task(id="t1", instruction=question, search=(question,)),))

    async def decide(self, question: str, digest: Digest, history: History) -> Decision:
        """Make the request for a decision; the decision has no answer."""
        try:
            return await self._planner.decide(question, digest, history)
        except _KeptError:
            return Decision(answer=None)
