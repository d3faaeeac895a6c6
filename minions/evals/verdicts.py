"""Judge the answers of an evaluation: each one once, within the limits, and entered in the ledger.

Verdicts are kept beside the answers, in ``judgements.jsonl``.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal, NamedTuple, NoReturn

from pydantic import ConfigDict, ValidationError

from minions.batch.output import Output, recorded_in
from minions.clock import SystemClock
from minions.errors import (
    BudgetExceededError,
    EgressRefusedError,
    ModelError,
    ReplyError,
    UsageError,
)
from minions.evals.judge import Verdict, judge, judgement_key
from minions.evals.records import whole_lines
from minions.evals.report import JudgeBill, known_usd, total_usd
from minions.home import STORE_FILE
from minions.ledger.context import working_for
from minions.ledger.egress import EgressLog
from minions.ledger.ledger import Ledger
from minions.network.reference import ModelRef
from minions.run.crew import Books
from minions.store.store import Store
from minions.values.base import Value
from minions.values.events import WarningEvent
from minions.wiring.lineup import LOCAL, Lineup
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
_LOCAL_OUTPUT_TOKENS = 100


class FreeTextAnswer(NamedTuple):
    """An answer in free text, and the id of the run that gave it."""

    example: Example
    answer: str
    run_id: str


class Judgement(Value):
    """A line of the file: the verdict of one judge on one answer."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    """The hash of judge, question and answers (`minions.evals.judge.judgement_key`)."""

    question: str
    """The id of the question."""

    answer: str
    judge: str
    verdict: Verdict

    stop_reason: Literal["answered"] = "answered"
    """Marks the line as done for `minions.batch.output`."""


def check_judge(name: str, settings: Settings) -> None:
    """Refuse a judge that cannot work, or that must not see the answers.

    Raises EgressRefusedError for a cloud judge with ``--local-only`` or under policy ``strict``,
    and like `minions.wiring.lineup.Lineup.of` for a model that cannot be used.
    """
    if name != LOCAL and settings.endpoints().is_cloud(ModelRef.parse(name)):
        if settings.local_only:
            _refuse_cloud(name, because_of="--local-only", way_out="leave it out")
        if settings.policy == "strict":
            _refuse_cloud(name, because_of="--policy strict", way_out="use --policy findings")
    Lineup.of(_as_planner(name, settings))


def _refuse_cloud(name: str, *, because_of: str, way_out: str) -> NoReturn:
    raise EgressRefusedError(
        f"{because_of} forbids the cloud judge {_recorded(name)}: it would be sent the known"
        " answers, which are words of the documents",
        hint=f"use --judge local, or {way_out}",
    )


async def judge_answers(
    name: str,
    answers: Sequence[FreeTextAnswer],
    settings: Settings,
    *,
    home: Path,
    folder: Path,
    observe: Observer,
) -> None:
    """Ask the judge for a verdict on each answer that has none in ``folder``.

    An answer that the limits do not cover, or whose reply cannot be read, is left without a verdict
    and asked for again by the next evaluation. Raises errors that would meet every answer.
    """
    left = {}
    for free_text in answers:
        left[judgement_key(_recorded(name), free_text.example, free_text.answer)] = free_text
    for key in recorded_in(folder / JUDGEMENTS):
        left.pop(key, None)
    if not left:
        return
    runs = {free_text.run_id for free_text in answers}  # earlier judging of any of them counts
    lineup = Lineup.unchecked(_as_planner(name, settings))
    output_tokens = _LOCAL_OUTPUT_TOKENS
    if lineup.planner_is_cloud:
        output_tokens = settings.planner_output_tokens
    await fetch_weights(lineup, settings, observe)
    with (
        Store.open(home / STORE_FILE) as store,
        Output(folder / JUDGEMENTS, is_recorded=True) as output,
    ):
        books = _books(store, settings, runs, observe)
        async with open_judge(lineup, settings, books) as model:
            session = _Session(model, _recorded(name), output, output_tokens)
            await session.judge_all(left)
    if session.unjudged:
        count = len(session.unjudged)
        observe(WarningEvent(message=f"answers without a verdict: {count} ({session.unjudged[0]})"))


class _Session:
    """Judging with an open model; ``unjudged`` are the reasons why answers have no verdict."""

    def __init__(self, model: ChatModel, name: str, output: Output, output_tokens: int) -> None:
        self._model = model
        self._name = name
        self._output = output
        self._output_tokens = output_tokens
        self.unjudged: list[str] = []

    async def judge_all(self, left: Mapping[str, FreeTextAnswer]) -> None:
        """Judge answers at the same time; an error that meets every call cancels the others."""
        tasks = [asyncio.create_task(self._judge(key, answer)) for key, answer in left.items()]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _judge(self, key: str, free_text: FreeTextAnswer) -> None:
        example = free_text.example
        answer = free_text.answer
        try:
            with working_for(free_text.run_id, 0):
                verdict = await judge(
                    self._model, example, answer, max_output_tokens=self._output_tokens
                )
        except (ModelError, BudgetExceededError, ReplyError) as error:
            if error.systemic:
                raise
            self.unjudged.append(error.message)
            return
        judgement = Judgement(
            id=key, question=example.id, answer=answer, judge=self._name, verdict=verdict
        )
        self._output.append(judgement.model_dump_json(), id_=key, kind="done")


class Verdicts:
    """The verdicts of one judge that are kept in a folder. Raises UsageError for a foreign file."""

    def __init__(self, name: str, folder: Path) -> None:
        path = folder / JUDGEMENTS
        self._name = _recorded(name)
        self._verdicts: dict[str, Verdict] = {}
        try:
            for line in whole_lines(path):
                judgement = Judgement.model_validate(line)
                self._verdicts[judgement.id] = judgement.verdict
        except ValidationError:
            raise UsageError(
                f"{path} holds a line that is not a judgement",
                hint="name another folder with -o",
            ) from None

    def on(self, example: Example, answer: str) -> Verdict | None:
        """The verdict on an answer; None where there is none yet."""
        return self._verdicts.get(judgement_key(self._name, example, answer))


def bill(name: str, ledger: Ledger, runs: Iterable[str]) -> JudgeBill:
    """Add up what judging the answers of these runs cost."""
    costs = []
    input_tokens = 0
    output_tokens = 0
    for entry in _entries(ledger, runs):
        costs.append(entry.cost_usd)
        input_tokens += entry.input_tokens
        output_tokens += entry.output_tokens
    return JudgeBill(
        judge=_recorded(name),
        calls=len(costs),
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cost_usd=total_usd(costs),
    )


def _entries(ledger: Ledger, runs: Iterable[str]) -> list[Entry]:
    """The ledger's entries of a judge under these runs."""
    entries = []
    for run in sorted(set(runs)):
        entries += [entry for entry in ledger.entries(run) if entry.role == "judge"]
    return entries


