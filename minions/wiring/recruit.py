"""The one place that builds real clients: from a lineup to a planner and an executor.

Every model is metered here. The core knows planners and workers only as ports; no other module
imports the packages of planners and workers.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from minions.ledger.meter import Meter
from minions.models.slots import default_slots, room_of
from minions.run.crew import Crew
from minions.values.events import WarningEvent
from minions.values.policy import shows_quotes
from minions.wiring.adapters import Adapters
from minions.wiring.lineup import has_embedded, refuse_several_endpoints
from minions.wiring.redact import detector_for

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence
    from typing import Any

    from minions.execution.executor import LocalExecutor
    from minions.execution.whole_context_executor import WholeContextExecutor
    from minions.ledger.entries import Role
    from minions.models.llamacpp import LlamaCppModel
    from minions.network.endpoints import Endpoints
    from minions.network.reference import ModelRef
    from minions.ports import ChatModel, Holder
    from minions.redaction.detector import Detector
    from minions.run.crew import Books, PlannerFor
    from minions.settings import Settings
    from minions.values.events import Observer
    from minions.values.limits import Limits, Pace, Reading
    from minions.wiring.lineup import Lineup

_PLANNER_CONCURRENCY = 8


async def fetch_weights(lineup: Lineup, settings: Settings, observe: Observer) -> None:
    """Download the weights of embedded models that are not on this machine, where settings allow.

    Raises ModelError.
    """
    from minions.weights import resolving

    if settings.local_only or not settings.fetch_weights or not has_embedded():
        return
    home = settings.home_folder()
    statuses = resolving.list_models(home)
    missing = {status.entry.name: status.entry for status in statuses if not status.origin}
    for ref in lineup.models:
        if ref.provider != "llamacpp" or ref.model not in missing:
            continue
        entry = missing.pop(ref.model)
        size = f"{entry.size_bytes / 1e9:.1f} GB"
        message = f"fetching the weights of {entry.name} ({size}), once; they are verified"
        observe(WarningEvent(message=message))
        await asyncio.to_thread(resolving.pull, entry.name, home=home)


async def open_embedded(lineup: Lineup, settings: Settings) -> LlamaCppModel | None:
    """Load the embedded worker, or share the loaded one; the last ``release`` unloads it.

    None where the worker is not embedded.
    """
    ref = lineup.worker
    if ref.provider != "llamacpp":
        return None
    slots = settings.concurrency or default_slots(ref)
    return await Adapters.of(settings, lineup.endpoints).open_llamacpp(ref, slots=slots)


async def recruit(lineup: Lineup, settings: Settings, books: Books) -> Crew:
    """Build planner and workers. Asks the worker's endpoints for their room, for 3 s at most.

    Models that were opened are closed again if the rest cannot be built. Raises ModelNotFoundError,
    ConfigError, EgressRefusedError.
    """
    bench = _Bench.of(lineup, settings, books)
    async with AsyncExitStack() as opened:
        lineup.refuse_remote_worker()
        served = await bench.serve(lineup.worker, opened)
        limits = settings.limits()
        reading = settings.reading()
        planner_for = await _planners(lineup, served, limits, bench, opened)
        if lineup.protocol == "minion":
            executor: LocalExecutor | WholeContextExecutor = _whole_context_executor(
                lineup, served, settings.reading(), bench
            )
        else:
            executor = _chunk_executor(lineup, served, reading, bench)
        contexts = [each.context_tokens for each in served if each.context_tokens]
        return Crew(
            planner=planner_for(None, limits.max_turns),
            executor=executor,
            planner_name=lineup.planner_name,
            worker_name=lineup.worker_name,
            notes=lineup.notes,
            planner_for=planner_for,
            context_tokens=min(contexts, default=None),
            detector=bench.detector,
            opened=opened.pop_all(),
        )
    raise AssertionError  # for the type checker: this exit stack swallows no error


@asynccontextmanager
async def open_judge(lineup: Lineup, settings: Settings, books: Books) -> AsyncGenerator[ChatModel]:
    """The planner of a lineup (or its worker, if it has none), metered as a judge of answers.

    Raises like recruit.
    """
    bench = _Bench.of(lineup, settings, books)
    async with AsyncExitStack() as opened:
        if lineup.planner is not None and lineup.planner_is_cloud:
            served = [await bench.serve_planner(lineup.planner, opened)]
        else:
            served = await bench.serve(lineup.planner or lineup.worker, opened)
        yield bench.model(served, "judge")


class _Served(NamedTuple):
    """A model at one endpoint.

    ``slots`` requests are taken at a time; ``cloud``: it is metered as a cloud model;
    ``context_tokens`` is None where the endpoint does not say.
    """

    adapter: ChatModel
    slots: int
    cloud: bool
    context_tokens: int | None = None


@dataclass(frozen=True)
class _Bench:
    """The shared parts from which all models of a run are built."""

    endpoints: Endpoints
    adapters: Adapters
    pace: Pace
    detector: Detector | None
    books: Books

    @classmethod
    def of(cls, lineup: Lineup, settings: Settings, books: Books) -> _Bench:
        return cls(
            endpoints=lineup.endpoints,
            adapters=Adapters.of(settings, lineup.endpoints),
            pace=settings.pace(),
            detector=detector_for(settings.redaction()),
            books=books,
        )

    async def serve(self, ref: ModelRef, opened: AsyncExitStack) -> list[_Served]:
        """A model at each of its endpoints."""
        key = self.endpoints.key_of(ref)
        questions = []
        for each in ref.each():
            url = self.endpoints.url_of(each)
            questions.append(room_of(each, endpoint=url, api_key=key))
        rooms = await asyncio.gather(*questions)
        served = []
        for each, room in zip(ref.each(), rooms, strict=True):
            slots = self.pace.concurrency or room.slots
            adapter = await self.adapters.open(each, slots=slots)
            opened.push_async_callback(adapter.aclose)
            cloud = self.endpoints.is_elsewhere(each)
            served.append(_Served(adapter, slots, cloud, room.context_tokens))
        return served

    async def serve_planner(self, ref: ModelRef, opened: AsyncExitStack) -> _Served:
        """Open a planner's model at its only endpoint."""
        refuse_several_endpoints(ref)
        adapter = await self.adapters.open(ref, slots=1)
        opened.push_async_callback(adapter.aclose)
        return _Served(adapter, _PLANNER_CONCURRENCY, cloud=self.endpoints.is_cloud(ref))

    def model(self, served: Sequence[_Served], role: Role) -> ChatModel:
        """Build ``redacting(falling_back(retrying(pooled(throttled(metered(adapter)), ...))))``.

        The meter is innermost, so that each physical attempt is an entry. Redaction is outermost,
        where an endpoint is elsewhere, so that no attempt escapes it.
        """
        from minions.models.falling_back import falling_back
        from minions.models.metered import metered
        from minions.models.pool_seat import Member
        from minions.models.pooled import pooled
        from minions.models.redacting import redacting
        from minions.models.retrying import DEFAULT_TOTAL_WAIT_S, retrying
        from minions.models.throttled import throttled

        observe = self.books.observe
        patience_s = self.pace.patience_s
        members = []
        for each in served:
            model = metered(each.adapter, meter=self._meter(role, cloud=each.cloud))
            model = throttled(model, concurrency=each.slots, rate_per_s=self.pace.rate_per_s)
            members.append(Member(model, each.slots))
        pool = pooled(members, clock=self.books.clock, patience_s=patience_s, observe=observe)
        # `patience_s` also bounds the waits that endpoints ask for (Retry-After).
        total_wait_s = max(patience_s, DEFAULT_TOTAL_WAIT_S)
        model = retrying(pool, attempts=self.pace.attempts, total_wait_s=total_wait_s)
        model = falling_back(model, observe=observe)
        if any(each.cloud for each in served):
            model = redacting(model, self.detector)
        return model

    def _meter(self, role: Role, *, cloud: bool) -> Meter:
        books = self.books
        return Meter(
            ledger=books.ledger,
            prices=books.prices,
            budget=books.budget if cloud else None,
            egress=books.egress if cloud else None,
            role=role,
            cloud=cloud,
            clock=books.clock,
            observe=books.observe,
            recovery=books.recovery,
            brake=books.brake,
        )


