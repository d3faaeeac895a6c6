"""Write each result of a batch exactly once: to the output file, the runs' records and the counts.

The order keeps a result from being lost or doubled, whenever the process dies: the run is recorded;
then its line is appended and synced; then the run counts as delivered, and the replies that were
kept for it are deleted.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Literal

from minions.batch.items import BadLine, Item
from minions.batch.output import is_asked_again, kind_of
from minions.errors import MinionsError, UsageError
from minions.values.answers import Answer
from minions.values.base import Value
from minions.values.events import BatchEvent

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from minions.batch.output import Kind, Output
    from minions.run.crew import Books
    from minions.store.batches import Batches, ItemRun
    from minions.store.runs import Runs

_FINAL: Final = frozenset({"answered", "no_answer", "timeout"})


class BatchSummary(Value):
    """The counts of a batch that finished, or that was stopped by its budget or by the user.

    ``answered``, ``abstained``, ``stopped`` and ``failed`` count questions that this process asked;
    ``done`` counts all that have a result in the output, and ``left`` those that were not begun.
    ``cost_usd`` covers the whole batch, earlier processes included, and counts a call of unknown
    cost at the most that it can cost. ``saved_usd`` is an estimate for this process's answers,
    against sending all documents with each question; None where a price is unknown.
    """

    stop_reason: Literal["finished", "budget", "interrupted"]
    total: int
    done: int
    answered: int
    abstained: int
    stopped: int
    failed: int
    left: int
    cost_usd: Decimal
    saved_usd: Decimal | None
    elapsed_s: float
    output: str | None = None


@dataclass
class _Counts:
    answered: int = 0
    abstained: int = 0
    stopped: int = 0
    failed: int = 0
    saved_usd: Decimal | None = Decimal(0)

    def add(self, answer: Answer) -> None:
        match answer.stop_reason:
            case "answered":
                self.answered += 1
            case "no_answer":
                self.abstained += 1
            case "error" | "timeout":
                self.failed += 1
            case _:
                self.stopped += 1
        if answer.stop_reason == "answered" and answer.baseline is not None:
            baseline_usd = answer.baseline.remote_only.cost_usd
            spent_usd = answer.usage.planner.cost_usd
            if self.saved_usd is None or baseline_usd is None or spent_usd is None:
                self.saved_usd = None  # from the first unknown price on, the sum is unknown
            else:
                self.saved_usd += baseline_usd - spent_usd


class Results:
    """The results of one batch; without ``output`` and ``batches`` they are only counted.

    All methods that write raise StoreError.
    """

    def __init__(
        self,
        books: Books,
        runs: Runs,
        *,
        total: int,
        output: Output | None = None,
        batches: Batches | None = None,
    ) -> None:
        self._books = books
        self._runs = runs
        self._output = output
        self._batches = batches
        self._total = total
        self._counts = _Counts()
        self._done_before = 0
        self._recorded: Mapping[str, Kind] = {}
        self._recorded_runs: Mapping[str, str] = {}
        if output is not None:  # both change as records are appended
            self._recorded = output.recorded
            self._recorded_runs = output.runs
        self._started_s = books.clock.monotonic_s()

    def finish(self, answer: Answer) -> Answer:
        """Write the answer of a question that ended.

        An answer that a limit cut short is not delivered: the batch may resume its run.
        """
        self._write(answer)
        if answer.stop_reason in _FINAL:
            self._deliver(answer.run_id)
        return self._counted(answer)

    def fail(self, item: Item, run_id: str, error: Exception) -> Answer:
        """Write the error of a question that failed, with the findings of its run until then."""
        try:
            found = self._runs.get(run_id).answer
        except UsageError:  # it failed before its run began
            found = None
        if found is None:
            found = _without_answer(run_id, item.question)
        answer = found.model_copy(update={"id": item.id, "stop_reason": "error"})
        message = f"a bug in minions: {error}"
        hint: str | None = "report it"
        if isinstance(error, MinionsError):
            message = error.message
            hint = error.hint
        self._write(answer, error={"type": type(error).__name__, "message": message, "hint": hint})
        self._deliver(run_id)
        return self._counted(answer)

    def refuse(self, bad: BadLine) -> Answer:
        """Write the error of a line that cannot be asked."""
        message = bad.reason
        if bad.line is not None:
            message = f"line {bad.line}: {bad.reason}"
        answer = _without_answer("", "")
        answer = answer.model_copy(update={"id": bad.id, "warnings": (bad.reason,)})
        self._write(answer, error={"type": "BadLine", "message": message, "hint": bad.hint})
        return self._counted(answer)

    def skip(
        self, items: Iterable[Item | BadLine], *, retry_errors: bool, begun: Collection[str] = ()
    ) -> list[Item | BadLine]:
        """The items that have no result in the output, or whose run was ``begun`` again since.

        With ``retry_errors``, also those that failed.
        """
        left = []
        for item in items:
            kind = self._recorded.get(item.id, "open")
            if is_asked_again(kind, retry_errors=retry_errors or item.id in begun):
                left.append(item)
        self._done_before = self._total - len(left)
        return left

    def recover(self, items: Sequence[Item | BadLine], found: Iterable[ItemRun]) -> dict[str, str]:
        """Write the results that an earlier process finished, but did not write before it ended.

        Returns the runs to resume, by the id of their question.
        """
        questions = {item.id: item.question for item in items if isinstance(item, Item)}
        resumed: dict[str, str] = {}
        for run in found:
            kind = self._recorded.get(run.item)
            # A failure is final for the run that failed: a later run retries the question.
            has_failed = kind == "failed" and self._recorded_runs.get(run.item) == run.run_id
            if kind == "done" or has_failed or questions.get(run.item) != run.question:
                # It has its result, or is not asked any more: the kept replies can be deleted.
                self._deliver(run.run_id)
            elif run.status in _FINAL and run.answer is not None:
                self._write(run.answer)
                self._deliver(run.run_id)
            else:
                resumed[run.item] = run.run_id
        return resumed

    def event(self) -> BatchEvent:
        """The counts so far."""
        counts = self._counts
        ended = counts.answered + counts.abstained + counts.failed
        return BatchEvent(
            total=self._total,
            done=self._done_before + ended,
            answered=counts.answered,
            abstained=counts.abstained,
            stopped=counts.stopped,
            failed=counts.failed,
            spent_usd=self._books.budget.spent_usd,
        )

    def summary(self, *, interrupted: bool) -> BatchSummary:
        """The counts at the end."""
        stop_reason: Literal["finished", "budget", "interrupted"] = "finished"
        if interrupted:
            stop_reason = "interrupted"
        elif self._books.budget.refused:
            stop_reason = "budget"
        output = None
        if self._output is not None:
            output = str(self._output.path)
        counts = self.event()
        return BatchSummary(
            stop_reason=stop_reason,
            total=counts.total,
            done=counts.done,
            answered=counts.answered,
            abstained=counts.abstained,
            stopped=counts.stopped,
            failed=counts.failed,
            left=counts.total - counts.done - counts.stopped,
            cost_usd=counts.spent_usd,
            saved_usd=self._counts.saved_usd,
            elapsed_s=round(self._books.clock.monotonic_s() - self._started_s, 3),
            output=output,
        )

    def _write(self, answer: Answer, *, error: dict[str, Any] | None = None) -> None:
        if self._output is None:
            return
        record = json.loads(answer.model_dump_json())
        if error is not None:
            record["error"] = error
        kind = kind_of(record)
        if kind == "open" and self._recorded.get(record["id"]) == "open":
            return  # stopped once more: the record would be the same
        line = json.dumps(record, ensure_ascii=False)
        self._output.append(line, id_=str(answer.id), kind=kind, run_id=answer.run_id)

    def _deliver(self, run_id: str) -> None:
        if self._batches is None or self._books.recovery is None:
            return
        with self._books.ledger.transaction():
            self._books.recovery.finish(run_id)
            self._batches.deliver(run_id)

    def _counted(self, answer: Answer) -> Answer:
        self._counts.add(answer)
        self._books.observe(self.event())
        return answer


def _without_answer(run_id: str, question: str) -> Answer:
    return Answer(
        run_id=run_id, question=question, answer=None, confidence=0.0, stop_reason="error"
    )
