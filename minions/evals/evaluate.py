"""Ask a data set's questions under several protocols, as batches, and score the answers."""

from __future__ import annotations

import json
from contextlib import aclosing
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, Protocol

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
from minions.evals.verdicts import FreeTextAnswer, Verdicts, bill, check_judge, judge_answers
from minions.home import INDEX_FILE, STORE_FILE
from minions.ledger.ledger import Ledger
from minions.store.private import create_folder, write_private
from minions.store.runs import Runs
from minions.store.store import Store
from minions.values.events import both
from minions.wiring.lineup import Lineup

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence

    from minions.evals.columns import Column
    from minions.settings import Settings
    from minions.values.answers import Answer
    from minions.values.events import Observer
    from minions.values.plans import Plan

_SMALLEST_USD = Decimal("0.000000001")


class Asker(Protocol):
    """The methods of `minions.Minions` that an evaluation uses: it asks the questions."""

    @property
    def home(self) -> Path:
        """The folder of the store and the index."""
        ...

    def map(
        self,
        questions: Iterable[Mapping[str, Any]],
        paths: Path,
        *,
        output: Path,
        retry_errors: bool,
        plans: Mapping[str, Plan],
        cache_scope: str,
        observe: Observer,
        **settings: Any,
    ) -> AsyncGenerator[Answer]:
        """Answer questions over the documents at ``paths``; a record of each goes to ``output``."""
        ...


@dataclass(frozen=True)
class Wanted:
    """An evaluation, as the user asked for it."""

    dataset: Path

    documents: Path
    """A folder, or a ``.jsonl`` file of names and texts."""

    columns: Mapping[Column, Settings]
    """The columns, each with the settings that it is asked with."""

    output: Path | None = None
    """The folder of the answers; None for ``NAME.eval`` in the current one."""

    limit: int | None = None
    """The number of questions to ask; None for all."""

    plans: Path | None = None
    """A file of hand-written first plans."""

    judge: str | None = None
    """The reference of a model that judges free text."""

    retry_errors: bool = False

    @property
    def shares(self) -> int:
        """The parts into which the limits are divided: one a column, and one for the judge."""
        return len(self.columns) + (self.judge is not None)

    @property
    def folder(self) -> Path:
        """The folder in which the answers are kept."""
        if self.output is not None:
            return self.output
        name = self.dataset.stem
        if name == "questions":
            name = self.dataset.parent.name
        return Path(f"{name}.eval")


async def evaluate(asker: Asker, wanted: Wanted, observe: Observer, **settings: Any) -> Report:
    """Ask the questions that have no answer yet, judge free text, and score all answers.

    ``settings`` are the settings of the call (see `minions.Minions.aevaluate`), without the
    settings of a column. Raises MinionsError; every check is made before the first question is
    asked.
    """
    for chosen in wanted.columns.values():
        Lineup.of(chosen)
        if wanted.judge is not None:
            check_judge(wanted.judge, chosen)
    examples = read_dataset(wanted.dataset)
    plans = _read_plans(wanted, examples)
    examples = examples[: wanted.limit]
    documents = _prepare_folder(wanted)
    questions = [_question(example) for example in examples]
    settled = {}
    for column, chosen in wanted.columns.items():
        given = plans if column.plans else {}
        settled[column] = settle(
            wanted.folder, column, chosen, questions, given, retry_errors=wanted.retry_errors
        )
    plans_file = wanted.plans.name if wanted.plans is not None else None
    for column, chosen in wanted.columns.items():
        keep(wanted.folder, column, settled[column])
        given = plans if column.plans else {}
        traces = wanted.folder / f"{column.file}.traces.jsonl"
        tracer = Tracer(traces, planned_in=dict.fromkeys(given, plans_file))
        overrides = share_of_limits(chosen, wanted.shares) | column.settings
        answers = asker.map(
            questions,
            documents,
            output=wanted.folder / f"{column.file}.jsonl",
            retry_errors=wanted.retry_errors,
            plans=given,
            cache_scope=settled[column].reading,
            observe=both(observe, tracer),
            **(settings | overrides),
        )
        async with aclosing(answers):
            async for _ in answers:
                pass
    if wanted.judge is not None:
        await _judge(asker.home, examples, wanted, wanted.judge, observe)
    return score_answers(asker.home, examples, documents, wanted)


