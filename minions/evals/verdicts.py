"""Judging the answers of an evaluation: each once, kept beside the answers, within the limits and on the ledger."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal, NamedTuple

from pydantic import ConfigDict, ValidationError

from minions.batch.output import Output, recorded_in
from minions.clock import SystemClock
from minions.errors import (
    AuthenticationError,
    BudgetExceededError,
    EgressRefusedError,
    ModelError,
    ModelNotFoundError,
    ReplyError,
    UnreachableError,
    UsageError,
)
from minions.evals.judge import Verdict, judge, judgement_key
from minions.evals.records import whole_lines
from minions.evals.report import JudgeBill
from minions.ledger.budgets import Budget
from minions.ledger.context import working_for
from minions.ledger.egress import EgressLog
from minions.ledger.ledger import Ledger, exact_sum
from minions.ledger.prices import PriceBook
from minions.run.crew import Books
from minions.store.store import Store
from minions.values.base import Value
from minions.values.events import WarningEvent
from minions.wiring.lineup import LOCAL, check_models, is_cloud
from minions.wiring.recruit import fetch_weights, open_judge

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from minions.evals.dataset import Example
    from minions.ledger.entries import Entry
    from minions.ports import ChatModel
    from minions.settings import Settings
    from minions.values.events import Observer

JUDGEMENTS = "judgements.jsonl"
_LOCAL_TOKENS = 100
_ENDS_ALL = (AuthenticationError, ModelNotFoundError, UnreachableError)


class Given(NamedTuple):
    """An answer in words that waits for a verdict, and the run that gave it."""

    example: Example
    answer: str
    run_id: str


class Judgement(Value):
    """A line of the file: ``id`` says what was judged by whom, ``question`` is the id of it, ``stop_reason`` that the
    judge answered.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    question: str
    answer: str
    judge: str
    verdict: Verdict
    stop_reason: Literal["answered"] = "answered"


def check_judge(name: str, settings: Settings) -> None:
    """Refuse a judge that cannot work, or must not see answers. Raises ConfigError, EgressRefusedError, ..."""
    if is_cloud(name, settings):
        for forbids, instead in (
            ("--local-only" if settings.local_only else "", "leave it out"),
            ("--policy strict" if settings.policy == "strict" else "", "use --policy findings"),
        ):
            if forbids:
                raise EgressRefusedError(
                    f"{forbids} forbids the cloud judge {_recorded(name)}: known answers are the documents' words",
                    hint=f"use --judge local, or {instead}",
                )
    check_models(_as_planner(name, settings))


async def judge_answers(
    name: str,
    given: Sequence[Given],
    settings: Settings,
    *,
    home: Path,
    folder: Path,
    observe: Observer,
) -> None:
    """Ask for a verdict on each answer that has none. What the limits do not cover, or no reply could be read for, is
    left without one and asked for again next time; raises what would meet every answer.
    """
    from minions.home import STORE_FILE

    left = {judgement_key(_recorded(name), one.example, one.answer): one for one in given}
    for key in recorded_in(folder / JUDGEMENTS):
        left.pop(key, None)
    if not left:
        return
    from minions.wiring.lineup import Lineup

    await fetch_weights(Lineup.unchecked(_as_planner(name, settings)), settings, observe)
    with Store.open(home / STORE_FILE) as store, Output(folder / JUDGEMENTS) as output:
        books = _books(store, settings, {one.run_id for one in given}, observe)
        async with open_judge(name, Lineup.unchecked(settings), settings, books) as model:
            tokens = settings.planner_output_tokens if is_cloud(name, settings) else _LOCAL_TOKENS
            session = _Session(model, _recorded(name), output, tokens)
            await session.judge_all(left)
    if session.unjudged:
        reason = session.unjudged[0]
        observe(
            WarningEvent(message=f"answers without a verdict: {len(session.unjudged)} ({reason})")
        )


class _Session:
    def __init__(self, model: ChatModel, name: str, output: Output, tokens: int) -> None:
        self._model, self._name, self._output, self._tokens = model, name, output, tokens
        self.unjudged: list[str] = []

    async def judge_all(self, left: Mapping[str, Given]) -> None:
        tasks = [asyncio.create_task(self._judge(key, one)) for key, one in left.items()]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _judge(self, key: str, one: Given) -> None:
        try:
            with working_for(one.run_id, 0):
                verdict = await judge(
                    self._model, one.example, one.answer, max_output_tokens=self._tokens
                )
        except _ENDS_ALL:
            raise
        except (ModelError, BudgetExceededError, ReplyError) as error:
            self.unjudged.append(error.message)
            return
        kept = Judgement(
            id=key, question=one.example.id, answer=one.answer, judge=self._name, verdict=verdict
        )
        self._output.append(kept.model_dump_json(), id_=key, kind="done")


class Verdicts:
    """The verdicts of one judge that are kept in a folder."""

    def __init__(self, name: str, folder: Path) -> None:
        self._name, path = _recorded(name), folder / JUDGEMENTS
        try:
            judgements = [Judgement.model_validate(line) for line in whole_lines(path)]
        except ValidationError:
            raise UsageError(
                f"{path} holds a line that is no judgement", hint="name another folder with -o"
            ) from None
        self._kept = {one.id: one.verdict for one in judgements}

    def on(self, example: Example, answer: str) -> Verdict | None:
        """The verdict on an answer; None where there is none yet."""
        return self._kept.get(judgement_key(self._name, example, answer))


def bill(name: str, ledger: Ledger, runs: Iterable[str]) -> JudgeBill:
    """What judging the answers of these runs took."""
    entries = _entries(ledger, runs)
    costs = [entry.cost_usd for entry in entries]
    return JudgeBill(
        judge=_recorded(name),
        calls=len(entries),
        input_tokens=sum(entry.input_tokens for entry in entries),
        output_tokens=sum(entry.output_tokens for entry in entries),
        cost_usd=None if None in costs else exact_sum(cost for cost in costs if cost is not None),
    )


def _entries(ledger: Ledger, runs: Iterable[str]) -> list[Entry]:
    return [
        entry for run in sorted(set(runs)) for entry in ledger.entries(run) if entry.role == "judge"
    ]


def _books(store: Store, settings: Settings, runs: set[str], observe: Observer) -> Books:
    """Books with a budget of which earlier judging is spent, what an ended process lost of it included."""
    ledger = Ledger(store)
    for lost in ledger.open_attempts():
        if lost.entry.role == "judge" and lost.entry.run_id in runs:
            ledger.append(lost.entry, attempt=lost.id)
    entries = [entry for entry in _entries(ledger, runs) if entry.cloud]
    tokens = (entry.bound_tokens or entry.input_tokens + entry.output_tokens for entry in entries)
    dollars = (
        entry.bound_usd if entry.bound_usd is not None else entry.cost_usd for entry in entries
    )
    spent_usd = exact_sum(amount for amount in dollars if amount is not None)
    return Books(
        ledger=ledger,
        prices=PriceBook.parse(settings.prices),
        egress=EgressLog(store, retain_text=settings.retain_text),
        budget=Budget(
            settings.max_cost,
            settings.max_cloud_tokens,
            spent_usd=spent_usd,
            spent_tokens=sum(tokens),
        ),
        clock=SystemClock(),
        observe=observe,
    )


def _as_planner(name: str, settings: Settings) -> Settings:
    return settings.model_copy(update={"planner": name, "protocol": "minions"})


def _recorded(name: str) -> str:
    """A judge as it is told of: without its URL, which may hold credentials."""
    return name if name == LOCAL else name.partition("@")[0]
