"""The one place that builds real clients: from settings to a planner and an executor, every model metered.

The core knows planners and workers only as ports; this module alone imports their packages.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

from minions.ledger.meter import Meter
from minions.models.slots import Room, default_slots, room_of
from minions.network.reference import ModelRef
from minions.run.crew import Books, Crew, close_all
from minions.values.events import WarningEvent
from minions.values.policy import shows_quotes
from minions.wiring.adapters import open_adapter, open_llamacpp
from minions.wiring.lineup import (
    LOCAL,
    api_key_of,
    choose_models,
    endpoint_of,
    has_embedded,
    is_cloud,
    is_elsewhere,
    planner_ref,
    recorded,
    refuse_remote_worker,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence
    from typing import Any

    from minions.execution.executor import LocalExecutor
    from minions.execution.whole_context_executor import WholeContextExecutor
    from minions.ledger.entries import Role
    from minions.models.llamacpp import LlamaCppModel
    from minions.ports import ChatModel, Holder
    from minions.run.crew import PlannerFor
    from minions.settings import Settings
    from minions.values.events import Observer


_PLANNER_CONCURRENCY = 8


async def fetch_weights(settings: Settings, observe: Observer) -> None:
    """Bring the weights of an embedded model that are not on this machine, as settings allow. Raises ModelError."""
    from minions.weights import resolving

    if settings.local_only or not settings.fetch_weights or not has_embedded():
        return
    missing = {
        status.entry.name: status.entry
        for status in resolving.list_models(settings.home_folder())
        if not status.origin
    }
    planner, worker, _ = choose_models(settings)
    for ref in [ModelRef.parse(name) for name in (planner, worker) if name != LOCAL]:
        if ref.provider == "llamacpp" and (entry := missing.pop(ref.model, None)):
            size = f"{entry.size_bytes / 1e9:.1f} GB"
            observe(
                WarningEvent(
                    message=f"fetching the weights of {entry.name} ({size}), once; they are verified"
                )
            )
            await asyncio.to_thread(resolving.pull, entry.name, home=settings.home_folder())


async def open_embedded(settings: Settings) -> LlamaCppModel | None:
    """A hold on the embedded worker, which stays loaded while anybody holds it; None when the worker is another."""
    _, worker, _ = choose_models(settings)
    ref = ModelRef.parse(worker)
    slots = settings.concurrency or default_slots(ref)
    return await open_llamacpp(ref, settings, slots) if ref.provider == "llamacpp" else None


async def recruit(settings: Settings, books: Books) -> Crew:
    """Build planner and workers. Raises ConfigError, EgressRefusedError; ModelNotFoundError. Worker endpoints are asked
    what they have room for, 3 s at most. What it opened before it raised is closed.
    """
    opened: list[ChatModel] = []
    try:
        return await _recruit(settings, books, opened)
    except BaseException:
        await close_all(opened)
        raise


@asynccontextmanager
async def open_judge(name: str, settings: Settings, books: Books) -> AsyncGenerator[ChatModel]:
    """A model that marks answers, metered as a judge; ``local`` is the worker's. Raises like recruit."""
    opened: list[ChatModel] = []
    try:
        if is_cloud(name, settings):
            served = [await _serve_planner(name, settings, opened)]
        else:
            worker = choose_models(settings)[1]
            served = await _serve(
                ModelRef.parse(worker if name == LOCAL else name), settings, opened
            )
        yield _model(served, "judge", settings, books)
    finally:
        await close_all(opened)


async def _recruit(settings: Settings, books: Books, closing: list[ChatModel]) -> Crew:
    planner_name, worker_name, notes = choose_models(settings)
    worker_ref = ModelRef.parse(worker_name)
    refuse_remote_worker(worker_ref, settings)
    served = await _serve(worker_ref, settings, closing)
    planner_for = await _planner(planner_name, served, settings, books, closing)
    executor = (_together if settings.protocol == "minion" else _one_by_one)(
        worker_ref, served, settings, books
    )
    planner = planner_for(None, settings.max_turns)
    context = min((each.context_tokens for each in served if each.context_tokens), default=None)
    return Crew(
        planner,
        executor,
        recorded(planner_name),
        str(worker_ref),
        notes,
        planner_for,
        context,
        closing,
    )


def _one_by_one(
    ref: ModelRef, served: list[_Served], settings: Settings, books: Books
) -> LocalExecutor:
    """A worker that reads a chunk at a time."""
    from minions.execution.cache import CachingWorker
    from minions.execution.executor import LocalExecutor
    from minions.execution.stopping import Enough
    from minions_workers.chunk_worker import ChunkWorker

    extractor = ChunkWorker(
        _model(served, "worker", settings, books),
        evidence=settings.evidence,
        min_relevance=settings.min_relevance,
        reasoning=settings.reasoning,
        second_look=settings.second_look,
        observe=books.observe,
    )
    enough = Enough(findings=settings.enough, confidence=settings.enough_confidence)
    slots = sum(endpoint.slots for endpoint in served)
    if books.cache is None:
        return LocalExecutor(extractor, concurrency=slots, enough=enough)
    reader = CachingWorker(
        extractor,
        books.cache,
        model=str(ref),
        fingerprint=extractor.fingerprint,
        judging=extractor.judging_fingerprint,
    )
    return LocalExecutor(reader, concurrency=slots, enough=enough, known=reader.known)


