"""Asking a data set's questions under several protocols, on the batch machinery, and scoring what comes back."""

from __future__ import annotations

import json
from contextlib import aclosing
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from minions.corpus.chunking import DEFAULT_CHUNK_TOKENS
from minions.corpus.index import Index
from minions.errors import UsageError
from minions.evals.conditions import keep, settle
from minions.evals.dataset import Example, read_dataset
from minions.evals.judge import is_judged
from minions.evals.outcomes import answer_of, models_of, outcome_of
from minions.evals.plans import read_plans
from minions.evals.records import read_records
from minions.evals.report import Outcome, Report, summarise
from minions.evals.scorers import abstains
from minions.evals.tracing import Tracer, read_traces
from minions.evals.verdicts import Given, Verdicts, bill, check_judge, judge_answers
from minions.ledger.ledger import Ledger
from minions.store.runs import Runs
from minions.store.store import Store
from minions.values.events import both
from minions.wiring.lineup import check_models, choose_models

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from minions.api import Minions
    from minions.evals.columns import Column
    from minions.settings import Settings
    from minions.values.events import Observer
    from minions.values.plans import Plan

_SMALLEST_USD = Decimal("0.000000001")


@dataclass(frozen=True)
class Wanted:
    """What is evaluated: ``columns`` with the settings they come to; ``plans``, a file of first plans by question."""

    dataset: Path
    documents: Path
    columns: Mapping[Column, Settings]
    output: Path | None = None
    limit: int | None = None
    plans: Path | None = None
    judge: str | None = None
    retry_errors: bool = False

    @property
    def shares(self) -> int:
        """By how many the limits are shared."""
        return len(self.columns) + (self.judge is not None)

    @property
    def folder(self) -> Path:
        """Where the answers are kept."""
        name = self.dataset.parent.name if self.dataset.stem == "questions" else self.dataset.stem
        return self.output or Path(f"{name}.eval")


async def evaluate(minions: Minions, wanted: Wanted, observe: Observer, **settings: Any) -> Report:
    """Evaluate; see `minions.api.Minions.evaluate`, whose ``settings`` are those of the call."""
    for each in (
        wanted.columns.values()
    ):  # a protocol that is refused is so before the ones before it are paid for
        check_models(each)
        if wanted.judge is not None:
            check_judge(wanted.judge, each)
    examples = read_dataset(wanted.dataset)
    plans = _plans(wanted, examples)
    examples = examples[: wanted.limit]
    documents = _prepared(wanted)
    asked = [_asked(example) for example in examples]
    given_to = {column: plans if column.plans else {} for column in wanted.columns}
    settled = {
        column: settle(
            wanted.folder, column, chosen, asked, given_to[column], retry_errors=wanted.retry_errors
        )
        for column, chosen in wanted.columns.items()
    }
    for column, chosen in wanted.columns.items():
        given = given_to[column]
        keep(wanted.folder, column, settled[column])
        origin = wanted.plans.name if wanted.plans is not None else None
        tracer = Tracer(
            wanted.folder / f"{column.file}.traces.jsonl", planned_in=dict.fromkeys(given, origin)
        )
        how: dict[str, Any] = {
            **settings,
            **share_of_limits(chosen, wanted.shares),
            **column.settings,
        }
        how |= {"output": wanted.folder / f"{column.file}.jsonl", "observe": both(observe, tracer)}
        how |= {"retry_errors": wanted.retry_errors, "plans": given}
        how["cache_scope"] = settled[column].reading
        async with aclosing(minions.map(asked, documents, **how)) as answers:
            async for _ in answers:
                pass
    if wanted.judge is not None:
        chosen = next(iter(wanted.columns.values()))
        chosen = chosen.model_copy(update=share_of_limits(chosen, wanted.shares))
        where: dict[str, Any] = {"home": minions.home, "folder": wanted.folder, "observe": observe}
        await judge_answers(wanted.judge, _to_judge(examples, wanted), chosen, **where)
    return scored(minions.home, examples, documents, wanted)


def _to_judge(examples: Sequence[Example], wanted: Wanted) -> list[Given]:
    """The answers in free text, of all protocols."""
    given = []
    for column in wanted.columns:
        records = read_records(wanted.folder / f"{column.file}.jsonl")
        for example in filter(is_judged, examples):
            answer, problem = answer_of(records.get(example.id))
            if (
                problem is None
                and answer is not None
                and answer.answer
                and not abstains(example, answer.answer)
            ):
                given.append(Given(example, answer.answer, answer.run_id))
    return given


def _plans(wanted: Wanted, examples: Sequence[Example]) -> Mapping[str, Plan]:
    """The plans that are given, by the ids of their questions."""
    if wanted.plans is None:
        return {}
    if not any(column.plans for column in wanted.columns):
        names = ", ".join(column.name for column in wanted.columns)
        raise UsageError(
            f"--plans {wanted.plans}: {names} makes no plan", hint="plans are for minions and local"
        )
    most = min(chosen.max_tasks for chosen in wanted.columns.values())
    return read_plans(wanted.plans, {example.id for example in examples}, max_tasks=most)