async def _judge(
    home: Path, examples: Sequence[Example], wanted: Wanted, judge: str, observe: Observer
) -> None:
    """Judge the answers in free text, of all columns, within the judge's share of the limits."""
    free_texts = []
    for column in wanted.columns:
        records = read_records(wanted.folder / f"{column.file}.jsonl")
        for example in filter(is_judged, examples):
            answer, problem = answer_of(records.get(example.id))
            if answer is None or problem is not None or not answer.answer:
                continue
            if not abstains(example, answer.answer):
                free_texts.append(FreeTextAnswer(example, answer.answer, answer.run_id))
    first = next(iter(wanted.columns.values()))
    limited = first.model_copy(update=share_of_limits(first, wanted.shares))
    await judge_answers(
        judge, free_texts, limited, home=home, folder=wanted.folder, observe=observe
    )


def _read_plans(wanted: Wanted, examples: Sequence[Example]) -> Mapping[str, Plan]:
    """The hand-written plans, by the ids of their questions. Raises UsageError."""
    if wanted.plans is None:
        return {}
    if not any(column.plans for column in wanted.columns):
        names = ", ".join(column.name for column in wanted.columns)
        raise UsageError(
            f"--plans {wanted.plans}: protocol {names} makes no plan",
            hint="leave --plans out, or use it with --protocol minions or local",
        )
    max_tasks = min(chosen.max_tasks for chosen in wanted.columns.values())
    return read_plans(wanted.plans, {example.id for example in examples}, max_tasks=max_tasks)


def share_of_limits(settings: Settings, shares: int) -> dict[str, Any]:
    """The limits of one column, or of the judge: together they keep the user's limits."""
    share: dict[str, Any] = {}
    if settings.max_cost is not None:
        share["max_cost"] = (settings.max_cost / shares).quantize(_SMALLEST_USD, ROUND_DOWN)
    if settings.max_cloud_tokens is not None:
        share["max_cloud_tokens"] = settings.max_cloud_tokens // shares
    return share


def _prepare_folder(wanted: Wanted) -> Path:
    """Make the folder of the answers, and return the folder of the documents. Raises UsageError."""
    try:
        create_folder(wanted.folder)
    except OSError as error:
        raise UsageError(
            f"-o {wanted.folder}: {error.strerror}", hint="name a folder that can be written to"
        ) from None
    if wanted.documents.suffix == ".jsonl":
        return unpacked(wanted.documents, wanted.folder / "documents")
    return wanted.documents


def score_answers(
    home: Path, examples: Sequence[Example], documents: Path, wanted: Wanted
) -> Report:
    """Score the answers in the output files. Calls no model."""
    first = next(iter(wanted.columns))
    verdicts = None
    if wanted.judge is not None:
        verdicts = Verdicts(wanted.judge, wanted.folder)
    models: dict[Column, tuple[str, str]] = {}
    outcomes: dict[str, tuple[Outcome, ...]] = {}
    runs: list[str] = []
    with Store.open(home / STORE_FILE) as store, Index.open(home / INDEX_FILE) as index:
        chunk_tokens = wanted.columns[first].chunk_size()
        corpus, indexed = index.update([documents], chunk_tokens=chunk_tokens)
        ledger = Ledger(store)
        for column, settings in wanted.columns.items():
            records = read_records(wanted.folder / f"{column.file}.jsonl")
            traces = read_traces(wanted.folder / f"{column.file}.traces.jsonl")
            column_runs = [run for recorded in records.values() for run in recorded.runs]
            runs += column_runs
            lineup = Lineup.unchecked(settings)
            chosen = (
                lineup.planner_name.partition("@")[0],
                lineup.worker_name.partition("@")[0],
            )
            models[column] = models_of(column_runs, Runs(store)) or chosen
            column_outcomes = []
            for example in examples:
                recorded = records.get(example.id)
                trace = traces.get(example.id)
                outcome = outcome_of(example, recorded, trace, corpus, ledger, verdicts)
                column_outcomes.append(outcome)
            outcomes[column.name] = tuple(column_outcomes)
        judge_bill = None
        if wanted.judge is not None:
            judge_bill = bill(wanted.judge, ledger, runs)
    summaries = []
    for column in wanted.columns:
        compared_with = None if column == first else outcomes[first.name]
        summary = summarise(column.name, models[column], outcomes[column.name], compared_with)
        summaries.append(summary)
    return Report(
        dataset=str(wanted.dataset),
        documents=indexed.documents,
        summaries=tuple(summaries),
        outcomes=outcomes,
        judge=judge_bill,
    )