def _together(
    ref: ModelRef, served: list[_Served], settings: Settings, books: Books
) -> WholeContextExecutor:
    """A worker that holds all chunks at once."""
    from minions.execution.whole_context_executor import CachingHolder, WholeContextExecutor
    from minions_workers.holder import ChatReader

    holder: Holder = ChatReader(
        _model(served, "worker", settings, books), evidence=settings.evidence
    )
    if books.cache is not None:
        holder = CachingHolder(holder, books.cache, model=str(ref))
    return WholeContextExecutor(holder, concurrency=sum(endpoint.slots for endpoint in served))


async def _planner(
    name: str, served: list[_Served], settings: Settings, books: Books, closing: list[ChatModel]
) -> PlannerFor:
    """Makes planners over one model, for answers with a schema or (None) in words, and for so many turns of a chat."""
    from minions_planners.chat import ChatPlanner
    from minions_planners.cloud import CloudPlanner
    from minions_planners.local import LocalPlanner

    if name == LOCAL:
        local = _model(served, "planner", settings, books)
        return lambda schema, _: LocalPlanner(local, answer_schema=schema)
    model = _model([await _serve_planner(name, settings, closing)], "planner", settings, books)
    told: dict[str, Any] = {
        "output_tokens": settings.planner_output_tokens,
        "lines_shown": shows_quotes(settings.policy),
    }
    if settings.protocol == "minion":
        return lambda schema, turns: ChatPlanner(
            model, max_turns=turns, answer_schema=schema, **told
        )
    return lambda schema, _: CloudPlanner(
        model, max_tasks=settings.max_tasks, answer_schema=schema, **told
    )


class _Served(NamedTuple):
    """A model at one endpoint, the requests it takes at a time, whether it is metered as a cloud, and its context where
    it says so.
    """

    adapter: ChatModel
    slots: int
    cloud: bool
    context_tokens: int | None = None


async def _serve_planner(name: str, settings: Settings, closing: list[ChatModel]) -> _Served:
    """The planner's model."""
    adapter = await open_adapter(planner_ref(name), settings, slots=1)
    closing.append(adapter)
    return _Served(adapter, _PLANNER_CONCURRENCY, cloud=is_cloud(name, settings))


async def _serve(ref: ModelRef, settings: Settings, closing: list[ChatModel]) -> list[_Served]:
    """The worker's model at each of its endpoints."""

    async def room_at(each: ModelRef) -> Room:
        return await room_of(
            each, endpoint=endpoint_of(each, settings), api_key=api_key_of(each, settings)
        )

    served = []
    for each, room in zip(ref.each(), await asyncio.gather(*map(room_at, ref.each())), strict=True):
        slots = settings.concurrency or room.slots
        adapter = await open_adapter(each, settings, slots=slots)
        closing.append(adapter)
        served.append(_Served(adapter, slots, is_elsewhere(each, settings), room.context_tokens))
    return served


def _model(served: Sequence[_Served], role: Role, settings: Settings, books: Books) -> ChatModel:
    """``redacting(falling_back(retrying(pooled(throttled(metered(adapter)), ...))))``: the meter is innermost, so each
    physical attempt is an entry; redaction outermost, where the endpoint is elsewhere, so that no attempt escapes it.
    """
    from minions.models.falling_back import falling_back
    from minions.models.metered import metered
    from minions.models.pool_seat import Member
    from minions.models.pooled import pooled
    from minions.models.redacting import redacting
    from minions.models.retrying import DEFAULT_TOTAL_WAIT_S, retrying
    from minions.models.throttled import throttled
    from minions.wiring.redact import detector_for

    members = []
    for adapter, slots, cloud, _ in served:
        model = metered(adapter, meter=_meter(role, books, cloud=cloud))
        members.append(
            Member(throttled(model, concurrency=slots, rate_per_s=settings.rate_per_s), slots)
        )
    pool = pooled(members, clock=books.clock, patience_s=settings.patience_s, observe=books.observe)
    # Who waits for an endpoint that is gone waits as long for one that asks for time.
    waits = (
        {"total_wait_s": settings.patience_s} if settings.patience_s > DEFAULT_TOTAL_WAIT_S else {}
    )
    model = falling_back(retrying(pool, attempts=settings.attempts, **waits), observe=books.observe)
    return redacting(model, detector_for(settings)) if any(each.cloud for each in served) else model


def _meter(role: Role, books: Books, *, cloud: bool) -> Meter:
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