def share_of_limits(settings: Settings, shares: int) -> dict[str, Any]:
    """What one of several protocols, or their judge, may spend, so that all together stay within the limits."""
    share: dict[str, Any] = {}
    if settings.max_cost is not None:
        share["max_cost"] = (settings.max_cost / shares).quantize(_SMALLEST_USD, ROUND_DOWN)
    if settings.max_cloud_tokens is not None:
        share["max_cloud_tokens"] = settings.max_cloud_tokens // shares
    return share


def _prepared(wanted: Wanted) -> Path:
    """The folder of the documents, once the one for the answers is there."""
    output, documents = wanted.folder, wanted.documents
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"-o {output}: {error.strerror}", hint="name a folder that can be written to"
        ) from None
    return unpacked(documents, output / "documents") if documents.suffix == ".jsonl" else documents


def scored(home: Path, examples: Sequence[Example], documents: Path, wanted: Wanted) -> Report:
    """Score what stands in the output files. Calls no model."""
    from minions.home import INDEX_FILE, STORE_FILE

    outcomes: dict[str, tuple[Outcome, ...]] = {}
    asked: dict[str, tuple[str, ...]] = {}
    runs: list[str] = []
    first, *_ = wanted.columns
    verdicts = Verdicts(wanted.judge, wanted.folder) if wanted.judge is not None else None
    with Store.open(home / STORE_FILE) as store, Index.open(home / INDEX_FILE) as index:
        chunk_tokens = wanted.columns[first].chunk_tokens or DEFAULT_CHUNK_TOKENS
        corpus, report = index.update([documents], chunk_tokens=chunk_tokens)
        ledger = Ledger(store)
        for column in wanted.columns:
            records = read_records(wanted.folder / f"{column.file}.jsonl")
            own = [run for recorded in records.values() for run in recorded.runs]
            asked[column.name] = models_of(own, Runs(store))
            traces = read_traces(wanted.folder / f"{column.file}.traces.jsonl")
            runs += own
            outcomes[column.name] = tuple(
                outcome_of(
                    example,
                    records.get(example.id),
                    traces.get(example.id),
                    corpus,
                    ledger,
                    verdicts,
                )
                for example in examples
            )
        judged = bill(wanted.judge, ledger, runs) if wanted.judge is not None else None
    summaries = []
    for column, settings in wanted.columns.items():
        others = None if column == first else outcomes[first.name]
        models = asked[column.name] or tuple(
            name.partition("@")[0] for name in choose_models(settings)[:2]
        )
        summaries.append(
            summarise(column.name, (models[0], models[1]), outcomes[column.name], others)
        )
    return Report(
        dataset=str(wanted.dataset),
        documents=report.documents,
        summaries=tuple(summaries),
        outcomes=outcomes,
        judge=judged,
    )


def unpacked(documents: Path, folder: Path) -> Path:
    """A folder with a file for each line ``{"name": ..., "text": ...}``; what earlier lines wrote there and these do
    not is removed. Raises UsageError.
    """
    listed, texts = folder.with_name(f"{folder.name}.json"), {}
    try:
        for number, line in enumerate(documents.read_text("utf-8-sig").split("\n"), 1):
            if line.strip():
                name, text = _document(line, f"{documents}, line {number}")
                if name in texts:
                    raise UsageError(f"{documents}, line {number}: the name {name!r} comes twice")
                texts[name] = text.encode("utf-8", "replace")
        folder.mkdir(exist_ok=True)
        before = _written_before(listed)
        _keep(
            listed, json.dumps([*dict.fromkeys((*before, *texts))]).encode()
        )  # first: none is ever forgotten
        for name, content in texts.items():
            _keep(folder / name, content)
        for name in before:
            if name not in texts:
                (folder / name).unlink(missing_ok=True)
        _keep(listed, json.dumps([*texts]).encode())
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"--docs {documents}: {error}", hint="name a folder of documents, or a .jsonl"
        ) from None
    return folder


def _written_before(listed: Path) -> list[str]:
    """The names of the files that an earlier call wrote: no other is ever removed."""
    try:
        names = json.loads(listed.read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return []
    if not isinstance(names, list):
        return []
    return [
        name
        for name in names
        if isinstance(name, str) and name == PurePath(name).name not in {"", ".."}
    ]


def _document(line: str, where: str) -> tuple[str, str]:
    try:
        one = json.loads(line)
        name, text = PurePath(str(one["name"])).name, str(one["text"])
    except (ValueError, KeyError, TypeError, RecursionError):
        name, text = "", ""
    if name in {"", ".."}:
        raise UsageError(
            f"{where}: not a document", hint='a line looks like {"name": "a.txt", "text": "..."}'
        )
    return name, text


def _keep(file: Path, content: bytes) -> None:
    """Write what is not there yet: a file that is left alone is not indexed again."""
    if not file.exists() or file.read_bytes() != content:
        file.write_bytes(content)


def _asked(example: Example) -> dict[str, Any]:
    choices = [
        f"{chr(ord('A') + number)}. {choice}" for number, choice in enumerate(example.choices)
    ]
    question = "\n".join([example.question, *choices])
    return {"id": example.id, "question": question, "documents": example.documents}