def unpacked(documents: Path, folder: Path) -> Path:
    """Write each line ``{"name": ..., "text": ...}`` as a file of its own into ``folder``.

    A file of an earlier call whose name is no longer among the lines is removed; other files stay.
    Raises UsageError for a file that cannot be read or written, and for a line that is not a
    document.
    """
    listed = folder.with_name(f"{folder.name}.json")
    texts: dict[str, bytes] = {}
    try:
        for number, line in enumerate(documents.read_text("utf-8-sig").split("\n"), 1):
            if not line.strip():
                continue
            where = f"{documents}, line {number}"
            name, text = _document(line, where)
            if name in texts:
                raise UsageError(f"{where}: the name {name!r} is used twice")
            texts[name] = text.encode("utf-8", "replace")
        create_folder(folder)
        before = _written_before(listed)
        for name, content in texts.items():
            _refuse_others(folder / name, content, is_ours=name in before)
        # Names are listed before a file is written: none is forgotten where the process ends.
        names = dict.fromkeys((*before, *texts))
        _write_if_changed(listed, json.dumps(list(names)).encode())
        for name, content in texts.items():
            _write_if_changed(folder / name, content)
        for name in before:
            if name not in texts:
                (folder / name).unlink(missing_ok=True)
        _write_if_changed(listed, json.dumps(list(texts)).encode())
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"--docs {documents}: {error}", hint="name a folder of documents, or a .jsonl file"
        ) from None
    return folder


def _written_before(listed: Path) -> list[str]:
    """The names of the files that an earlier call wrote: only these may be changed or removed.

    Raises UsageError for a list that no call wrote.
    """
    try:
        names = json.loads(listed.read_text("utf-8"))
    except FileNotFoundError:
        return []
    except ValueError:
        names = None
    if not isinstance(names, list):
        raise _of_somebody_else(listed)
    return [name for name in names if isinstance(name, str) and _is_file_name(name)]


def _refuse_others(file: Path, content: bytes, *, is_ours: bool) -> None:
    """Raise UsageError for a file that holds something else and that no earlier call wrote."""
    if not is_ours and file.exists() and file.read_bytes() != content:
        raise _of_somebody_else(file)


def _of_somebody_else(file: Path) -> UsageError:
    return UsageError(
        f"{file} was not written by an evaluation, and would be overwritten",
        hint="name another folder with -o, or move this file elsewhere",
    )


def _document(line: str, where: str) -> tuple[str, str]:
    """The name and text of a line. Raises UsageError."""
    try:
        fields = json.loads(line)
        name = PurePath(str(fields["name"])).name
        text = str(fields["text"])
    except (ValueError, KeyError, TypeError, RecursionError):
        name = ""
        text = ""
    if not _is_file_name(name):
        raise UsageError(
            f"{where}: not a document", hint='write the line like {"name": "a.txt", "text": "..."}'
        )
    return name, text


def _is_file_name(name: str) -> bool:
    """True for a name that stays inside its folder."""
    return name == PurePath(name).name and name not in {"", ".."}


def _write_if_changed(file: Path, content: bytes) -> None:
    """Write a file unless it has this content: a file that is not touched is not indexed again."""
    if not file.exists() or file.read_bytes() != content:
        write_private(file, content)


def _question(example: Example) -> dict[str, Any]:
    """The question as a line of a batch; choices stand below it, as ``A. ...``."""
    lines = [example.question]
    for number, choice in enumerate(example.choices):
        letter = chr(ord("A") + number)
        lines.append(f"{letter}. {choice}")
    return {"id": example.id, "question": "\n".join(lines), "documents": example.documents}
