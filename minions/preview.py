"""What a question would send, without sending it: the real run, whose requests to a cloud are kept where they would
leave. Nobody answers them: the question itself is the plan's task, and no digest suffices.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Literal, NoReturn

from pydantic import ConfigDict, Field, SecretStr

from minions.errors import ModelError, RequestRefusedError
from minions.ledger.budgets import Budget
from minions.ledger.egress import Departure, EgressLog
from minions.ledger.ledger import Ledger
from minions.network.reference import ModelRef
from minions.run.protocols import SENDS_CHUNKS
from minions.run.run import Asked, Record, run
from minions.store.runs import Runs, new_run_id
from minions.values.answers import Egress
from minions.values.base import Value
from minions.values.plans import Decision, Plan, Task
from minions.wiring.lineup import LOCAL, choose_models, is_cloud, is_remote_worker

if TYPE_CHECKING:
    from collections.abc import Mapping

    from minions.corpus.local import LocalCorpus
    from minions.ledger.entries import Entry
    from minions.ports import Planner
    from minions.run.crew import Books, Crew
    from minions.settings import Settings
    from minions.store.store import Store
    from minions.values.documents import CorpusCard
    from minions.values.findings import Digest
    from minions.values.plans import History

_NO_KEY: Final = SecretStr("none")
_OTHER_PASSAGES: Final = "the planner's own plan may ask for other passages, and for more rounds"
_OTHER_DIGEST: Final = "what the planner would be sent depends on what the workers elsewhere answer"
_NOTHING: Final = "planner and workers are on this machine: nothing would go up"


class Preview(Value):
    """What would go up. ``requests`` are the exact bodies, in order; ``egress`` says what of the documents is in them
    and what was withheld or redacted; ``notes``, how far a real run may differ.
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


def unpriced(settings: Settings) -> Settings:
    """The settings of a preview: nothing is paid for, so that it needs neither key nor price. Raises ConfigError,
    EgressRefusedError.
    """
    planner, _, _ = choose_models(settings)  # before a key is put in, which would choose another
    key = settings.openai_api_key or _NO_KEY
    return settings.model_copy(
        update={
            "planner": planner,
            "openai_api_key": key,
            "max_cost": None,
            "max_cloud_tokens": None,
        }
    )


def stays_here(settings: Settings) -> bool:
    """Whether nothing would go up."""
    planner, worker, _ = choose_models(settings)
    return not is_cloud(planner, settings) and not is_remote_worker(
        ModelRef.parse(worker), settings
    )


def described(question: str, settings: Settings) -> Preview:
    """A preview that nothing is known of yet but that nothing goes up."""
    planner, worker, _ = choose_models(settings)
    shown = [name if name == LOCAL else str(ModelRef.parse(name)) for name in (planner, worker)]
    return Preview(
        question=question,
        planner=shown[0],
        worker=shown[1],
        protocol=settings.protocol,
        policy=settings.policy,
        notes=(_NOTHING,),
    )


class Rehearsal:
    """A run for nobody. Its books are in memory and are thrown away; what is read on the device is cached as ever."""

    def __init__(self, scratch: Store, books: Books) -> None:
        self._store, self._log = scratch, _Kept(scratch)
        self.books = replace(
            books, ledger=Ledger(scratch), egress=self._log, budget=Budget(None, None)
        )

    async def run(
        self, question: str, corpus: LocalCorpus, crew: Crew, settings: Settings
    ) -> Preview:
        """Ask, and keep what would leave. Raises like a run, except for what nobody answered."""
        asked = Asked(question, new_run_id(self.books.clock))
        unanswered = replace(crew, planner=_Unanswered(crew.planner))
        egress, notes = Egress(), () if settings.protocol in SENDS_CHUNKS else (_OTHER_PASSAGES,)
        try:
            answer = await run(
                asked, corpus, unanswered, settings, Record(Runs(self._store), self.books)
            )
            egress = answer.egress
        except ModelError:
            if not self._log.has_passages:  # it failed by itself
                raise
        if self._log.has_passages:
            notes = (_OTHER_DIGEST,)
        return described(question, settings).model_copy(
            update={"requests": tuple(self._log.kept), "egress": egress, "notes": notes}
        )


class _KeptError(RequestRefusedError):
    """A request was kept for the preview: it is not sent again, and its model is not ill."""


class _Kept(EgressLog):
    """An egress log that lets nothing leave."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.kept: list[Departure] = []

    @property
    def has_passages(self) -> bool:
        """Whether a worker's request is among them."""
        return any(one.role == "worker" for one in self.kept)

    def append(
        self, entry_id: int, entry: Entry, body: bytes, kinds: Mapping[str, int] | None, *, at: str
    ) -> NoReturn:
        """Keep it."""
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
    """A planner over a model that answers nothing."""

    def __init__(self, planner: Planner) -> None:
        self._planner = planner

    async def plan(self, question: str, card: CorpusCard) -> Plan:
        """The plan that an empty reply comes to: the question itself."""
        try:
            return await self._planner.plan(question, card)
        except _KeptError:
            return Plan(tasks=(Task(id="t1", instruction=question, search=(question,)),))

    async def decide(self, question: str, digest: Digest, history: History) -> Decision:
        """None."""
        try:
            return await self._planner.decide(question, digest, history)
        except _KeptError:
            return Decision(answer=None)