async def _planners(
    lineup: Lineup,
    served: Sequence[_Served],
    limits: Limits,
    bench: _Bench,
    opened: AsyncExitStack,
) -> PlannerFor:
    """A function that makes a planner for a JSON schema of answers (None: plain text) and a maximum
    of chat turns. All planners share one model.
    """
    from minions_planners.chat import ChatPlanner
    from minions_planners.cloud import CloudPlanner
    from minions_planners.local import LocalPlanner

    if lineup.planner is None:
        local = bench.model(served, "planner")
        return lambda schema, _: LocalPlanner(local, answer_schema=schema)
    model = bench.model([await bench.serve_planner(lineup.planner, opened)], "planner")
    shared: dict[str, Any] = {
        "output_tokens": limits.planner_output_tokens,
        "lines_shown": shows_quotes(lineup.policy),
    }
    if lineup.protocol == "minion":
        return lambda schema, turns: ChatPlanner(
            model, max_turns=turns, answer_schema=schema, **shared
        )
    return lambda schema, _: CloudPlanner(
        model, max_tasks=limits.max_tasks, answer_schema=schema, **shared
    )


def _chunk_executor(
    lineup: Lineup, served: Sequence[_Served], reading: Reading, bench: _Bench
) -> LocalExecutor:
    """An executor whose worker reads a chunk at a time."""
    from minions.execution.cache import CachingWorker
    from minions.execution.executor import LocalExecutor
    from minions.execution.stopping import Enough
    from minions_workers.chunk_worker import ChunkWorker

    worker = ChunkWorker(
        bench.model(served, "worker"),
        evidence=reading.evidence,
        min_relevance=reading.min_relevance,
        reasoning=reading.reasoning,
        second_look=reading.second_look,
        observe=bench.books.observe,
    )
    enough = Enough(findings=reading.enough, confidence=reading.enough_confidence)
    slots = sum(each.slots for each in served)
    if bench.books.cache is None:
        return LocalExecutor(worker, concurrency=slots, enough=enough)
    reader = CachingWorker(
        worker,
        bench.books.cache,
        model=lineup.worker_name,
        fingerprint=worker.fingerprint,
        judging=worker.judging_fingerprint,
    )
    return LocalExecutor(reader, concurrency=slots, enough=enough, known=reader.known)


def _whole_context_executor(
    lineup: Lineup, served: Sequence[_Served], reading: Reading, bench: _Bench
) -> WholeContextExecutor:
    """An executor whose worker holds all chunks at once."""
    from minions.execution.whole_context_executor import CachingHolder, WholeContextExecutor
    from minions_workers.holder import ChatReader

    holder: Holder = ChatReader(bench.model(served, "worker"), evidence=reading.evidence)
    if bench.books.cache is not None:
        holder = CachingHolder(holder, bench.books.cache, model=lineup.worker_name)
    return WholeContextExecutor(holder, concurrency=sum(each.slots for each in served))