def _books(store: Store, settings: Settings, runs: set[str], observe: Observer) -> Books:
    """The books of a judge, with a budget from which earlier judging is already spent.

    A call whose process ended before its reply was entered counts, too.
    """
    ledger = Ledger(store)
    for lost in ledger.open_attempts():
        if lost.entry.role == "judge" and lost.entry.run_id in runs:
            ledger.append(lost.entry, attempt=lost.id)
    spent_tokens = 0
    costs = []
    for entry in _entries(ledger, runs):
        if entry.cloud:
            spent_tokens += entry.bound_tokens or entry.input_tokens + entry.output_tokens
            costs.append(entry.cost_usd if entry.bound_usd is None else entry.bound_usd)
    return Books(
        ledger=ledger,
        prices=settings.price_book(),
        egress=EgressLog(store, retain_text=settings.retain_text),
        budget=settings.budget().resumed(spent_usd=known_usd(costs), spent_tokens=spent_tokens),
        clock=SystemClock(),
        observe=observe,
    )


def _as_planner(name: str, settings: Settings) -> Settings:
    """The settings with the judge as planner: it is checked, and its weights fetched, like one."""
    return settings.model_copy(update={"planner": name, "protocol": "minions"})


def _recorded(name: str) -> str:
    """The judge's name for records and messages, without its URL, which may hold credentials."""
    if name == LOCAL:
        return name
    return name.partition("@")[0]
